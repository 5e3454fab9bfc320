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
