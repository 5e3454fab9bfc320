//! A run's life: steps, gates, parking, publication, and its end.

use std::sync::Arc;

use model::{FailureClass, RunId, RunState, Timestamp};
use store::{Finished, Heartbeat, Lease, NewRun, Notes, Parking, Run, RunEnd, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    Engine, Event, Failure, Item, Outcome, Reporter, Request, TakenUp, Wait, Worked,
    ends::log_end,
    pending::Pending,
    release, reports,
    scan_gate::{Gate, Passage},
    spans,
    steps::Trace,
};

/// How often a worker says that it is alive while its lease lasts.
const HEARTBEATS: u32 = 4;

/// How often a run may be taken up without coming to an end or a parking place: one that takes its process down each
/// time must not do so for ever. From the third time on it waits, so that these are spread over some ten minutes: where
/// everything fails for a while, not everything ends.
const ATTEMPTS: u32 = 8;

/// A run that a worker carries on: what every part of the work needs.
pub(crate) struct Job<'a> {
    pub(crate) run: &'a Run,
    pub(crate) lease: Lease,
    pub(crate) request: Request,
    pub(crate) reporter: &'a Arc<dyn Reporter>,
    /// Cancelled when the work must stop.
    pub(crate) stop: CancellationToken,
}

/// Why a worker stops before the end of a run.
pub(crate) enum Stop {
    /// Something failed.
    Failure(Box<Failure>),
    /// The process is to stop.
    Cancelled,
    /// A person asked that this run be stopped.
    Unwanted,
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
    Parked { until: Timestamp, what_for: Wait },
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
            .run_claim(&self.worker(), now, now.plus(self.parts.lease))
            .await?;
        self.carry_claimed(claimed, reporter, stop).await
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
            .run_claim_one(id, &self.worker(), now, now.plus(self.parts.lease))
            .await?;
        self.carry_claimed(claimed, reporter, stop).await
    }

    /// Carries a run on that was taken up by [`Engine::take_up`], as [`Engine::work`] does.
    ///
    /// # Errors
    /// As [`Engine::work`].
    pub async fn carry_on(
        &self,
        taken: TakenUp,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
    ) -> Result<Worked, StoreError> {
        let TakenUp { run, lease } = taken;
        let span = spans::of_run(&run);
        let carried = self.carry(run, lease, reporter, stop).instrument(span);
        carried.await
    }

    async fn carry_claimed(
        &self,
        claimed: Option<(Run, Lease)>,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
    ) -> Result<Option<Worked>, StoreError> {
        match claimed {
            Some((run, lease)) => {
                let carried = self.carry_on(TakenUp { run, lease }, reporter, stop);
                carried.await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Ends a run that nobody carries on, because a person does not want it any more; false if somebody has it, or it
    /// has ended or is being published.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn cancel(&self, id: RunId) -> Result<bool, StoreError> {
        let (db, now) = (&self.parts.db, self.parts.clock.now());
        let until = now.plus(self.parts.lease);
        let Some((run, lease)) = db.run_claim_one(id, &self.worker(), now, until).await? else {
            return Ok(false);
        };
        if run.state == RunState::Publishing {
            db.run_release(lease, now).await?;
            return Ok(false);
        }
        let end = (&RunEnd::Cancelled, None);
        let cancelled = self.end((&run, lease), end, &Notes::default()).await?;
        self.tell_of(id).await;
        Ok(cancelled != Finished::Lost)
    }

    async fn carry(
        &self,
        run: Run,
        lease: Lease,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
    ) -> Result<Worked, StoreError> {
        let mut trace = Trace::default();
        let place = match Self::request_of(&run) {
            Ok(request) => {
                let job = Job {
                    run: &run,
                    lease,
                    request,
                    reporter,
                    stop: stop.child_token(),
                };
                tokio::select! {
                    place = Box::pin(self.advance(&job, &mut trace)) => place,
                    stop = self.keep_lease(lease) => {
                        job.stop.cancel();
                        Err(stop)
                    }
                }
            }
            Err(failure) => Err(failure.into()),
        };
        let mut worked = Worked {
            run: run.id,
            title: run.title.clone(),
            outcome: Outcome::Lost,
            identifier: trace.identifier.take(),
            reports: Vec::new(),
            receipt: trace.receipt.take(),
            failure: None,
            published: Vec::new(),
            incident: None,
        };
        if let Err(Stop::Failure(failure)) = &place {
            spans::failed(failure.class);
            reporter.report(&Event::Failed { failure });
            worked.failure = Some((**failure).clone());
        }
        self.leave((&run, lease), place, &trace, &mut worked)
            .await?;
        Ok(worked)
    }

    /// Writes down where the run was left.
    async fn leave(
        &self,
        (run, lease): (&Run, Lease),
        place: Result<Place, Stop>,
        trace: &Trace,
        worked: &mut Worked,
    ) -> Result<(), StoreError> {
        let mut again = None;
        let end = match place {
            Err(Stop::Lost) => return Ok(()),
            Err(Stop::Unwanted) => RunEnd::Cancelled,
            Err(Stop::Cancelled) => {
                let now = self.parts.clock.now();
                if self.parts.db.run_release(lease, now).await? {
                    worked.outcome = Outcome::Released;
                }
                return Ok(());
            }
            Ok(Place::Parked { until, what_for }) => {
                spans::left_as("parked");
                worked.outcome = Outcome::Parked { until, what_for };
                return Ok(());
            }
            Ok(Place::Published(items)) => {
                worked.published = items;
                RunEnd::Published
            }
            Ok(Place::Unchanged) => RunEnd::Unchanged,
            Err(Stop::Failure(failure)) => {
                let now = self.parts.clock.now();
                again = self.parts.retries.after(run, &failure, now);
                failure.end()
            }
        };
        let ending = (&end, again.as_ref());
        let finished = self.end((run, lease), ending, &trace.notes).await?;
        if finished == Finished::Lost {
            return Ok(());
        }
        if finished == Finished::Untold {
            worked.incident = self.tell_of(run.id).await;
        }
        worked.reports = match &trace.outputs {
            Some(outputs) => reports::of_steps(outputs, &end),
            None => self.reports(run.id, &end).await?,
        };
        worked.outcome = Outcome::Ended(end);
        Ok(())
    }

    /// Writes down how the run ended, with what is to be noted of it still, and queues the one that tries `again`.
    async fn end(
        &self,
        (run, lease): (&Run, Lease),
        (end, again): (&RunEnd, Option<&NewRun>),
        notes: &Notes,
    ) -> Result<Finished, StoreError> {
        let (db, now) = (&self.parts.db, self.parts.clock.now());
        let finished = match end {
            RunEnd::Published | RunEnd::Unchanged => {
                let good = self.good_end((run, lease), end, notes);
                if matches!(end, RunEnd::Unchanged) && self.ends.holds() {
                    spans::left_as(end.state().as_str());
                    self.hold_end(&run.title, good).await?;
                    return Ok(Finished::Told);
                }
                db.run_finish_well(&good).await?
            }
            _ => {
                db.run_note(lease, notes).await?;
                if db.run_finish(lease, end, again, now).await? {
                    Finished::Untold
                } else {
                    Finished::Lost
                }
            }
        };
        spans::left_as(end.state().as_str());
        log_end((run.id, &run.title), end, finished);
        if let Some(due) = again.and_then(|again| again.terms.not_before) {
            tracing::info!(title.name = %run.title, due_at = %due, "it is tried again");
        }
        Ok(finished)
    }

    /// Renews the lease; returns when it is lost, or the run is not wanted any more. A database that fails for a while
    /// may lose it, too.
    async fn keep_lease(&self, lease: Lease) -> Stop {
        self.write_held_ends().await;
        loop {
            tokio::time::sleep(self.parts.lease / HEARTBEATS).await;
            let until = self.parts.clock.now().plus(self.parts.lease);
            match self.parts.db.run_heartbeat(lease, until).await {
                Ok(Heartbeat::Kept) => {}
                Ok(Heartbeat::Cancelled) => return Stop::Unwanted,
                Ok(Heartbeat::Lost) => return Stop::Lost,
                Err(error) => {
                    tracing::error!(run.id = %lease.run, error = %error, "a lease could not be renewed");
                }
            }
        }
    }

    /// Carries the run on from where it stands.
    async fn advance(&self, job: &Job<'_>, trace: &mut Trace) -> Result<Place, Stop> {
        if job.run.attempts > ATTEMPTS {
            return Err(Failure::new(
                FailureClass::Internal,
                format!("The run was taken up {ATTEMPTS} times and never came to an end"),
            )
            .into());
        }
        match job.run.state {
            RunState::Scanning => {
                let pending = Pending::parked(job.run)?;
                if !pending.is_here().await {
                    return self.begin_again(job, trace).await;
                }
                let deadline = job.run.deadline_at.unwrap_or(job.run.queued_at);
                self.gate(job, pending, deadline).await
            }
            RunState::Publishing => {
                let pending = Pending::parked(job.run)?;
                let is_here = pending.is_here().await;
                match self.publish(job, pending).await {
                    // Where it was published already, its files are not needed any more.
                    Err(Stop::Failure(_)) if !is_here => self.begin_again(job, trace).await,
                    place => place,
                }
            }
            _ => self.begin(job, trace).await,
        }
    }

    /// Carries the run on from its first step.
    async fn begin(&self, job: &Job<'_>, trace: &mut Trace) -> Result<Place, Stop> {
        // One that was never taken up before is running, and left nothing behind.
        let is_first = job.run.state == RunState::Running && job.lease.fence == 1;
        let now = self.parts.clock.now();
        if !is_first && !self.parts.db.run_start(job.lease, now).await? {
            return Err(Stop::Lost);
        }
        job.reporter.report(&Event::Processing {
            name: &job.request.name,
        });
        let mut pending = Box::pin(self.carry_out_steps(job, trace)).await?;
        if job.request.replays.is_some() {
            // Its downloads are not remembered as good: the next regular run must see them as new.
            return Ok(Place::Unchanged);
        }
        if pending.is_nothing() {
            pending.commit();
            return Ok(Place::Unchanged);
        }
        // From here on the run may be parked, and is published: what was noted belongs to that.
        let notes = std::mem::take(&mut trace.notes);
        if !self.parts.db.run_note(job.lease, &notes).await? {
            return Err(Stop::Lost);
        }
        let released = self.parts.db.release_list(&job.run.title).await?;
        if self.parts.guards.first_release {
            release::check_first(&pending.items, &released, &job.request)?;
        }
        release::check(&pending.items, &released, &job.request)?;
        let reporter = &**job.reporter;
        self.check_payload(&mut pending, &released, &job.request, reporter)
            .await?;
        let now = self.parts.clock.now();
        pending.seen_at = Some(now);
        let deadline = now.plus(self.parts.scanning.patience);
        self.gate(job, pending, deadline).await
    }

    /// Begins anew with a run whose files went with the node that had them.
    async fn begin_again(&self, job: &Job<'_>, trace: &mut Trace) -> Result<Place, Stop> {
        if !self.parts.db.run_begin_again(job.lease).await? {
            return Err(Stop::Lost);
        }
        tracing::warn!(
            run.id = %job.run.id,
            title.name = %job.run.title,
            "what the run had staged is not on this node: it begins with its first step again"
        );
        self.begin(job, trace).await
    }

    /// Compares who signed with who did before, asks the scanner, and publishes, parks or stops the run accordingly.
    async fn gate(
        &self,
        job: &Job<'_>,
        mut pending: Pending,
        deadline: Timestamp,
    ) -> Result<Place, Stop> {
        // Here, and not before the scan only: a person may have decided while the run was parked.
        self.check_identity(job, &pending).await?;
        if let Some(until) = self.check_rings(&pending).await? {
            let deadline = until.plus(self.parts.scanning.patience);
            let wait = (Wait::Age, until);
            return self.park(job, &pending, wait, deadline).await;
        }
        let clock = &*self.parts.clock;
        let gate = Gate {
            scanning: &self.parts.scanning,
            pending: &pending,
            request: &job.request,
            deadline,
            clock,
        };
        let passage = tokio::select! {
            passage = gate.pass() => passage?,
            // Parking is the durable way to stop here: the steps need not be carried out again.
            () = job.stop.cancelled() => Passage::Closed { until: clock.now() },
        };
        let until = match passage {
            Passage::Closed { until } => until,
            Passage::Open(warnings) => {
                for warning in &warnings {
                    job.reporter.report(&Event::Warned { text: warning });
                }
                if let Some(record) = &mut pending.record {
                    record.warnings.extend(warnings);
                }
                return self.publish(job, pending).await;
            }
        };
        self.park(job, &pending, (Wait::Scanner, until), deadline)
            .await
    }

    /// Leaves the run in the database until `until`; after `deadline` it waits for no scanner.
    async fn park(
        &self,
        job: &Job<'_>,
        pending: &Pending,
        (what_for, until): (Wait, Timestamp),
        deadline: Timestamp,
    ) -> Result<Place, Stop> {
        let parking = Parking {
            parked: pending.to_json()?,
            due_at: until,
            deadline_at: deadline,
        };
        if !self.parts.db.run_park(job.lease, &parking).await? {
            return Err(Stop::Lost);
        }
        job.reporter.report(&Event::Parked {
            run: job.run.id,
            until,
            what_for,
        });
        Ok(Place::Parked { until, what_for })
    }

    /// Applies the change set, if there is something in it, and remembers the downloads as good.
    async fn publish(&self, job: &Job<'_>, mut pending: Pending) -> Result<Place, Stop> {
        if pending.change_set.is_empty() {
            pending.commit();
            return Ok(Place::Unchanged);
        }
        self.keep_out_of_rings(&mut pending, &**job.reporter)
            .await?;
        self.add_evidence(job, &mut pending).await?;
        // What is written down here is published, whoever comes to do it.
        let parked = pending.to_json()?;
        if !self.parts.db.run_publish(job.lease, &parked).await? {
            return Err(Stop::Lost);
        }
        job.reporter.report(&Event::Publishing {
            files: pending.change_set.files.len(),
        });
        self.apply(job.run, &pending, job.reporter).await?;
        pending.commit();
        Ok(Place::Published(pending.items))
    }
}
