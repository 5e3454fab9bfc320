//! Teams, through an incoming webhook of a workflow. It takes cards only: each event is one.
//!
//! # Source
//! Microsoft Teams, "Create incoming webhooks with Workflows"; Adaptive Cards 1.4.

use std::fmt;

use async_trait::async_trait;
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::EventKind;

use super::{Attempt, Connector, DeliveryError, Taken, http, slack::Chat};
use crate::{ChatConfig, DeskError, Notice, letter};

/// One channel.
pub(super) struct Teams(Chat);

impl fmt::Debug for Teams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Teams").field(&self.0.name).finish()
    }
}

impl Teams {
    pub(super) fn new(config: &ChatConfig) -> Result<Self, DeskError> {
        Chat::new(config).map(Self)
    }
}

#[async_trait]
impl Connector for Teams {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.0.events.contains(&kind)
    }

    async fn deliver(&self, attempt: &Attempt) -> Result<Taken, DeliveryError> {
        let card = message(&attempt.notice()?);
        let request = self.0.http.post(self.0.url.clone()).json(&card);
        let answer = http::take(request, attempt.at).await?;
        refusal(&String::from_utf8_lossy(&answer)).map_or(Ok(Taken::default()), Err)
    }
}

/// The older webhooks answer 200 also when the message went no further, and say so only in the text.
fn refusal(answer: &str) -> Option<DeliveryError> {
    let (_, behind) = answer.split_once("returned HTTP error ")?;
    let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
    let status = digits.parse().unwrap_or(StatusCode::BAD_GATEWAY.as_u16());
    Some(DeliveryError::Refused {
        status,
        said: "the message went no further".to_owned(),
        retry_after: None,
    })
}

fn message(notice: &Notice) -> Value {
    let incident = &notice.data.incident;
    let mut body = vec![json!({
        "type": "TextBlock",
        "text": plain(&letter::opening(notice)),
        "weight": "bolder",
        "size": "medium",
        "wrap": true,
    })];
    for (name, text) in letter::paragraphs(notice) {
        body.push(json!({"type": "TextBlock", "text": name, "weight": "bolder", "wrap": true}));
        body.push(json!({"type": "TextBlock", "text": plain(text), "wrap": true}));
    }
    let facts: Vec<Value> = letter::facts(incident)
        .into_iter()
        .map(|(title, value)| json!({"title": title, "value": plain(&value)}))
        .collect();
    body.push(json!({"type": "FactSet", "facts": facts}));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
            },
        }],
    })
}

/// Text in which Markdown finds no link: others' words must not lead anywhere.
fn plain(text: &str) -> String {
    text.replace('[', "\\[").replace(']', "\\]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_webhook_that_says_200_and_means_429_is_not_believed() {
        let said = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with \
                    ContextId tcid=0";
        let refused = refusal(said);
        assert!(matches!(
            refused,
            Some(DeliveryError::Refused { status: 429, .. })
        ));
        assert!(refusal("1").is_none());
        assert!(refusal("").is_none());
    }
}
