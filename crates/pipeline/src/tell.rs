//! What the service desk hears of runs.

use model::{IncidentId, RunId, RunState};
use store::{Run, StoreError};

use crate::{Engine, Request};

/// How many lines of a run's log go into an incident.
const EXCERPT_LINES: usize = 40;

impl Engine {
    /// Tells the desk of the end of every run that it does not know of yet: after a crash in between, or when the
    /// database failed.
    ///
    /// # Errors
    /// If the database fails; the next call goes on.
    pub async fn tell_desk(&self) -> Result<(), StoreError> {
        for run in self.parts.db.run_untold().await? {
            self.tell(&run).await;
        }
        Ok(())
    }

    /// Tells the desk of the end of one run, and answers the incident; an error is logged, and
    /// [`Engine::tell_desk`] tries again.
    pub(crate) async fn tell_of(&self, id: RunId) -> Option<IncidentId> {
        match self.parts.db.run_find(id).await {
            Ok(Some(run)) => self.tell(&run).await,
            Ok(None) => None,
            Err(error) => {
                tracing::error!(run.id = %id, error = %error, "the desk could not be told of a run");
                None
            }
        }
    }

    async fn tell(&self, run: &Run) -> Option<IncidentId> {
        let is_replay = Self::request_of(run).is_ok_and(|it| it.replays.is_some());
        let told = match &run.failure {
            // Whoever asked for it is told, and the title is as it was.
            Some(_) if is_replay => Ok(None),
            Some(failure) => self.raise(run, failure).await.map(Some),
            None => self.resolve(run).await.map(|()| None),
        };
        let incident = match told {
            Ok(incident) => incident,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(run.id = %run.id, error, "the desk could not be told of a run");
                return None;
            }
        };
        if let Err(error) = self.parts.db.run_told(run.id, incident).await {
            // The desk counts the same failure of the same run once, so telling it again does no harm.
            tracing::error!(run.id = %run.id, error = %error, "the desk will be told again of a run");
        }
        incident
    }

    async fn raise(
        &self,
        run: &Run,
        failure: &store::RunFailure,
    ) -> Result<IncidentId, desk::DeskError> {
        let raised = desk::Failure {
            title: run.title.clone(),
            class: failure.class,
            cause: failure.cause.clone(),
            next_step: Some(failure.next_step.clone()),
            run: Some(run.id),
            step: failure.step.clone(),
            excerpt: self.excerpt(run, failure).await?,
        };
        Ok(self.parts.desk.raise(&raised).await?.id)
    }

    /// One fully good run of a title resolves its incidents; a look at what is new is none.
    async fn resolve(&self, run: &Run) -> Result<(), desk::DeskError> {
        let regular = Self::request_of(run).is_ok_and(|request: Request| request.is_regular());
        if regular && matches!(run.state, RunState::Published | RunState::Unchanged) {
            self.parts.desk.resolve(&run.title, run.id).await?;
        }
        Ok(())
    }

    /// The end of the run's log.
    async fn excerpt(&self, run: &Run, failure: &store::RunFailure) -> Result<String, StoreError> {
        let mut lines = Vec::new();
        for step in self.parts.db.step_list(run.id).await? {
            let said = step.messages.lines();
            lines.push(step.processor.clone());
            lines.extend(said.map(|line| format!("{}: {line}", step.processor)));
        }
        lines.extend(
            failure
                .detail
                .iter()
                .flat_map(|detail| detail.lines())
                .map(str::to_owned),
        );
        let first = lines.len().saturating_sub(EXCERPT_LINES);
        lines.drain(..first);
        Ok(lines.join("\n"))
    }
}
