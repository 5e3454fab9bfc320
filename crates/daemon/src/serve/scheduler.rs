//! The scheduler: puts overrides into the queue when they are due.
//!
//! What was dealt with is in the database, moved on in the same transaction that queues the run: over restarts and
//! crashes no time is lost or doubled.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use model::{Clock, Sha256, Timestamp, Title, Trigger};
use pipeline::{Due, Engine, Failure, Request, Scheduled, Schedules, SchedulesError};
use store::{Db, NewRun, Queued, ScheduleMark, StoreError, Terms};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use web::Vitals;

use super::trouble::Trouble;

/// How often the times and the file of schedules are looked at, at the least: the file may have changed, and the
/// clock may have been set.
const LOOK: Duration = Duration::from_secs(15);

/// Says what goes into the queue for an override.
pub(super) trait MakeRun: Send {
    /// What goes into the queue for the override `title`.
    fn make_run(&self, title: &Title) -> impl Future<Output = Result<NewRun, Failure>> + Send;
    /// The state.
    fn state(&self) -> &Db;
}

impl MakeRun for Engine {
    async fn make_run(&self, title: &Title) -> Result<NewRun, Failure> {
        let request = Request::named(title.as_str());
        self.new_run(&request, Trigger::Schedule).await
    }

    fn state(&self) -> &Db {
        self.db()
    }
}

/// Why the scheduler cannot do its work now.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchedulerError {
    /// The new schedules cannot be read; the ones from before hold.
    #[error("the schedules cannot be read, those from before hold")]
    Schedules(#[source] SchedulesError),
    /// One override could not be queued.
    #[error("`{title}` could not be queued: {why}")]
    Run { title: Title, why: String },
    /// The state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a look at the times came to.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// How many runs are in the queue that were not before.
    pub(super) queued: usize,
    /// When the next one is due.
    pub(super) next_at: Option<Timestamp>,
    /// What went wrong; the rest was done.
    pub(super) trouble: Option<SchedulerError>,
}

/// What the loop of the scheduler is connected to.
pub(super) struct Scheduling {
    pub(super) vitals: Arc<Vitals>,
    pub(super) wake: Arc<Notify>,
    pub(super) reload: Arc<Notify>,
    pub(super) stop: CancellationToken,
}

/// Puts overrides into the queue when they are due.
pub(super) struct Scheduler<M> {
    runs: M,
    clock: Arc<dyn Clock>,
    path: PathBuf,
    seen: Seen,
    planned: Vec<Planned>,
}

/// The schedules that were read last, good or bad.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Seen {
    Never,
    Absent,
    Text(Sha256),
}

/// One override, its times, and how far they have been dealt with.
struct Planned {
    title: Title,
    scheduled: Scheduled,
    mark: ScheduleMark,
}

impl<M: MakeRun> Scheduler<M> {
    /// A scheduler of the file at `path`, which it has not looked at yet.
    pub(super) fn new(runs: M, clock: Arc<dyn Clock>, path: &Path) -> Self {
        Self {
            runs,
            clock,
            path: path.to_owned(),
            seen: Seen::Never,
            planned: Vec::new(),
        }
    }

    /// Whether the schedules can be read.
    ///
    /// # Errors
    /// If not.
    pub(super) async fn check(&self) -> Result<(), SchedulesError> {
        self.read().await.map(drop)
    }

