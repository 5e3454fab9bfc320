//! Everything that must outlive the process: all SQL is here.
//!
//! [`Db`] is one SQLite file with write-ahead log; its methods are named noun first (`incident_list`,
//! `delivery_claim`), one file a thing. The tables are described by the migrations in `/migrations/sqlite`, which are
//! built in and applied when the file is opened.
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
//! - Statements keep to what SQLite and PostgreSQL share, so that a second engine is a second set of migrations.
//! - The time is never asked here; it comes from the caller's clock. Only [`Right`]s, which several machines must
//!   see the end of at once, go by the clock of the database.
#![forbid(unsafe_code)]

mod approval;
mod change;
mod column;
mod db;
mod delivery;
mod delivery_health;
mod delivery_ticket;
mod download;
mod error;
mod figures;
mod identity;
mod incident;
mod incident_keeping;
mod incident_kind;
mod incident_maintenance;
mod lease;
mod publication;
mod quota;
mod ring;
mod run;
mod scan;
mod schedule;
mod step;
mod tenant;

#[cfg(test)]
mod testing;

pub use approval::Approval;
pub use change::{ChangeState, RepositoryChange};
pub use db::Db;
pub use delivery::{Delivery, DeliveryState};
pub use delivery_health::ConnectorHealth;
pub use delivery_ticket::Ticket;
pub use download::Download;
pub use error::StoreError;
pub use figures::Figures;
pub use identity::{IdentityDecision, IdentityEntry, IdentityState};
pub use incident::{
    Incident, IncidentChange, IncidentEvent, IncidentFilter, IncidentKey, IncidentState, NewEvent,
};
pub use incident_keeping::{Keeping, Known, Pause, PauseReason, Quiet, QuietReason};
pub use incident_kind::EventKind;
pub use incident_maintenance::Maintenance;
pub use lease::{Claimed, Right};
pub use publication::{NewPublication, Release};
pub use quota::{QuotaAnswer, QuotaWindow};
pub use ring::{Passage, RingRule, RingStay, RuleEnd};
pub use run::{Lease, NewRun, Parking, Queued, Run, RunCount, RunEnd, RunFailure};
pub use scan::{Scan, ScanState};
pub use schedule::ScheduleMark;
pub use step::{Step, StepEnd, StepState};
pub use tenant::{SealedSecret, Tenant, TenantRing, TenantState};
