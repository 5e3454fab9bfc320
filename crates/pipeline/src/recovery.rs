//! What is done first after a start: what a crash left behind is put in order.

use model::FailureClass;
use publication::Recovered;

use crate::{Engine, Failure, engine::blocking};

impl Engine {
    /// Finishes or undoes publications that a crash interrupted, brings the update metadata up to that, makes runs of processes that are gone due again, and
    /// tells the desk of runs that it does not know of. Safe while other processes work.
    ///
    /// # Errors
    /// If the repository or the database cannot be used.
    pub async fn recover(&self) -> Result<Vec<Recovered>, Failure> {
        let repository = self.parts.repository.clone();
        let recovered = blocking(move || {
            publication::recover(&*repository)
                .map_err(|error| Failure::from_error(FailureClass::Publish, &error))
        })
        .await?;
        self.refresh_metadata().await;
        self.settle_changes().await?;
        let db = &self.parts.db;
        for owner in db.run_lease_owners().await? {
            if self.owner.is_gone(&owner) {
                let lapsed = db.run_lapse(&owner, self.parts.clock.now()).await?;
                tracing::info!(
                    lease.owner = owner,
                    runs = lapsed,
                    "runs of a process that is gone are due again"
                );
            }
        }
        self.tell_desk().await?;
        Ok(recovered)
    }
    /// Gives up what this process alone has of the state, its turns at hosts above all, so that others need not wait until
    /// it is silent for long. For the end of the process.
    pub async fn give_up_rights(&self) {
        if let Err(error) = self.parts.db.rights_end(&self.owner.to_string()).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "what this process has of the state ends by itself");
        }
    }
}
