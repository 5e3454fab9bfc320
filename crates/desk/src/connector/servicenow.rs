//! `ServiceNow`: records of the table of incidents.
//!
//! `correlation_id` is the name of our incident, and `correlation_display` the number of the last event that the record
//! has: it is written together with the note of that event, so that a repeat is known.
//!
//! # Source
//! `ServiceNow` REST API, "Table API"; states and close codes of the base system.

use async_trait::async_trait;
use model::Priority;
use reqwest::Method;
use serde_json::{Map, Value, json};
use store::{EventKind, Ticket};

use super::{
    DeliveryError,
    http::{Api, Login, Question},
    ticket::{Outcome, TicketDesk, Tickets, Told, name_of, token, unless_missing},
};
use crate::{DeskError, ImpactUrgency, ServiceNowConfig};

/// The longest short description, in characters.
const SHORT_CHARS: usize = 160;

/// "Closed" and "Canceled": states that no update leads out of.
const CLOSED_STATES: [&str; 2] = ["7", "8"];

/// What stands before the number of the last event.
const EVENT: &str = "auto-update ";

#[derive(Debug)]
struct ServiceNow {
    api: Api,
    config: ServiceNowConfig,
}

/// The connector of an instance.
pub(super) fn new(config: &ServiceNowConfig) -> Result<Tickets, DeskError> {
    let token = token(&config.name, config.token.as_ref())?;
    let login = match &config.user {
        Some(user) => Login::Basic(user, token),
        None => Login::Header("x-sn-apikey", token),
    };
    let servicenow = ServiceNow {
        api: Api::new(config.line(), login)?,
        config: config.clone(),
    };
    Ok(Tickets::new(&config.name, &config.events, servicenow))
}

#[async_trait]
impl TicketDesk for ServiceNow {
    async fn find(&self, told: &Told<'_>) -> Result<Option<Ticket>, DeliveryError> {
        let query = format!(
            "correlation_id={}^ORDERBYDESCsys_created_on",
            told.incident_id()
        );
        let question = Question {
            query: vec![
                ("sysparm_query", query),
                ("sysparm_limit", "1".to_owned()),
                ("sysparm_fields", "sys_id".to_owned()),
            ],
            ..Question::get(self.table())
        };
        let answer = self.api.ask(question, told.attempt.at).await?;
        let Some(record) = answer.pointer("/result/0") else {
            return Ok(None);
        };
        self.ticket(record).map(Some)
    }

    async fn create(
        &self,
        told: &Told<'_>,
        closed: Option<&Ticket>,
    ) -> Result<Ticket, DeliveryError> {
        let mut record: Map<String, Value> = self.config.fields.clone().into_iter().collect();
        let incident = told.incident();
        let ImpactUrgency { impact, urgency } = self.impact_urgency(incident.priority);
        let short: String = told.subject().chars().take(SHORT_CHARS).collect();
        let mut put = |name: &str, value: String| record.insert(name.to_owned(), value.into());
        put("short_description", short);
        put("description", told.text());
        put("impact", impact.to_string());
        put("urgency", urgency.to_string());
        put("correlation_id", told.incident_id().to_owned());
        put("correlation_display", event(told));
        if let Some(url) = closed.and_then(|closed| closed.url.clone()) {
            put("work_notes", format!("Follows {url}"));
        }
        let question = Question::send(Method::POST, self.table(), Value::Object(record));
        let answer = self.api.ask(question, told.attempt.at).await?;
        self.ticket(answer.get("result").unwrap_or(&Value::Null))
    }

    async fn knows(&self, ticket: &Ticket, told: &Told<'_>) -> Result<bool, DeliveryError> {
        let record = self.record(ticket, told).await?;
        let last = record
            .as_ref()
            .and_then(|record| text(record, "correlation_display"))
            .and_then(|text| text.strip_prefix(EVENT)?.parse::<u32>().ok());
        Ok(last.is_some_and(|last| last >= told.attempt.delivery.sequence))
    }

    async fn update(&self, ticket: &Ticket, told: &Told<'_>) -> Result<Outcome, DeliveryError> {
        let Some(record) = self.record(ticket, told).await? else {
            return Ok(Outcome::Closed);
        };
        if text(&record, "state").is_some_and(|state| CLOSED_STATES.contains(&state)) {
            return Ok(Outcome::Closed);
        }
        let mut changes = json!({
            "work_notes": told.text(),
            "correlation_display": event(told),
        });
        let more = match told.kind {
            EventKind::Resolved => json!({
                "state": self.config.resolved_state.to_string(),
                "close_code": self.config.close_code,
                "close_notes": told.resolution(),
            }),
            EventKind::Reopened => json!({"state": self.config.reopened_state.to_string()}),
            _ => json!({}),
        };
        if let (Value::Object(changes), Value::Object(more)) = (&mut changes, more) {
            changes.extend(more);
        }
        let question = Question::send(Method::PATCH, self.path(ticket), changes);
        let answer = self.api.ask(question, told.attempt.at).await;
        Ok(unless_missing(answer)?.map_or(Outcome::Closed, |_record| Outcome::Made))
    }
}

impl ServiceNow {
    fn table(&self) -> String {
        format!("api/now/table/{}", self.config.table)
    }

    fn path(&self, ticket: &Ticket) -> String {
        format!("{}/{}", self.table(), ticket.reference)
    }

    fn ticket(&self, record: &Value) -> Result<Ticket, DeliveryError> {
        let reference = name_of(record.get("sys_id"), "the `sys_id` of the record")?;
        let table = &self.config.table;
        Ok(Ticket {
            url: self.api.address(&format!("{table}.do?sys_id={reference}")),
            reference,
        })
    }

    async fn record(
        &self,
        ticket: &Ticket,
        told: &Told<'_>,
    ) -> Result<Option<Value>, DeliveryError> {
        let question = Question {
            query: vec![("sysparm_fields", "state,correlation_display".to_owned())],
            ..Question::get(self.path(ticket))
        };
        unless_missing(self.api.ask(question, told.attempt.at).await)
    }

    fn impact_urgency(&self, priority: Priority) -> ImpactUrgency {
        let configured = self.config.priorities.get(&priority).copied();
        // The matrix of the base system makes priorities 1 to 4 of these.
        let (impact, urgency) = match priority {
            Priority::P1 => (1, 1),
            Priority::P2 => (1, 2),
            Priority::P3 => (2, 2),
            Priority::P4 => (2, 3),
        };
        configured.unwrap_or(ImpactUrgency { impact, urgency })
    }
}

/// A field of the record that was answered.
fn text<'a>(answer: &'a Value, field: &str) -> Option<&'a str> {
    answer.get("result")?.get(field)?.as_str()
}

/// What says that the record has this event.
fn event(told: &Told<'_>) -> String {
    format!("{EVENT}{}", told.attempt.delivery.sequence)
}
