//! Slack, through an incoming webhook. It takes messages only: each event is one.
//!
//! # Source
//! Slack API, "Sending messages using incoming webhooks", "Formatting text for app surfaces".

use std::fmt;

use async_trait::async_trait;
use reqwest::Client;
use serde_json::{Value, json};
use store::EventKind;
use url::Url;

use super::{
    Attempt, Connector, DeliveryError, Taken,
    http::{self, Line},
    set_up,
};
use crate::{ChatConfig, DeskError, Notice, letter};

/// The longest text of a block, in characters.
const BLOCK_CHARS: usize = 3_000;

/// One channel.
pub(super) struct Slack(Chat);

/// What channels of Slack and Teams have in common.
pub(super) struct Chat {
    pub(super) name: String,
    pub(super) url: Url,
    pub(super) http: Client,
    pub(super) events: Vec<EventKind>,
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slack").field(&self.0.name).finish()
    }
}

impl Chat {
    pub(super) fn new(config: &ChatConfig) -> Result<Self, DeskError> {
        let address = config.url.as_ref();
        let address = address.ok_or_else(|| set_up(&config.name, "it has no address"))?;
        let line = Line {
            name: &config.name,
            address: address.expose(),
            allow_loopback_http: config.allow_loopback_http,
            timeout_seconds: config.timeout_seconds,
        };
        let (url, http) = line.open()?;
        Ok(Self {
            name: config.name.clone(),
            url,
            http,
            events: config.events.clone(),
        })
    }
}

impl Slack {
    pub(super) fn new(config: &ChatConfig) -> Result<Self, DeskError> {
        Chat::new(config).map(Self)
    }
}

#[async_trait]
impl Connector for Slack {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.0.events.contains(&kind)
    }

    async fn deliver(&self, attempt: &Attempt) -> Result<Taken, DeliveryError> {
        let message = message(&attempt.notice()?);
        let request = self.0.http.post(self.0.url.clone()).json(&message);
        http::take(request, attempt.at).await?;
        Ok(Taken::default())
    }
}

fn message(notice: &Notice) -> Value {
    let headline = escape(&letter::opening(notice));
    let incident = &notice.data.incident;
    let mut lines = vec![format!("*{headline}*")];
    lines.extend(letter::paragraphs(notice).map(|(name, text)| {
        let text = escape(text);
        format!("*{name}*\n{text}")
    }));
    let text: String = lines.join("\n\n").chars().take(BLOCK_CHARS).collect();
    let facts = letter::facts(incident)
        .into_iter()
        .map(|(name, value)| format!("{name}: {}", escape(&value)));
    let facts: String = facts
        .collect::<Vec<_>>()
        .join(" · ")
        .chars()
        .take(BLOCK_CHARS)
        .collect();
    json!({
        "text": format!("[{}] {headline}", incident.priority),
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": facts, "verbatim": true}]},
        ],
    })
}

/// What Slack would take for its own marks.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
