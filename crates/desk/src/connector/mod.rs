//! Ways to tell a desk something: one file each.

mod caller;
mod email;
mod freshservice;
mod http;
mod jira;
mod pagerduty;
mod servicenow;
mod signature;
mod slack;
mod teams;
mod ticket;
mod webhook;
mod zendesk;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use model::Timestamp;
use redact::Scrubber;
use store::{Delivery, EventKind, Ticket};

pub(crate) use caller::Caller;
pub(crate) use http::Line;
pub use signature::SigningKey;

use crate::{Config, DeskError, Letter, Notice};

/// One way to tell one desk of incidents.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync {
    /// Its name, by which the outbox knows it.
    fn name(&self) -> &str;

    /// Whether it is told of events of this kind.
    fn wants(&self, kind: EventKind) -> bool;

    /// Tells the desk, once, and answers what it calls the incident.
    ///
    /// # Errors
    /// If the desk did not take it.
    ///
    /// # Cancellation
    /// The desk may have taken it; it knows the repeat by the name of the delivery.
    async fn deliver(&self, attempt: &Attempt) -> Result<Taken, DeliveryError>;

    /// Sends a letter that is about no single incident, where the desk takes such.
    ///
    /// # Errors
    /// If it does not, or did not take this one.
    ///
    /// # Cancellation
    /// It may have been sent.
    async fn post(&self, _letter: &Letter) -> Result<(), DeliveryError> {
        Err(DeliveryError::NoLetters)
    }
}

/// One attempt at one delivery.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The delivery.
    pub delivery: Delivery,
    /// When the attempt is made.
    pub at: Timestamp,
    /// What the desk calls the incident, if it told us.
    pub ticket: Option<Ticket>,
}

impl Attempt {
    /// Whether an attempt was begun before, of which nobody knows how far it came.
    pub(crate) const fn is_repeat(&self) -> bool {
        self.delivery.attempts > 1 || self.delivery.last_error.is_some()
    }

    /// What the delivery says.
    pub(crate) fn notice(&self) -> Result<Notice, DeliveryError> {
        serde_json::from_value(self.delivery.payload.clone())
            .map_err(|source| DeliveryError::Notice { source })
    }
}

/// What became of a delivery that a desk took.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Taken {
    /// What the desk calls the incident, where it keeps tickets.
    pub ticket: Option<Ticket>,
}

/// Why a desk did not take a delivery. The texts hold no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// It wants to hear nothing any more.
    #[error("it answered 410 Gone: it wants to hear nothing any more")]
    Gone,
    /// It answered, but not that it took the delivery.
    #[error("it answered {status}{}", colon(said))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said about it, shortened; empty if nothing.
        said: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer came.
    #[error("it did not answer")]
    Unreachable {
        /// What the transport says, without the address.
        source: reqwest::Error,
    },
    /// It answered what its documentation does not say.
    #[error("it answered without {what}")]
    Answer {
        /// What was missing.
        what: &'static str,
    },
    /// The mail server did not take the mail.
    #[error("the mail server did not take the mail")]
    Mail {
        /// What the transport says.
        source: lettre::transport::smtp::Error,
    },
    /// No mail can be written from the delivery.
    #[error("no mail can be written")]
    Letter {
        /// What is wrong.
        source: lettre::error::Error,
    },
    /// It takes notices of incidents only.
    #[error("it takes notices of incidents only")]
    NoLetters,
    /// The delivery is not a notice of this program.
    #[error("the notice cannot be read")]
    Notice {
        /// What the decoder says.
        source: serde_json::Error,
    },
}

impl DeliveryError {
    /// How long the desk wants to be left alone.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn colon(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}

/// The connectors of `config`.
pub(crate) fn all(config: &Config) -> Result<Vec<Arc<dyn Connector>>, DeskError> {
    let mut connectors: Vec<Arc<dyn Connector>> = Vec::new();
    for email in &config.email {
        connectors.push(Arc::new(email::Email::new(email)?));
    }
    for webhook in &config.webhook {
        connectors.push(Arc::new(webhook::Webhook::new(webhook)?));
    }
    for jira in &config.jira {
        connectors.push(Arc::new(jira::new(jira)?));
    }
    for servicenow in &config.servicenow {
        connectors.push(Arc::new(servicenow::new(servicenow)?));
    }
    for zendesk in &config.zendesk {
        connectors.push(Arc::new(zendesk::new(zendesk)?));
    }
    for freshservice in &config.freshservice {
        connectors.push(Arc::new(freshservice::new(freshservice)?));
    }
    for pagerduty in &config.pagerduty {
        connectors.push(Arc::new(pagerduty::PagerDuty::new(pagerduty)?));
    }
    for slack in &config.slack {
        connectors.push(Arc::new(slack::Slack::new(slack)?));
    }
    for teams in &config.teams {
        connectors.push(Arc::new(teams::Teams::new(teams)?));
    }
    let mut names = BTreeSet::new();
    for connector in &connectors {
        if connector.name().is_empty() || !names.insert(connector.name()) {
            return Err(set_up(connector.name(), "its name is empty, or used twice"));
        }
    }
    Ok(connectors)
}

/// Makes the secrets of `config` known to `scrubber`.
pub(crate) fn learn_secrets(config: &Config, scrubber: &mut Scrubber) {
    for secret in config.secrets() {
        scrubber.learn(secret.expose());
        scrubber.learn(secret.expose().trim_start_matches("whsec_"));
    }
}

pub(crate) fn set_up(connector: &str, why: impl fmt::Display) -> DeskError {
    DeskError::SetUp {
        connector: connector.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
#[path = "desks_tests.rs"]
mod tests;
