//! Incoming webhooks of Slack and Teams: they take messages, and refuse what is none.

use serde_json::{Value, json};

use super::{Answer, Call, Protocol, text};

/// A channel that both kinds of webhooks write to.
#[derive(Clone, Debug, Default)]
pub struct Chat {
    /// The messages, in order.
    pub messages: Vec<Value>,
}

impl Protocol for Chat {
    fn answer(&mut self, call: &Call) -> Answer {
        let body = &call.body;
        let is_slack = call.path == "services/T0/B0/slack-token"
            && !text(body, "/text").is_empty()
            && text(body, "/blocks/0/text/text").chars().count() <= 3_000;
        let is_teams = call.path == "workflows/teams-token"
            && text(body, "/attachments/0/content/type") == "AdaptiveCard"
            && body.to_string().len() <= 28_000;
        if !is_slack && !is_teams {
            return (404, json!("no_service"));
        }
        self.messages.push(body.clone());
        (if is_slack { 200 } else { 202 }, Value::Null)
    }
}
