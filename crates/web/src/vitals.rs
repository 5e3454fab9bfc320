//! Signs of life of the service's loops.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use model::{Clock, Timestamp};

/// The scheduler looks at its times at least every half minute; after this long without a look it hangs.
const SCHEDULER_SILENCE: Duration = Duration::from_mins(3);

/// Signs of life of the service's loops.
#[derive(Debug)]
pub struct Vitals {
    clock: Arc<dyn Clock>,
    workers: usize,
    workers_alive: AtomicUsize,
    ticked_at: AtomicI64,
    written_at: AtomicI64,
    lease: Duration,
    schedules: bool,
    stopping: AtomicBool,
}

/// Stands for one worker, which lives as long as this does.
#[derive(Debug)]
pub struct WorkerSign(Arc<Vitals>);

impl Drop for WorkerSign {
    fn drop(&mut self) {
        self.0.workers_alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What can be seen of the loops.
pub(crate) struct Seen {
    pub(crate) workers: usize,
    pub(crate) workers_alive: usize,
    pub(crate) ticked_at: Timestamp,
    pub(crate) scheduler_is_silent: bool,
    /// Nothing could be written for longer than a lease.
    pub(crate) nothing_is_written: bool,
    pub(crate) stopping: bool,
}

impl Vitals {
    /// Signs of `workers` workers and, if it `schedules`, of a scheduler, which counts as having looked just now. As just
    /// written counts the state, which is written to again and again within a `lease`.
    pub fn new(clock: Arc<dyn Clock>, workers: usize, schedules: bool, lease: Duration) -> Self {
        let now = clock.now();
        Self {
            clock,
            workers,
            schedules,
            workers_alive: AtomicUsize::new(0),
            ticked_at: AtomicI64::new(now.as_micros()),
            written_at: AtomicI64::new(now.as_micros()),
            lease,
            stopping: AtomicBool::new(false),
        }
    }

    /// A worker begins; it ends, in whatever way, when the sign is dropped.
    pub fn worker(self: &Arc<Self>) -> WorkerSign {
        self.workers_alive.fetch_add(1, Ordering::Relaxed);
        WorkerSign(Arc::clone(self))
    }

    /// The scheduler has looked at its times.
    pub fn scheduler_ticked(&self) {
        let now = self.clock.now().as_micros();
        self.ticked_at.store(now, Ordering::Relaxed);
    }

    /// The sign of life of this node was written. A database that can be read only, or whose disk is full, answers all the same.
    pub fn state_written(&self) {
        let now = self.clock.now().as_micros();
        self.written_at.store(now, Ordering::Relaxed);
    }

    /// The service stops: it is not well any more, and that is as it should be.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn seen(&self) -> Seen {
        let now = self.clock.now();
        let ticked_at = Timestamp::from_micros(self.ticked_at.load(Ordering::Relaxed));
        let written_at = Timestamp::from_micros(self.written_at.load(Ordering::Relaxed));
        Seen {
            workers: self.workers,
            workers_alive: self.workers_alive.load(Ordering::Relaxed),
            ticked_at,
            scheduler_is_silent: self.schedules && now.since(ticked_at) > SCHEDULER_SILENCE,
            nothing_is_written: now.since(written_at) > self.lease,
            stopping: self.stopping.load(Ordering::Relaxed),
        }
    }
}
