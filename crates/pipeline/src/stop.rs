//! Stopping a run that a person does not want any more.

use model::RunId;
use store::StoreError;

use crate::Engine;

/// What became of the wish to stop a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stopped {
    /// It is cancelled.
    Cancelled,
    /// Whoever carries it was asked to stop.
    Asked,
    /// It has ended already.
    Ended,
    /// It is being published, and is not stopped any more.
    Publishing,
    /// There is no such run.
    Unknown,
}

impl Engine {
    /// Ends a run, or has whoever carries it do so, because `who` does not want it any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn stop(&self, id: RunId, who: &str) -> Result<Stopped, StoreError> {
        if self.cancel(id).await? {
            return Ok(Stopped::Cancelled);
        }
        if self.db().run_ask_to_stop(id, who).await? {
            return Ok(Stopped::Asked);
        }
        Ok(match self.db().run_find(id).await? {
            None => Stopped::Unknown,
            Some(run) if run.finished_at.is_some() => Stopped::Ended,
            Some(_) => Stopped::Publishing,
        })
    }
}
