//! Everything that must outlive the process: all SQL is here.
//!
//! [`Db`] is one SQLite file with write-ahead log, or a database on a PostgreSQL server that several machines share; its
//! methods are named noun first (`incident_list`, `delivery_claim`), one file a thing. The tables are described by the
//! migrations in `/migrations`, one folder an engine, which are built in and applied when the database is opened.
//!
//! ```text
//! let db = Db::open(Path::new("var/auto-update.db")).await?;
//! for incident in db.incident_list(IncidentFilter::Unresolved).await? { … }
//! ```
//!
//! **Invariants**
//! - Nothing else in the house names sqlx, and rows are private: what comes out are words of `model`.
//! - This crate does not know what a row means. Rules live with their callers; where a rule needs a read and a write
//!   in one transaction, the caller hands in a pure function ([`Db::incident_change`]).
//! - Writes of several statements are one transaction that takes the write lock when it starts, and does no other
//!   input or output. Changes of state are compare-and-set and return whether they won.
//! - Statements keep to what SQLite and PostgreSQL share, and bind and read only `i64` and texts, which both engines
//!   mean the same by. Texts are ordered by their bytes on both.
//! - The time is never asked here; it comes from the caller's clock. Only [`Right`]s, which several machines must
//!   see the end of at once, go by the clock of the database.
#![forbid(unsafe_code)]

mod administrator;
mod administrator_session;
mod api_answer;
mod api_token;
mod approval;
mod audit_entry;
mod batch;
mod catalogue_access;
mod change;
mod check_in;
mod column;
mod connections;
mod db;
mod delivery;
mod delivery_health;
mod delivery_ticket;
mod digest;
mod download;
mod dump;
mod error;
mod event;
mod figures;
mod hold;
mod identity;
mod incident;
mod incident_keeping;
mod incident_kind;
mod incident_maintenance;
mod incident_page;
mod lease;
mod node;
mod oidc;
mod pause;
mod postgres;
mod publication;
mod quota;
mod recorded;
mod ring;
mod run;
mod scan;
mod scan_opinion;
mod scan_waiver;
mod schedule;
mod sqlite;
mod step;
mod tenancy_mark;
mod tenant;
mod tenant_view;
mod title;
mod trend;
mod webhook;

#[cfg(test)]
mod testing;

pub use administrator::{Administrator, AdministratorState, LockRule, Proof};
pub use administrator_session::{AdministratorPresence, AdministratorSession};
pub use api_answer::{AnswerKey, AnswerState, SealedAnswer};
pub use api_token::ApiToken;
pub use approval::Approval;
pub use audit_entry::{AuditEntry, AuditOutcome, NewAuditEntry};
pub use catalogue_access::{CatalogueAccess, CatalogueSession};
pub use change::{ChangeState, RepositoryChange};
pub use check_in::CheckIn;
pub use db::{Db, DbPlace};
pub use delivery::{Delivery, DeliveryState};
pub use delivery_health::ConnectorHealth;
pub use delivery_ticket::Ticket;
pub use download::Download;
pub use error::StoreError;
pub use event::Event;
pub use figures::Figures;
pub use hold::{HoldDecision, HoldVerdict};
pub use identity::{IdentityDecision, IdentityEntry, IdentityState};
pub use incident::{
    Incident, IncidentChange, IncidentEvent, IncidentFilter, IncidentKey, IncidentState, NewEvent,
};
pub use incident_keeping::{Keeping, Known, Pause, PauseReason, Quiet, QuietReason};
pub use incident_kind::EventKind;
pub use incident_maintenance::Maintenance;
pub use lease::{Claimed, Right};
pub use node::Node;
pub use oidc::{OidcPerson, OidcPresence, OidcSession};
pub use pause::SchedulePause;
pub use postgres::{Announcements, Server};
pub use publication::{NewPublication, Publication, PublicationState, Release};
pub use quota::{QuotaAnswer, QuotaWindow};
pub use recorded::RecordedPlan;
pub use ring::{Passage, RingRule, RingStay, RuleEnd};
pub use run::{
    Finished, GoodEnd, Heartbeat, Lease, NewRun, Notes, Parking, Queued, Run, RunCount, RunEnd,
    RunFailure, RunFilter, StepNote, Terms, Worker,
};
pub use scan::{Scan, ScanState};
pub use scan_opinion::ScanOpinion;
pub use scan_waiver::ScanWaiver;
pub use schedule::ScheduleMark;
pub use step::{Step, StepEnd, StepState};
pub use tenant::{SealedSecret, Tenant, TenantRing, TenantState};
pub use tenant_view::{TenantKey, TenantView};
pub use title::{Released, RunTime, TitleFilter, TitleLine};
pub use trend::{Arrival, Depth, Tally};
pub use webhook::{NewWebhookDelivery, WebhookDelivery};
