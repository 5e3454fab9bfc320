//! Incidents as the service desk sees them: rules, texts, connectors and the outbox.
//!
//! A [`Failure`] is raised; the [`Desk`] opens an incident for it, or counts it on the one that is open, or opens
//! again one that was over a short while ago. [`Desk::resolve`] closes all incidents of a title after one fully good
//! run. Each change that desks are told of puts deliveries into the outbox, in the same transaction;
//! [`Desk::deliver_due`] makes them, at least once.
//!
//! ```ignore
//! let desk = Desk::new(config, db, clock, scrubber)?;
//! let incident = desk.raise(&Failure { title, class, cause, run: Some(run), step, next_step, excerpt }).await?;
//! desk.resolve(&title, good_run).await?;
//! desk.deliver_due().await?;
//! ```
//!
//! - **Key**: scope, title and class; never the version, never the run.
//! - **Event**: opened, updated, reopened or resolved; each is a [`Notice`] to every connector that wants it.
//! - **Delivery**: one event for one connector; its id is the same over all attempts.
//! - **Clock**: until when somebody must have taken an incident, and until when it must be over, by priority, in the
//!   hours of a calendar if it has one. They stand still while the incident waits for somebody else.
//! - **Quiet**: an incident is kept, but desks are not told: in maintenance, while it may pass by itself, while it comes
//!   and goes. When that ends they are told where it stands.
//!
//! - **Endpoint**: somebody's program that is called with what happens to runs, publications, holds and incidents, whether
//!   or not a desk is told; each event is one delivery, at least once, in order for each thing.
//!
//! **Invariants**
//! - An incident and what desks are told of it change together or not at all: no crash loses a delivery.
//! - Raising one failure of one run twice counts once.
//! - No text enters an incident that has not gone through the scrubber and been shortened.
//! - Repeats are told at 2, 5, 10, 20, 50 … or once a day, never each time.
//! - Redirects are never followed, and nothing leaves without TLS except where the configuration says so.
//!
//! - One incident is one ticket at a desk, however often a delivery is made: what the desk calls it is kept, and where
//!   an answer may have been lost, the desk is asked before anything is made there again.
//!
//! # Source
//! Standard Webhooks 1.0.0, <https://www.standardwebhooks.com>; RFC 5322 §3.6.4 for threads of mails.
#![forbid(unsafe_code)]

mod calendar;
mod clean;
mod clock;
mod config;
mod connector;
mod desk;
mod digest;
mod drill;
mod error;
mod failure;
mod hands;
mod letter;
mod notice;
mod outbox;
mod quiet;
mod rules;
mod tick;
mod webhooks;
mod words;

pub use calendar::{Calendar, CalendarConfig, Hours};
pub use config::{
    ChatConfig, Clocks, Config, EmailConfig, EndpointConfig, Flapping, FreshserviceConfig,
    ImpactUrgency, JiraConfig, MailTls, PagerDutyConfig, Patience, SecretPlace, ServiceNowConfig,
    WebhookConfig, WebhooksConfig, ZendeskConfig,
};
pub use connector::{Attempt, Connector, DeliveryError, SigningKey, Taken};
pub use desk::Desk;
pub use digest::{DigestConfig, Letter};
pub use drill::ConnectorState;
pub use error::DeskError;
pub use failure::Failure;
pub use hands::NewMaintenance;
pub use notice::{Notice, NoticeData, NoticeIncident, SCHEMA};
pub use outbox::{BACK_OFF, Tally};
pub use words::{advice, headline};
