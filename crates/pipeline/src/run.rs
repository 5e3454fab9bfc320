//! A run's life: steps, gates, parking, publication, and its end.

use std::{sync::Arc, time::Duration};

use model::{FailureClass, IncidentId, RunId, RunState, Timestamp, Title};
use processors::StepRecord;
use proplist::Value;
use store::{Lease, Parking, Run, RunEnd, RunFailure, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    Engine, Event, Failure, Item, Reporter, Request, pending::Pending, release, scan_gate::Passage,
    steps::Trace,
};

/// How long a worker may be silent before another takes its run over.
const LEASE: Duration = Duration::from_secs(60);

/// How often a worker says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How often a run may be taken up without coming to an end or a parking place: one that takes its process down each
/// time must not do so for ever.
const ATTEMPTS: u32 = 5;

/// What became of a run that a worker took up.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It came to its end, or waits for a person.
    Ended(RunEnd),
    /// Another worker has it.
    Lost,
    /// It waits for its scan.
    Parked {
        /// Until then at least.
        until: Timestamp,
    },
    /// It was given back to the queue, because this process is to stop.
    Released,
}

/// A run that a worker took up, and what became of it.
#[derive(Clone, Debug)]
pub struct Worked {
    /// The run.
    pub run: RunId,
    /// The title.
    pub title: Title,
    /// What became of it.
    pub outcome: Outcome,
    /// The identifier of its override, if it came that far.
    pub identifier: Option<String>,
    /// What its steps read and set, as far as they were carried out by this worker.
    pub steps: Vec<StepRecord>,
    /// Its receipt, without secrets.
    pub receipt: Option<Value>,
    /// Why it failed or is held.
    pub failure: Option<Failure>,
    /// The items that became available.
    pub published: Vec<Item>,
    /// The incident that tells of its failure.
    pub incident: Option<IncidentId>,
}

/// Why a worker stops before the end of a run.
pub(crate) enum Stop {
    /// Something failed.
    Failure(Box<Failure>),
    /// The process is to stop.
    Cancelled,
    /// Another worker has the run.
    Lost,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

/// Where a worker leaves a run that did not fail.
enum Place {
    Parked { until: Timestamp },
    Published(Vec<Item>),
    Unchanged,
}

impl Engine {
    /// Takes the run that is due longest, and carries it on to its end or to where it must wait; nothing if none is
    /// due.
    ///
    /// When `stop` is cancelled the run is given back to the queue; a publication that has begun is finished first.
    ///
    /// # Errors
    /// If the database fails; the run's lease then runs out.
    pub async fn work(
        &self,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
    ) -> Result<Option<Worked>, StoreError> {
        let now = self.parts.clock.now();
        let claimed = self
            .parts
            .db
            .run_claim(&self.owner.to_string(), now, now.plus(LEASE))
            .await?;
        match claimed {
            Some((run, lease)) => self.carry(run, lease, reporter, stop).await.map(Some),
            None => Ok(None),
        }
    }

    /// As [`Engine::work`], with one run, due or not; nothing if somebody else has it or it has ended.
    ///
    /// # Errors
    /// As [`Engine::work`].
    pub async fn work_on(
        &self,
        id: RunId,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
    ) -> Result<Option<Worked>, StoreError> {
        let now = self.parts.clock.now();
        let claimed = self
            .parts
            .db
            .run_claim_one(id, &self.owner.to_string(), now, now.plus(LEASE))
            .await?;
        match claimed {
            Some((run, lease)) => self.carry(run, lease, reporter, stop).await.map(Some),
            None => Ok(None),
        }
    }

    async fn carry(
        &self,
        run: Run,
        lease: Lease,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
    ) -> Result<Worked, StoreError> {
        let mut trace = Trace::default();
        let stopping = stop.child_token();
        let place = tokio::select! {
            place = Box::pin(self.advance(&run, lease, reporter, &stopping, &mut trace)) => place,
            () = self.keep_lease(lease) => {
                stopping.cancel();
                Err(Stop::Lost)
            }
        };
        let mut worked = Worked {
            run: run.id,
            title: run.title.clone(),
            outcome: Outcome::Lost,
            identifier: trace.identifier.take(),
            steps: std::mem::take(&mut trace.records),
            receipt: trace.receipt.take(),
            failure: None,
            published: Vec::new(),
            incident: None,
        };
        let end = match place {
            Err(Stop::Lost) => return Ok(worked),
            Err(Stop::Cancelled) => {
                let now = self.parts.clock.now();
                if self.parts.db.run_release(lease, now).await? {
                    worked.outcome = Outcome::Released;
                }
                return Ok(worked);
            }
            Ok(Place::Parked { until }) => {
                worked.outcome = Outcome::Parked { until };
                return Ok(worked);
            }
            Ok(Place::Published(items)) => {
                worked.published = items;
                RunEnd::Published
            }
            Ok(Place::Unchanged) => RunEnd::Unchanged,
            Err(Stop::Failure(failure)) => {
                reporter.report(&Event::Failed {
                    class: failure.class,
                    message: &failure.message,
                });
                worked.failure = Some(*failure.clone());
                ended_by(&failure)
            }
        };
        if self.end(&run, lease, &end).await? {
            worked.incident = self.tell_of(run.id).await;
            worked.outcome = Outcome::Ended(end);
        }
        Ok(worked)
    }

