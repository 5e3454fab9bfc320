//! Ways to tell a desk something: one file each.

mod email;
mod signature;
mod webhook;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use model::Timestamp;
use redact::Scrubber;
use store::{Delivery, EventKind};

pub use signature::SigningKey;

use crate::{Config, DeskError};

/// One way to tell one desk of incidents.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync {
    /// Its name, by which the outbox knows it.
    fn name(&self) -> &str;

    /// Whether it is told of events of this kind.
    fn wants(&self, kind: EventKind) -> bool;

    /// Tells the desk, once.
    ///
    /// # Errors
    /// If the desk did not take it.
    ///
    /// # Cancellation
    /// The desk may have taken it; it knows the repeat by the name of the delivery.
    async fn deliver(&self, attempt: &Attempt) -> Result<(), DeliveryError>;
}

/// One attempt at one delivery.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The delivery.
    pub delivery: Delivery,
    /// When the attempt is made.
    pub at: Timestamp,
}

/// Why a desk did not take a delivery. The texts hold no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// It wants to hear nothing any more.
    #[error("it answered 410 Gone: it wants to hear nothing any more")]
    Gone,
    /// It answered, but not that it took the delivery.
    #[error("it answered {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer came.
    #[error("it did not answer")]
    Unreachable {
        /// What the transport says, without the address.
        source: reqwest::Error,
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

/// The connectors of `config`.
pub(crate) fn all(config: &Config) -> Result<Vec<Arc<dyn Connector>>, DeskError> {
    let mut connectors: Vec<Arc<dyn Connector>> = Vec::new();
    for email in &config.email {
        connectors.push(Arc::new(email::Email::new(email)?));
    }
    for webhook in &config.webhook {
        connectors.push(Arc::new(webhook::Webhook::new(webhook)?));
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
    for password in config
        .email
        .iter()
        .filter_map(|email| email.password.as_ref())
    {
        scrubber.learn(password.expose());
    }
    for webhook in &config.webhook {
        scrubber.learn(webhook.url.expose());
        for secret in &webhook.secrets {
            scrubber.learn(secret.expose());
            scrubber.learn(secret.expose().trim_start_matches("whsec_"));
        }
    }
}

fn set_up(connector: &str, why: impl fmt::Display) -> DeskError {
    DeskError::SetUp {
        connector: connector.to_owned(),
        why: why.to_string(),
    }
}
