//! Workers: each takes the run that is due longest, and carries it on.

use std::{sync::Arc, time::Duration};

use pipeline::{Engine, Outcome, Reporter, Worked};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use web::{Vitals, WorkerSign};

use super::{GIVING_BACK, report::Log, trouble::Trouble};

/// How long a worker without work waits before it looks again: another process may have queued a run, or a parked
/// run may be due.
const IDLE: Duration = Duration::from_secs(2);

/// How long a worker that failed as a whole is missing.
const MISSING: Duration = Duration::from_secs(1);

/// What workers share.
#[derive(Clone)]
pub(super) struct Workers {
    pub(super) engine: Engine,
    pub(super) vitals: Arc<Vitals>,
    /// There is work.
    pub(super) wake: Arc<Notify>,
    /// Take nothing up any more.
    pub(super) stop: CancellationToken,
    /// Give back what is under way.
    pub(super) cancel: CancellationToken,
}

impl Workers {
    /// Signs of `count` workers that are about to begin. They are taken before anybody can ask whether all is well.
    pub(super) fn signs(&self, count: u16) -> Vec<WorkerSign> {
        (0..count).map(|_| self.vitals.worker()).collect()
    }

    /// Works, with a worker for each of `signs`, until `stop`, and then for `grace` at most; what is under way is then
    /// given back to the queue.
    pub(super) async fn run(self, signs: Vec<WorkerSign>, grace: Duration) {
        let mut workers = JoinSet::new();
        for sign in signs {
            workers.spawn(self.clone().work(sign, Duration::ZERO));
        }
        // A worker ends by itself only when it is to; one that panicked is replaced.
        let stop = self.stop.clone();
        if workers.is_empty() {
            stop.cancelled().await;
        }
        while let Some(ended) = tokio::select! {
            ended = workers.join_next() => ended,
            () = stop.cancelled() => None,
        } {
            let Err(error) = ended else { continue };
            tracing::error!(%error, "a worker failed, and is replaced");
            workers.spawn(self.clone().work(self.vitals.worker(), MISSING));
        }
        self.wind_up(workers, grace).await;
    }

    async fn wind_up(&self, mut workers: JoinSet<()>, grace: Duration) {
        tokio::select! {
            () = ended(&mut workers) => return,
            () = tokio::time::sleep(grace) => {
                tracing::warn!(runs = workers.len(), "the grace is over: runs are given back to the queue");
            }
            () = self.cancel.cancelled() => {}
        }
        self.cancel.cancel();
        if tokio::time::timeout(GIVING_BACK, ended(&mut workers))
            .await
            .is_err()
        {
            tracing::error!(runs = workers.len(), "runs are left where they are");
            workers.shutdown().await;
        }
    }

    async fn work(self, _sign: WorkerSign, after: Duration) {
        let reporter: Arc<dyn Reporter> = Arc::new(Log::default());
        let mut trouble = Trouble::none("worker");
        let mut wait = after;
        loop {
            // Before the look, so that no wake-up in between is missed.
            let woken = self.wake.notified();
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = woken => {}
                () = tokio::time::sleep(wait) => {}
            }
            if self.stop.is_cancelled() {
                return;
            }
            wait = match Box::pin(self.engine.work(&reporter, &self.cancel)).await {
                Ok(Some(worked)) => {
                    tell(&worked);
                    trouble.over();
                    Duration::ZERO
                }
                Ok(None) => {
                    trouble.over();
                    IDLE
                }
                Err(error) => trouble.again(&error),
            };
        }
    }
}

async fn ended(workers: &mut JoinSet<()>) {
    while let Some(ended) = workers.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a worker failed");
        }
    }
}

/// The end of a run is logged where it is recorded; here is what else may become of one.
fn tell(worked: &Worked) {
    let (id, title) = (&worked.run, &worked.title);
    match &worked.outcome {
        Outcome::Ended(_) => {}
        Outcome::Lost => {
            tracing::warn!(run.id = %id, title.name = %title, "another worker has the run");
        }
        Outcome::Parked { until, .. } => {
            tracing::info!(run.id = %id, title.name = %title, %until, "run parked");
        }
        Outcome::Released => {
            tracing::info!(run.id = %id, title.name = %title, "run given back to the queue");
        }
    }
}
