//! Why the desk could not do its work.

use model::IncidentId;
use store::StoreError;

/// Why the desk could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// A connector cannot work as it is configured.
    #[error("the connector `{connector}` cannot be set up: {why}")]
    SetUp {
        /// Its name.
        connector: String,
        /// What is wrong.
        why: String,
    },
    /// The daily letter cannot be meant as it is configured.
    #[error("`desk.digest` cannot be used: {why}")]
    Digest {
        /// What is wrong.
        why: String,
    },
    /// There is no such connector.
    #[error("no connector is called `{name}`; there are: {known}")]
    NoConnector {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A desk did not take a test.
    #[error("`{connector}` did not take the test: {why}")]
    Test {
        /// Its name.
        connector: String,
        /// Why not.
        why: String,
    },
    /// There is no such incident.
    #[error("there is no incident {id}")]
    NoIncident {
        /// The name that was asked for.
        id: IncidentId,
    },
    /// The incident is over already.
    #[error("incident {id} is resolved already")]
    Resolved {
        /// Its name.
        id: IncidentId,
    },
    /// The incident is not over.
    #[error("incident {id} is not resolved")]
    NotResolved {
        /// Its name.
        id: IncidentId,
    },
    /// An incident cannot be a part of itself.
    #[error("incident {id} cannot be merged into itself")]
    MergedWithItself {
        /// Its name.
        id: IncidentId,
    },
    /// A maintenance window of this name is not over.
    #[error("there is a maintenance window `{name}` that is not over")]
    SecondWindow {
        /// Its name.
        name: String,
    },
    /// A calendar makes no sense, or there is none of this name.
    #[error("the calendar `{name}` cannot be used: {why}")]
    Calendar {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The rules left a failure without an incident, which they never do.
    #[error("no incident was opened for {key}")]
    Undecided {
        /// The key it would have had.
        key: String,
    },
    /// The state could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}
