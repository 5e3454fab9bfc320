//! Desks that keep tickets: one incident is one ticket, whatever is lost on the way.
//!
//! Desks differ in how a ticket is made and found, not in when: [`Tickets`] says when, [`TicketDesk`] how. Before a
//! ticket is made the desk is asked whether it has one with the name of the incident, and before something is added a
//! second time, whether it is there: an answer that was lost is no second ticket and no second note.

use std::fmt;

use async_trait::async_trait;
use redact::Secret;
use serde_json::Value;
use store::{EventKind, Ticket};

use super::{Attempt, Connector, DeliveryError, Taken, set_up};
use crate::{DeskError, Notice, NoticeIncident, letter};

/// How one kind of desk keeps tickets.
#[async_trait]
pub(super) trait TicketDesk: fmt::Debug + Send + Sync {
    /// The ticket of the incident, if the desk has one.
    async fn find(&self, told: &Told<'_>) -> Result<Option<Ticket>, DeliveryError>;

    /// Makes a ticket, which follows `closed` if there was one that cannot be opened again.
    async fn create(
        &self,
        told: &Told<'_>,
        closed: Option<&Ticket>,
    ) -> Result<Ticket, DeliveryError>;

    /// Whether the ticket has this very event already.
    async fn knows(&self, ticket: &Ticket, told: &Told<'_>) -> Result<bool, DeliveryError>;

    /// Brings the ticket to where the incident is.
    async fn update(&self, ticket: &Ticket, told: &Told<'_>) -> Result<Outcome, DeliveryError>;
}

/// What became of an update.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It was made.
    Made,
    /// The ticket is closed for good, or gone.
    Closed,
}

/// What a desk is told.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) notice: Notice,
    pub(super) kind: EventKind,
}

impl Told<'_> {
    pub(super) const fn incident(&self) -> &NoticeIncident {
        &self.notice.data.incident
    }

    /// The name of the incident, by which the desk's ticket is found again.
    pub(super) fn incident_id(&self) -> &str {
        &self.incident().id
    }

    /// The ticket's subject.
    pub(super) fn subject(&self) -> String {
        letter::subject(&self.notice)
    }

    /// What is written into the ticket; it ends with what it is known by.
    pub(super) fn text(&self) -> String {
        format!("{}\n{}\n", letter::text(&self.notice), self.mark())
    }

    /// What this event is known by in the ticket.
    pub(super) fn mark(&self) -> String {
        let delivery = &self.attempt.delivery;
        format!("[auto-update {} #{}]", delivery.incident, delivery.sequence)
    }

    /// Why it is over.
    pub(super) fn resolution(&self) -> &str {
        let resolution = self.incident().resolution.as_deref();
        resolution.unwrap_or("no reason was given")
    }
}

/// A desk that keeps tickets.
#[derive(Debug)]
pub(crate) struct Tickets {
    name: String,
    events: Vec<EventKind>,
    desk: Box<dyn TicketDesk>,
}

impl Tickets {
    pub(super) fn new(name: &str, events: &[EventKind], desk: impl TicketDesk + 'static) -> Self {
        Self {
            name: name.to_owned(),
            events: events.to_vec(),
            desk: Box::new(desk),
        }
    }

    /// What is to be done at a desk that has no ticket that we know of.
    async fn first(&self, told: &Told<'_>) -> Result<Option<Ticket>, DeliveryError> {
        if let Some(ticket) = self.desk.find(told).await? {
            return self.later(ticket, told).await.map(Some);
        }
        if told.kind == EventKind::Resolved {
            // The desk never heard of it, and need not.
            return Ok(None);
        }
        self.desk.create(told, None).await.map(Some)
    }

    async fn later(&self, ticket: Ticket, told: &Told<'_>) -> Result<Ticket, DeliveryError> {
        // An incident is opened once: where it has a ticket, that was made of it.
        if told.kind == EventKind::Opened || self.is_repeated(&ticket, told).await? {
            return Ok(ticket);
        }
        let outcome = self.desk.update(&ticket, told).await?;
        if outcome == Outcome::Made || told.kind == EventKind::Resolved {
            return Ok(ticket);
        }
        match self.desk.find(told).await? {
            Some(successor) if successor.reference != ticket.reference => Ok(successor),
            _ => self.desk.create(told, Some(&ticket)).await,
        }
    }

    async fn is_repeated(&self, ticket: &Ticket, told: &Told<'_>) -> Result<bool, DeliveryError> {
        Ok(told.attempt.is_repeat() && self.desk.knows(ticket, told).await?)
    }
}

/// A name that a desk gave, which can stand in an address.
pub(super) fn name_of(value: Option<&Value>, what: &'static str) -> Result<String, DeliveryError> {
    let name = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    if (1..=64).contains(&name.len()) && name.chars().all(is_plain) {
        Ok(name)
    } else {
        Err(DeliveryError::Answer { what })
    }
}

/// Whether a text of `list` under `field` has `mark`.
pub(super) fn any_has(list: Option<&Value>, field: &str, mark: &str) -> bool {
    let texts = list.and_then(Value::as_array).into_iter().flatten();
    texts
        .filter_map(|one| one.get(field)?.as_str())
        .any(|text| text.contains(mark))
}

/// An answer, or nothing where the desk says that there is nothing.
pub(super) fn unless_missing(
    answer: Result<Value, DeliveryError>,
) -> Result<Option<Value>, DeliveryError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(DeliveryError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The token that the configuration must have.
pub(super) fn token<'a>(
    name: &str,
    token: Option<&'a Secret<String>>,
) -> Result<&'a str, DeskError> {
    token
        .map(|token| token.expose().as_str())
        .ok_or_else(|| set_up(name, "it has no token"))
}

#[async_trait]
impl Connector for Tickets {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.events.contains(&kind)
    }

    async fn deliver(&self, attempt: &Attempt) -> Result<Taken, DeliveryError> {
        let told = Told {
            attempt,
            notice: attempt.notice()?,
            kind: attempt.delivery.kind,
        };
        let ticket = match attempt.ticket.clone() {
            Some(ticket) => Some(self.later(ticket, &told).await?),
            None => self.first(&told).await?,
        };
        Ok(Taken { ticket })
    }
}
