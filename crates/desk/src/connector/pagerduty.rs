//! PagerDuty, through the Events API v2.
//!
//! It knows repeats itself: every event of an incident has the incident's name as `dedup_key`.
//!
//! # Source
//! PagerDuty Events API v2, "Send an alert event".

use std::fmt;

use async_trait::async_trait;
use model::Priority;
use redact::Secret;
use reqwest::Client;
use serde_json::{Value, json};
use store::{EventKind, IncidentState};
use url::Url;

use super::{Attempt, Connector, DeliveryError, Taken, http, set_up};
use crate::{DeskError, Notice, PagerDutyConfig, letter};

/// The longest summary, in characters.
const SUMMARY_CHARS: usize = 1_024;

/// One service of PagerDuty.
pub(super) struct PagerDuty {
    url: Url,
    http: Client,
    routing_key: Secret<String>,
    config: PagerDutyConfig,
}

impl fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagerDuty")
            .field("name", &self.config.name)
            .finish_non_exhaustive()
    }
}

impl PagerDuty {
    pub(super) fn new(config: &PagerDutyConfig) -> Result<Self, DeskError> {
        let (url, http) = config.line().open()?;
        let routing_key = config.routing_key.clone();
        Ok(Self {
            url,
            http,
            routing_key: routing_key
                .ok_or_else(|| set_up(&config.name, "it has no routing key"))?,
            config: config.clone(),
        })
    }

    fn event(&self, notice: &Notice, attempt: &Attempt) -> Value {
        let incident = &notice.data.incident;
        let kind = attempt.delivery.kind;
        let action = action(notice, kind);
        let mut event = json!({
            "routing_key": self.routing_key.expose(),
            "event_action": action,
            "dedup_key": incident.id,
            "client": "Auto-Update",
        });
        if action == "trigger" {
            let summary: String = letter::subject(notice)
                .chars()
                .take(SUMMARY_CHARS)
                .collect();
            let payload = json!({
                "summary": summary,
                "source": incident.title,
                "severity": self.severity(incident.priority),
                "timestamp": incident.last_seen_at,
                "component": incident.title,
                "group": incident.scope,
                "class": incident.class,
                "custom_details": {
                    "event": notice.type_,
                    "cause": incident.cause,
                    "next_step": incident.next_step,
                    "step": incident.step,
                    "run": incident.run,
                    "repeats": incident.repeats,
                    "respond_by": incident.respond_by_at,
                    "resolve_by": incident.resolve_by_at,
                    "excerpt": incident.excerpt,
                },
            });
            if let Value::Object(event) = &mut event {
                event.insert("payload".to_owned(), payload);
            }
        }
        event
    }

    fn severity(&self, priority: Priority) -> &str {
        let configured = self.config.priorities.get(&priority).map(String::as_str);
        configured.unwrap_or(match priority {
            Priority::P1 => "critical",
            Priority::P2 => "error",
            Priority::P3 => "warning",
            Priority::P4 => "info",
        })
    }
}

/// Acknowledged is what somebody has taken and what has not happened again since; saying so twice does no harm.
pub(super) fn action(notice: &Notice, kind: EventKind) -> &'static str {
    let incident = &notice.data.incident;
    let taken_at = incident.acknowledged_at;
    let is_taken = incident.state == IncidentState::Acknowledged
        && taken_at.is_some_and(|at| incident.last_seen_at <= at);
    match kind {
        EventKind::Resolved => "resolve",
        EventKind::Updated | EventKind::Noted if is_taken => "acknowledge",
        _ => "trigger",
    }
}

#[async_trait]
impl Connector for PagerDuty {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.config.events.contains(&kind)
    }

    async fn deliver(&self, attempt: &Attempt) -> Result<Taken, DeliveryError> {
        let event = self.event(&attempt.notice()?, attempt);
        let request = self.http.post(self.url.clone()).json(&event);
        http::take(request, attempt.at).await?;
        Ok(Taken::default())
    }
}
