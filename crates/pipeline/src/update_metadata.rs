//! Update metadata (TUF) of the repository, brought up to what the repository holds.

use model::FailureClass;
use publication::tuf::{Refreshed, TufError};

use crate::{Engine, Failure, Upkeep, engine::blocking};

const SIGN_ROOT: &str = "Have the next root signed and taken: `auto-update tuf rotate --help`";

impl Engine {
    /// Brings the update metadata up to what the repository holds, and signs anew what is about to expire; does nothing
    /// where it is not kept. The desk is told if that fails, and when it goes well again.
    ///
    /// A publication does not fail with it: what clients have stays good, and the next time makes up for it.
    pub async fn refresh_metadata(&self) {
        let trouble = match self.try_refresh().await {
            None => return,
            Some(Ok(refreshed)) => {
                note(&refreshed);
                refreshed.root_is_due.then(|| root_is_due(&refreshed))
            }
            Some(Err(failure)) => Some(failure),
        };
        match trouble {
            None => self.tell_of_its_end(Upkeep::Metadata).await,
            Some(failure) => {
                tracing::error!(
                    error = failure.cause(),
                    "the update metadata is not as it should be"
                );
                self.tell_of_trouble(Upkeep::Metadata, &failure).await;
            }
        }
    }

    async fn try_refresh(&self) -> Option<Result<Refreshed, Failure>> {
        let tuf = self.parts.tuf.clone()?;
        let (repository, clock) = (self.parts.repository.clone(), self.parts.clock.clone());
        let refresh = move || {
            tuf.refresh(&*repository, clock.now())
                .map_err(|error| failure(&error))
        };
        Some(blocking(refresh).await)
    }
}

fn note(refreshed: &Refreshed) {
    for (name, why) in &refreshed.skipped {
        tracing::warn!(
            file.name = name,
            why,
            "a file is not in the update metadata"
        );
    }
    if !refreshed.written.is_empty() {
        tracing::info!(
            files = ?refreshed.written,
            targets = refreshed.targets,
            "update metadata written"
        );
    }
}

fn root_is_due(refreshed: &Refreshed) -> Failure {
    let message = format!(
        "the root of the update metadata (TUF) expires at {}, and its key is not here to sign the next one",
        refreshed.root.expires
    );
    Failure::new(FailureClass::Configuration, message).with_advice(SIGN_ROOT)
}

fn failure(error: &TufError) -> Failure {
    let advice = match error {
        TufError::NoRoot => {
            "Have the root drafted, signed and taken: `auto-update tuf init --help`"
        }
        TufError::RootExpired { .. } => SIGN_ROOT,
        TufError::NoKey { .. } => {
            "Put the key back, or have the root name another one: `auto-update tuf rotate --help`"
        }
        _ => {
            "See that the keys and the repository can be read and written; it is tried again at the next publication and every ten minutes"
        }
    };
    Failure::from_error(error.class(), error).with_advice(advice)
}