    async fn end(&self, run: &Run, lease: Lease, end: &RunEnd) -> Result<bool, StoreError> {
        let now = self.parts.clock.now();
        let ended = self.parts.db.run_finish(lease, end, now).await?;
        tracing::info!(
            run.id = %run.id,
            title.name = %run.title,
            run.state = end.state().as_str(),
            run.class = end.failure().map(|failure| failure.class.as_str()),
            ended,
            "run ended"
        );
        Ok(ended)
    }

    /// Renews the lease; returns when it is lost. A database that fails for a while may lose it, too.
    async fn keep_lease(&self, lease: Lease) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            let until = self.parts.clock.now().plus(LEASE);
            match self.parts.db.run_heartbeat(lease, until).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(run.id = %lease.run, error = %error, "a lease could not be renewed");
                }
            }
        }
    }

    /// Carries the run on from where it stands.
    async fn advance(
        &self,
        run: &Run,
        lease: Lease,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
        trace: &mut Trace,
    ) -> Result<Place, Stop> {
        let request = Self::request_of(run)?;
        if run.attempts > ATTEMPTS {
            return Err(Failure::new(
                FailureClass::Internal,
                format!("The run was taken up {ATTEMPTS} times and never came to an end"),
            )
            .into());
        }
        reporter.report(&Event::Processing {
            name: &request.name,
        });
        match run.state {
            RunState::Scanning => {
                let deadline = run.deadline_at.unwrap_or(run.queued_at);
                let pending = parked(run)?;
                self.gate(run, lease, &request, pending, deadline, reporter, stop)
                    .await
            }
            RunState::Publishing => {
                let pending = parked(run)?;
                self.publish(run, lease, pending, reporter).await
            }
            _ => {
                if !self
                    .parts
                    .db
                    .run_start(lease, self.parts.clock.now())
                    .await?
                {
                    return Err(Stop::Lost);
                }
                let steps = self.carry_out_steps(&request, lease, reporter, stop, trace);
                let pending = Box::pin(steps).await?;
                let released = self.parts.db.release_list(&run.title).await?;
                release::check(&pending.items, &released, &request)?;
                let patience = self.parts.scanning.patience;
                let deadline = self.parts.clock.now().plus(patience);
                self.gate(run, lease, &request, pending, deadline, reporter, stop)
                    .await
            }
        }
    }

    /// Asks the scanner, and publishes, parks or stops the run accordingly.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything that belongs to the run at this gate, and it has one caller"
    )]
    async fn gate(
        &self,
        run: &Run,
        lease: Lease,
        request: &Request,
        pending: Pending,
        deadline: Timestamp,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
    ) -> Result<Place, Stop> {
        let clock = &*self.parts.clock;
        let scanning = &self.parts.scanning;
        let passage = tokio::select! {
            passage = scanning.pass(&pending, request, deadline, clock) => passage?,
            // Parking is the durable way to stop here: the steps need not be carried out again.
            () = stop.cancelled() => Passage::Closed { until: clock.now() },
        };
        let until = match passage {
            Passage::Closed { until } => until,
            Passage::Open(warnings) => {
                for warning in warnings {
                    reporter.report(&Event::Warned { text: &warning });
                }
                return self.publish(run, lease, pending, reporter).await;
            }
        };
        let parking = Parking {
            parked: to_json(&pending)?,
            due_at: until,
            deadline_at: deadline,
        };
        if !self.parts.db.run_park(lease, &parking).await? {
            return Err(Stop::Lost);
        }
        reporter.report(&Event::Parked { run: run.id, until });
        Ok(Place::Parked { until })
    }

    /// Applies the change set, if there is something in it, and remembers the downloads as good.
    async fn publish(
        &self,
        run: &Run,
        lease: Lease,
        pending: Pending,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Place, Stop> {
        if pending.change_set.is_empty() {
            pending.commit();
            return Ok(Place::Unchanged);
        }
        if !self
            .parts
            .db
            .run_publish(lease, &to_json(&pending)?)
            .await?
        {
            return Err(Stop::Lost);
        }
        reporter.report(&Event::Publishing {
            files: pending.change_set.files.len(),
        });
        self.apply(run, &pending, reporter).await?;
        pending.commit();
        Ok(Place::Published(pending.items))
    }
}

fn ended_by(failure: &Failure) -> RunEnd {
    let told = RunFailure {
        class: failure.class,
        cause: failure.cause(),
        next_step: failure.next_step().to_owned(),
        step: failure.step.clone(),
        detail: failure.detail.clone(),
        incident: None,
    };
    if failure.held {
        RunEnd::Held(told)
    } else {
        RunEnd::Failed(told)
    }
}

fn parked(run: &Run) -> Result<Pending, Failure> {
    let parked = run.parked.clone().unwrap_or_default();
    serde_json::from_value(parked)
        .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
}

fn to_json(pending: &Pending) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(pending)
        .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
}
