//! Zendesk: tickets of Support.
//!
//! # Source
//! Zendesk Ticketing API, "Tickets", "Ticket comments" and "Idempotency".

use async_trait::async_trait;
use model::Priority;
use reqwest::Method;
use serde_json::{Map, Value, json};
use store::{EventKind, Ticket};

use super::{
    DeliveryError,
    http::{Api, Login, Question},
    ticket::{Outcome, TicketDesk, Tickets, Told, any_has, name_of, token, unless_missing},
};
use crate::{DeskError, ZendeskConfig};

#[derive(Debug)]
struct Zendesk {
    api: Api,
    config: ZendeskConfig,
}

/// The connector of an account.
pub(super) fn new(config: &ZendeskConfig) -> Result<Tickets, DeskError> {
    let token = token(&config.name, config.token.as_ref())?;
    let user = config.user.as_ref().map(|user| format!("{user}/token"));
    let login = match &user {
        Some(user) => Login::Basic(user, token),
        None => Login::Bearer(token),
    };
    let zendesk = Zendesk {
        api: Api::new(config.line(), login)?,
        config: config.clone(),
    };
    Ok(Tickets::new(&config.name, &config.events, zendesk))
}

#[async_trait]
impl TicketDesk for Zendesk {
    async fn find(&self, told: &Told<'_>) -> Result<Option<Ticket>, DeliveryError> {
        let question = Question {
            query: vec![("external_id", told.incident_id().to_owned())],
            ..Question::get("api/v2/tickets.json")
        };
        let answer = self.api.ask(question, told.attempt.at).await?;
        let tickets = answer.get("tickets").and_then(Value::as_array);
        // A follow-up has a larger number than what it follows.
        let newest = tickets
            .into_iter()
            .flatten()
            .max_by_key(|ticket| ticket.get("id").and_then(Value::as_u64));
        newest.map(|newest| self.ticket(newest)).transpose()
    }

    async fn create(
        &self,
        told: &Told<'_>,
        closed: Option<&Ticket>,
    ) -> Result<Ticket, DeliveryError> {
        let mut ticket: Map<String, Value> = self.config.fields.clone().into_iter().collect();
        let mut put = |name: &str, value: Value| ticket.insert(name.to_owned(), value);
        put("subject", told.subject().into());
        put("comment", json!({"body": told.text(), "public": false}));
        put("priority", self.priority(told.incident().priority).into());
        put("external_id", told.incident_id().into());
        let number = closed.and_then(|closed| closed.reference.parse::<u64>().ok());
        if let Some(number) = number {
            put("via_followup_source_id", number.into());
        }
        let delivery = &told.attempt.delivery;
        let key = format!("{}-{}", delivery.incident, delivery.sequence);
        let question = Question {
            header: Some(("idempotency-key", key)),
            ..Question::send(
                Method::POST,
                "api/v2/tickets.json",
                json!({"ticket": ticket}),
            )
        };
        let answer = self.api.ask(question, told.attempt.at).await?;
        self.ticket(answer.get("ticket").unwrap_or(&Value::Null))
    }

    async fn knows(&self, ticket: &Ticket, told: &Told<'_>) -> Result<bool, DeliveryError> {
        let question = Question {
            query: vec![("sort_order", "desc".to_owned())],
            ..Question::get(format!("api/v2/tickets/{}/comments.json", ticket.reference))
        };
        let answer = unless_missing(self.api.ask(question, told.attempt.at).await)?;
        let comments = answer.as_ref().and_then(|answer| answer.get("comments"));
        Ok(any_has(comments, "body", &told.mark()))
    }

    async fn update(&self, ticket: &Ticket, told: &Told<'_>) -> Result<Outcome, DeliveryError> {
        let path = format!("api/v2/tickets/{}.json", ticket.reference);
        let mut changes = json!({
            "comment": {"body": told.text(), "public": false},
            "priority": self.priority(told.incident().priority),
        });
        let status = match told.kind {
            EventKind::Resolved => Some("solved"),
            EventKind::Reopened => Some("open"),
            _ => None,
        };
        if let (Value::Object(changes), Some(status)) = (&mut changes, status) {
            changes.insert("status".to_owned(), status.into());
        }
        let question = Question::send(Method::PUT, path.clone(), json!({"ticket": changes}));
        match self.api.ask(question, told.attempt.at).await {
            Ok(_) => Ok(Outcome::Made),
            Err(DeliveryError::Refused { status: 404, .. }) => Ok(Outcome::Closed),
            // Whether a refusal is because it is closed does not stand in the answer by any documented word.
            Err(refused @ DeliveryError::Refused { status: 422, .. }) => {
                let answer = self.api.ask(Question::get(path), told.attempt.at).await?;
                let status = answer.pointer("/ticket/status").and_then(Value::as_str);
                if status == Some("closed") {
                    Ok(Outcome::Closed)
                } else {
                    Err(refused)
                }
            }
            Err(error) => Err(error),
        }
    }
}

impl Zendesk {
    fn ticket(&self, ticket: &Value) -> Result<Ticket, DeliveryError> {
        let reference = name_of(ticket.get("id"), "the number of the ticket")?;
        Ok(Ticket {
            url: self.api.address(&format!("agent/tickets/{reference}")),
            reference,
        })
    }

    fn priority(&self, priority: Priority) -> &str {
        let configured = self.config.priorities.get(&priority).map(String::as_str);
        configured.unwrap_or(match priority {
            Priority::P1 => "urgent",
            Priority::P2 => "high",
            Priority::P3 => "normal",
            Priority::P4 => "low",
        })
    }
}
