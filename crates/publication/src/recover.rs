//! Finishing or undoing what a crash interrupted.

use model::ChangeSetId;
use munki::CatalogOptions;

use crate::{
    Backend, Held, PublishError, Unobserved,
    carry_out::{Work, carry_out},
    journal::Journal,
    publish::undo_or_leave,
};

/// What became of an interrupted publication.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recovered {
    /// The change set's name.
    pub id: ChangeSetId,
    /// What became of it.
    pub outcome: Outcome,
}

/// What becomes of an interrupted publication.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is whole.
    Finished,
    /// Nothing of it is left.
    Undone {
        /// Why it could not be finished, in words.
        why: String,
    },
}

/// Finishes every publication that a crash interrupted, or undoes it if its staged bytes are gone, and removes
/// unfinished files.
///
/// It waits while another process writes: what that does is not interrupted.
///
/// # Errors
/// If the repository cannot be read or written, or a journal cannot be understood.
pub fn recover(repository: &dyn Backend) -> Result<Vec<Recovered>, PublishError> {
    let held = repository.lock()?;
    let recovered = recover_locked(repository, &*held)?;
    held.check()?;
    repository.remove_unfinished()?;
    Ok(recovered)
}

pub(crate) fn recover_locked(
    repository: &dyn Backend,
    held: &dyn Held,
) -> Result<Vec<Recovered>, PublishError> {
    let mut recovered = Vec::new();
    for (journal, plan) in Journal::read_all(repository)? {
        let work = Work {
            repository,
            held,
            plan: &plan,
            options: CatalogOptions::default(),
            observer: &Unobserved,
        };
        let outcome = match carry_out(&work) {
            Ok(_) => {
                journal.remove()?;
                Outcome::Finished
            }
            Err(cause) => Outcome::Undone {
                why: undo_or_leave(&work, cause, journal)?.to_string(),
            },
        };
        tracing::info!(change_set.id = %plan.id, ?outcome, "recovered an interrupted publication");
        recovered.push(Recovered {
            id: plan.id,
            outcome,
        });
    }
    Ok(recovered)
}
