//! PagerDuty's Events API v2: alerts by `dedup_key`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Protocol, text};

/// One alert.
#[derive(Clone, Debug, Default)]
pub struct Alert {
    /// `triggered`, `acknowledged`, `resolved`.
    pub status: String,
    /// `summary` of the last trigger.
    pub summary: String,
    /// `severity` of the last trigger.
    pub severity: String,
    /// How often it was triggered.
    pub triggers: u32,
}

/// A service with the routing key `pagerduty-key`.
#[derive(Clone, Debug, Default)]
pub struct PagerDuty {
    /// The alerts by their `dedup_key`.
    pub alerts: BTreeMap<String, Alert>,
}

impl Protocol for PagerDuty {
    fn answer(&mut self, call: &Call) -> Answer {
        let body = &call.body;
        let (method, parts) = call.parts();
        if (method, parts.as_slice()) != ("POST", &["v2", "enqueue"]) {
            return (404, Value::Null);
        }
        let severity = text(body, "/payload/severity");
        let summary = text(body, "/payload/summary");
        let key = text(body, "/dedup_key");
        let action = text(body, "/event_action");
        let has_payload = ["critical", "error", "warning", "info"].contains(&severity.as_str())
            && (1..=1_024).contains(&summary.chars().count())
            && !text(body, "/payload/source").is_empty();
        let is_known = ["acknowledge", "resolve"].contains(&action.as_str())
            || (action == "trigger" && has_payload);
        if text(body, "/routing_key") != "pagerduty-key" || !is_known || key.is_empty() {
            return (
                400,
                json!({"status": "invalid event", "message": "Event object is invalid"}),
            );
        }
        let alert = self.alerts.entry(key.clone()).or_default();
        match action.as_str() {
            "acknowledge" => "acknowledged".clone_into(&mut alert.status),
            "resolve" => "resolved".clone_into(&mut alert.status),
            _ => {
                if alert.status != "acknowledged" {
                    "triggered".clone_into(&mut alert.status);
                }
                (alert.summary, alert.severity) = (summary, severity);
                alert.triggers += 1;
            }
        }
        (
            202,
            json!({"status": "success", "message": "Event processed", "dedup_key": key}),
        )
    }
}
