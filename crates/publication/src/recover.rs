//! Finishing or undoing what a crash interrupted.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use model::ChangeSetId;
use munki::CatalogOptions;

use crate::{
    FolderRepository, Kind, PublishError, RepositoryError, Unobserved,
    journal::Journal,
    publish::{carry_out, undo},
    write::{self, PART_PREFIX},
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
pub fn recover(root: &Path) -> Result<Vec<Recovered>, PublishError> {
    let repository = FolderRepository::open(root)?;
    let _lock = repository.lock()?;
    let recovered = recover_locked(&repository)?;
    let mut parts = Vec::new();
    for kind in Kind::ALL {
        unfinished(&repository.root().join(kind.as_str()), &mut parts)?;
    }
    unfinished(&repository.state_folder(), &mut parts)?;
    for part in parts {
        write::remove(&part)?;
    }
    Ok(recovered)
}

pub(crate) fn recover_locked(
    repository: &FolderRepository,
) -> Result<Vec<Recovered>, PublishError> {
    let options = CatalogOptions::default();
    let mut recovered = Vec::new();
    for (journal, plan) in Journal::read_all(repository)? {
        let outcome = match carry_out(repository, &plan, options, &Unobserved) {
            Ok(_) => Outcome::Finished,
            Err(cause) => match undo(repository, &plan, options) {
                Ok(()) => Outcome::Undone {
                    why: cause.to_string(),
                },
                Err(undo) => {
                    return Err(PublishError::Stuck {
                        cause: Box::new(cause),
                        undo: undo.to_string(),
                    });
                }
            },
        };
        journal.remove()?;
        tracing::info!(change_set.id = %plan.id, ?outcome, "recovered an interrupted publication");
        recovered.push(Recovered {
            id: plan.id,
            outcome,
        });
    }
    Ok(recovered)
}

/// Adds to `found` what was being written when a crash came. Links are not followed.
pub(crate) fn unfinished(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), RepositoryError> {
    let failed = |source| RepositoryError::io(folder, source);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            unfinished(&entry.path(), found)?;
        } else if entry.file_name().to_string_lossy().starts_with(PART_PREFIX) {
            found.push(entry.path());
        }
    }
    Ok(())
}
