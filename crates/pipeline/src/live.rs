//! What is noted of a run's steps while they go on, so that people on any node can follow them.
//!
//! Most steps are over at once, and then nobody could follow them: they are kept here, and written down together, with
//! the first step that takes longer or with the end of the run.

use std::{convert::Infallible, sync::Arc, time::Duration};

use model::Sha256;
use store::{Db, Lease, Notes, StepNote, StoreError};
use tokio::time::Instant;

use crate::messages::Messages;

/// How long a step goes on before it is written down, and how often it is looked then whether it has said something
/// new.
const LOOK: Duration = Duration::from_secs(1);

/// What is noted of the steps of one run.
pub(crate) struct Notebook {
    db: Db,
    lease: Lease,
    /// What is not written down yet.
    kept: Notes,
    /// Since when.
    kept_since: Option<Instant>,
}

impl Notebook {
    /// Of a run that goes by `plan`.
    pub(crate) fn of(db: Db, lease: Lease, plan: Sha256) -> Self {
        Self {
            db,
            lease,
            kept: Notes {
                plan: Some(plan),
                ..Notes::default()
            },
            kept_since: None,
        }
    }

    /// Writes down what `step`, which has `begun`, says, until it is done. What it has said in the end comes with its
    /// end.
    pub(crate) async fn write_while<T>(
        &mut self,
        begun: &StepNote,
        messages: &Arc<Messages>,
        step: impl Future<Output = T>,
    ) -> T {
        tokio::select! {
            done = step => done,
            never = self.write(begun, messages) => match never {},
        }
    }

    async fn write(&mut self, begun: &StepNote, messages: &Messages) -> Infallible {
        let mut written = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let said = messages.so_far();
            if written.as_ref() == Some(&said) {
                continue;
            }
            let noted = if written.is_some() {
                let position = begun.position;
                self.db.step_say(self.lease, position, &said).await
            } else {
                self.begin(begun, &said).await
            };
            match noted {
                Ok(()) => written = Some(said),
                // Nobody can follow it now; what is written at its end counts.
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "what a step says is not written down");
                }
            }
        }
    }

    async fn begin(&mut self, begun: &StepNote, said: &str) -> Result<(), StoreError> {
        let mut notes = self.kept.clone();
        notes.steps.push(begun.clone());
        // That the lease is lost is heard where it is renewed.
        self.db.run_note(self.lease, &notes).await?;
        self.kept = Notes::default();
        self.db.step_say(self.lease, begun.position, said).await?;
        // From now on the page of the run waits for what comes next.
        self.kept_since = Some(Instant::now());
        Ok(())
    }

    /// A step is over. Writes it down if something was kept for long; false if the lease is lost.
    pub(crate) async fn step_over(&mut self, step: StepNote) -> Result<bool, StoreError> {
        self.kept.steps.push(step);
        let since = *self.kept_since.get_or_insert_with(Instant::now);
        if since.elapsed() < LOOK {
            return Ok(true);
        }
        let notes = self.take();
        self.db.run_note(self.lease, &notes).await
    }

    /// What is still to be written down.
    pub(crate) fn take(&mut self) -> Notes {
        self.kept_since = None;
        std::mem::take(&mut self.kept)
    }
}