    /// Queues what is due, until it is to stop.
    pub(super) async fn run(mut self, connected: Scheduling) {
        let mut trouble = Trouble::none("scheduler");
        while !connected.stop.is_cancelled() {
            let look = self.look().await;
            connected.vitals.scheduler_ticked();
            if look.queued > 0 {
                connected.wake.notify_waiters();
            }
            let next = look.next_at.map(|next| next.since(self.clock.now()));
            let mut wait = next.map_or(LOOK, |next| next.min(LOOK));
            match look.trouble {
                Some(error) => wait = wait.max(trouble.again(&error)).min(LOOK),
                None => trouble.over(),
            }
            tokio::select! {
                () = connected.stop.cancelled() => {}
                () = connected.reload.notified() => {
                    // What is wrong with the file is said again to whoever asks.
                    trouble.over();
                    self.seen = Seen::Never;
                }
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Looks at the file and at the times once, and queues what is due.
    pub(super) async fn look(&mut self) -> Look {
        let mut look = Look {
            trouble: self.reload().await.err(),
            ..Look::default()
        };
        let pauses = match self.runs.state().pause_list().await {
            Ok(pauses) => pauses,
            Err(error) => {
                look.trouble = Some(error.into());
                return look;
            }
        };
        let now = self.clock.now();
        let rests = |title: &Title| pauses.iter().any(|it| it.rests(title.as_str(), now));
        let awake = self.planned.iter_mut().filter(|it| !rests(&it.title));
        for planned in awake {
            match planned.look(&self.runs, &*self.clock).await {
                Ok(seen) => {
                    look.queued += usize::from(seen.queued);
                    look.next_at = [look.next_at, seen.next_at].into_iter().flatten().min();
                }
                Err(error) => look.trouble = look.trouble.or(Some(error)),
            }
        }
        look
    }

    /// Reads the file again if it changed.
    async fn reload(&mut self) -> Result<(), SchedulerError> {
        let (seen, schedules) = match self.read().await {
            Ok((seen, _)) if seen == self.seen => return Ok(()),
            Ok(read) => read,
            Err(error) => return Err(SchedulerError::Schedules(error)),
        };
        let now = self.clock.now();
        let db = self.runs.state();
        let mut planned = Vec::new();
        for entry in schedules.entries() {
            let mut mark = db.schedule_mark(entry.title, now).await?;
            // New times hold from now on; what passed of them before they were written was not missed.
            let known = self
                .planned
                .iter()
                .find(|known| &known.title == entry.title);
            let changed =
                known.is_some_and(|known| !known.scheduled.timetable.is_same(entry.timetable));
            if changed && let Some(moved) = db.schedule_pass(&mark, now).await? {
                mark = moved;
            }
            planned.push(Planned {
                title: entry.title.clone(),
                scheduled: entry.scheduled.clone(),
                mark,
            });
        }
        for mark in db.schedule_list().await? {
            if !planned.iter().any(|known| known.title == mark.title) {
                db.schedule_forget(&mark.title).await?;
            }
        }
        tracing::info!(overrides = planned.len(), path = %self.path.display(), "schedules read");
        (self.seen, self.planned) = (seen, planned);
        Ok(())
    }

    async fn read(&self) -> Result<(Seen, Schedules), SchedulesError> {
        match fs_err::tokio::read_to_string(&self.path).await {
            Ok(text) => {
                let schedules = Schedules::parse(&self.path, &text)?;
                // What stands in recipe lists counts as if it stood here.
                let whole = format!("{text}{:?}", schedules.titles());
                Ok((Seen::Text(Sha256::of(whole.as_bytes())), schedules))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok((Seen::Absent, Schedules::default()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What a look at one override came to.
struct Seeing {
    queued: bool,
    next_at: Option<Timestamp>,
}

impl Planned {
    async fn look(
        &mut self,
        runs: &impl MakeRun,
        clock: &dyn Clock,
    ) -> Result<Seeing, SchedulerError> {
        let now = clock.now();
        let (name, considered) = (self.title.clone(), self.mark.considered_at);
        let name = name.as_str();
        let mut queued = false;
        let timetable = &self.scheduled.timetable;
        match timetable.due(name, considered, now) {
            Due::At(next_at) => return Ok(Seeing { queued, next_at }),
            Due::Now => queued = self.fire(runs, now).await?,
            Due::Missed => {
                let until = timetable.left_behind(name, considered, now);
                let passed = runs.state().schedule_pass(&self.mark, until).await?;
                tracing::info!(title.name = name, %until, "times that were missed are left");
                self.moved(passed, runs, now).await?;
                // One that was not missed may lie behind those.
                if self.due_again(now) {
                    queued = self.fire(runs, now).await?;
                }
            }
        }
        let next_at = self
            .scheduled
            .timetable
            .next_begin(self.title.as_str(), self.mark.considered_at);
        Ok(Seeing { queued, next_at })
    }

    fn due_again(&self, now: Timestamp) -> bool {
        let (name, considered) = (self.title.as_str(), self.mark.considered_at);
        self.scheduled.timetable.due(name, considered, now) == Due::Now
    }

    /// Queues a run, and says whether it is new.
    async fn fire(&mut self, runs: &impl MakeRun, now: Timestamp) -> Result<bool, SchedulerError> {
        let name = self.title.as_str();
        let made = runs.make_run(&self.title).await;
        let mut new = made.map_err(|failure| SchedulerError::Run {
            title: self.title.clone(),
            why: failure.cause(),
        })?;
        new.terms = Terms {
            priority: self.scheduled.priority,
            label: self.scheduled.label.clone(),
            after: self.scheduled.after.clone(),
            ..new.terms
        };
        let until = self
            .scheduled
            .timetable
            .dealt_with(name, self.mark.considered_at, now);
        let fired = runs
            .state()
            .schedule_fire(&self.mark, &new, until, now)
            .await?;
        let is_new = match &fired {
            Some((Queued::New(run), _)) => {
                tracing::info!(run.id = %run, title.name = name, "scheduled run queued");
                true
            }
            Some((Queued::Already(run), _)) => {
                tracing::warn!(run.id = %run, title.name = name, "the run before is still under way, so none is queued");
                false
            }
            None => false,
        };
        self.moved(fired.map(|(_, mark)| mark), runs, now).await?;
        Ok(is_new)
    }

    /// Takes over where the mark was moved to, or finds out if another scheduler was faster.
    async fn moved(
        &mut self,
        mark: Option<ScheduleMark>,
        runs: &impl MakeRun,
        now: Timestamp,
    ) -> Result<(), SchedulerError> {
        self.mark = match mark {
            Some(mark) => mark,
            None => runs.state().schedule_mark(&self.title, now).await?,
        };
        Ok(())
    }
}
