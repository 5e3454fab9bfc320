//! Freshservice: tickets.
//!
//! It knows no repeats by itself. Each ticket has the name of our incident as a tag, and each note a mark.
//!
//! # Source
//! Freshservice API v2, "Tickets" and "Conversations".

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
use crate::{DeskError, FreshserviceConfig, letter};

/// The status of a ticket that nobody has dealt with.
const OPEN: u32 = 2;
/// The status of a ticket that is dealt with.
const RESOLVED: u32 = 4;

#[derive(Debug)]
struct Freshservice {
    api: Api,
    config: FreshserviceConfig,
}

/// The connector of an account.
pub(super) fn new(config: &FreshserviceConfig) -> Result<Tickets, DeskError> {
    // The key stands where the user would; what stands for the password is not looked at.
    let login = Login::Basic(token(&config.name, config.token.as_ref())?, "X");
    let freshservice = Freshservice {
        api: Api::new(config.line(), login)?,
        config: config.clone(),
    };
    Ok(Tickets::new(&config.name, &config.events, freshservice))
}

#[async_trait]
impl TicketDesk for Freshservice {
    async fn find(&self, told: &Told<'_>) -> Result<Option<Ticket>, DeliveryError> {
        let tagged = Question {
            query: vec![("query", format!("\"tag:'{}'\"", tag(told)))],
            ..Question::get("api/v2/tickets/filter")
        };
        let answer = self.api.ask(tagged, told.attempt.at).await?;
        let tickets = answer.get("tickets").and_then(Value::as_array);
        let newest = tickets
            .into_iter()
            .flatten()
            .max_by_key(|ticket| ticket.get("id").and_then(Value::as_u64));
        match newest {
            Some(ticket) => self.ticket(ticket).map(Some),
            None if told.attempt.is_repeat() => self.find_among_newest(told).await,
            None => Ok(None),
        }
    }

    async fn create(
        &self,
        told: &Told<'_>,
        closed: Option<&Ticket>,
    ) -> Result<Ticket, DeliveryError> {
        let mut ticket: Map<String, Value> = self.config.fields.clone().into_iter().collect();
        let mut text = told.text();
        if let Some(closed) = closed {
            text = format!("Follows ticket {}.\n\n{text}", closed.reference);
        }
        let mut put = |name: &str, value: Value| ticket.insert(name.to_owned(), value);
        put("subject", told.subject().into());
        put("description", letter::preformatted(&text).into());
        put("email", self.config.email.clone().into());
        put("status", OPEN.into());
        put("priority", self.priority(told.incident().priority).into());
        let given = ticket.remove("tags");
        let mut tags = given.and_then(|tags| tags.as_array().cloned());
        tags.get_or_insert_default().push(tag(told).into());
        ticket.insert("tags".to_owned(), tags.into());
        let question = Question::send(Method::POST, "api/v2/tickets", Value::Object(ticket));
        let answer = self.api.ask(question, told.attempt.at).await?;
        self.ticket(answer.get("ticket").unwrap_or(&Value::Null))
    }

    async fn knows(&self, ticket: &Ticket, told: &Told<'_>) -> Result<bool, DeliveryError> {
        let (mark, path) = (told.mark(), path(ticket));
        let conversations = Question::get(format!("{path}/conversations"));
        let answer = unless_missing(self.api.ask(conversations, told.attempt.at).await)?;
        let notes = answer
            .as_ref()
            .and_then(|answer| answer.get("conversations"));
        if any_has(notes, "body_text", &mark) {
            return Ok(true);
        }
        let question = Question::get(path);
        let answer = unless_missing(self.api.ask(question, told.attempt.at).await)?;
        let description = answer.as_ref().and_then(|answer| {
            let text = answer.pointer("/ticket/description_text")?.as_str()?;
            Some(text.contains(&mark))
        });
        Ok(description.unwrap_or(false))
    }

    async fn update(&self, ticket: &Ticket, told: &Told<'_>) -> Result<Outcome, DeliveryError> {
        let mut changes = json!({"priority": self.priority(told.incident().priority)});
        let status = match told.kind {
            EventKind::Resolved => Some(RESOLVED),
            EventKind::Reopened => Some(OPEN),
            _ => None,
        };
        if let (Value::Object(changes), Some(status)) = (&mut changes, status) {
            changes.insert("status".to_owned(), status.into());
        }
        let path = path(ticket);
        let question = Question::send(Method::PUT, path.clone(), changes);
        let answer = self.api.ask(question, told.attempt.at).await;
        if unless_missing(answer)?.is_none() {
            return Ok(Outcome::Closed);
        }
        // Last, because by it the whole update is known to be made.
        let note = json!({"body": letter::preformatted(&told.text()), "private": true});
        let question = Question::send(Method::POST, format!("{path}/notes"), note);
        self.api.ask(question, told.attempt.at).await?;
        Ok(Outcome::Made)
    }
}

impl Freshservice {
    fn ticket(&self, ticket: &Value) -> Result<Ticket, DeliveryError> {
        let reference = name_of(ticket.get("id"), "the number of the ticket")?;
        Ok(Ticket {
            url: self.api.address(&format!("a/tickets/{reference}")),
            reference,
        })
    }

    /// What was made a moment ago cannot be found by its tag yet, because the index is filled later.
    async fn find_among_newest(&self, told: &Told<'_>) -> Result<Option<Ticket>, DeliveryError> {
        let question = Question {
            query: vec![
                ("order_type", "desc".to_owned()),
                ("per_page", "100".to_owned()),
            ],
            ..Question::get("api/v2/tickets")
        };
        let answer = self.api.ask(question, told.attempt.at).await?;
        let mark = told.mark();
        let tickets = answer.get("tickets").and_then(Value::as_array);
        let found = tickets.into_iter().flatten().find(|ticket| {
            let text = ticket.get("description_text").and_then(Value::as_str);
            text.is_some_and(|text| text.contains(&mark))
        });
        found.map(|found| self.ticket(found)).transpose()
    }

    fn priority(&self, priority: Priority) -> u32 {
        let configured = self.config.priorities.get(&priority).copied();
        configured.unwrap_or(match priority {
            Priority::P1 => 4,
            Priority::P2 => 3,
            Priority::P3 => 2,
            Priority::P4 => 1,
        })
    }
}

fn path(ticket: &Ticket) -> String {
    format!("api/v2/tickets/{}", ticket.reference)
}

/// The name of the incident without hyphens: a tag has at most 32 characters.
fn tag(told: &Told<'_>) -> String {
    told.incident_id().replace('-', "")
}
