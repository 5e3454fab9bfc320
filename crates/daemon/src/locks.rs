//! The right to write to a repository that cannot be locked itself, had of the database.

use std::{
    future::Future,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::{Duration, Instant},
};

use pipeline::Owner;
use publication::{Held, Locks, RepositoryError};
use store::{Claimed, Db, Right, StoreError};
use tokio::{runtime::Handle, task::JoinHandle};

/// Who is silent for so long has lost the right.
const LASTING: Duration = Duration::from_secs(30);
/// So often it is said that it is needed still.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Between two looks at a right that somebody else has.
const PAUSE: Duration = Duration::from_millis(200);

/// The rights of this process.
#[derive(Debug)]
pub(crate) struct DatabaseLocks {
    db: Db,
    /// What the right is called.
    name: String,
    owner: Owner,
    runtime: Handle,
}

impl DatabaseLocks {
    /// The right to write to `repository`. Call it where tokio runs.
    pub(crate) fn new(db: Db, repository: &str) -> Self {
        Self {
            db,
            name: format!("repository {repository}"),
            owner: Owner::of_this_process(),
            runtime: Handle::current(),
        }
    }

    async fn claim(db: Db, name: String, owner: Owner) -> Result<Option<Right>, StoreError> {
        let own = owner.to_string();
        match db.right_claim(&name, &own, LASTING).await? {
            Claimed::Had(right) => Ok(Some(right)),
            Claimed::Taken { owner: other } if owner.is_gone(&other) => {
                db.right_lapse(&name, &other).await?;
                tracing::info!(
                    lease.owner = other,
                    "a process that is gone had the right to write to the repository"
                );
                Ok(None)
            }
            Claimed::Taken { .. } => Ok(None),
        }
    }
}

impl Locks for DatabaseLocks {
    fn wait(&self) -> Result<Box<dyn Held + '_>, RepositoryError> {
        loop {
            let asked = Instant::now();
            let claim = Self::claim(self.db.clone(), self.name.clone(), self.owner.clone());
            if let Some(right) = blocking(&self.runtime, claim)? {
                return Ok(Box::new(DatabaseRight::new(self, right, asked)));
            }
            thread::sleep(PAUSE);
        }
    }
}

/// A right that is had, and renewed until it is dropped.
#[derive(Debug)]
struct DatabaseRight<'a> {
    locks: &'a DatabaseLocks,
    right: Right,
    pulse: Arc<Pulse>,
    heart: JoinHandle<()>,
}

/// When the right was last renewed, and whether it is lost.
#[derive(Debug)]
struct Pulse {
    at: Mutex<Instant>,
    is_lost: AtomicBool,
}

impl Pulse {
    fn beat(&self, renewed: bool, asked: Instant) {
        if renewed {
            *self.at.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        } else {
            self.is_lost.store(true, Ordering::SeqCst);
        }
    }

    /// Since when nothing is known of it.
    fn silence(&self) -> Duration {
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.elapsed()
    }
}

impl<'a> DatabaseRight<'a> {
    fn new(locks: &'a DatabaseLocks, right: Right, asked: Instant) -> Self {
        let pulse = Arc::new(Pulse {
            at: Mutex::new(asked),
            is_lost: AtomicBool::new(false),
        });
        let heart = locks.runtime.spawn(renew_always(
            locks.db.clone(),
            right.clone(),
            Arc::clone(&pulse),
        ));
        Self {
            locks,
            right,
            pulse,
            heart,
        }
    }
}

/// Gives `right` back when the database answers again: others wait for it. It ends by itself in the meantime at the latest.
async fn give_back(db: Db, right: Right) {
    let asked = Instant::now();
    while asked.elapsed() < LASTING {
        tokio::time::sleep(PAUSE).await;
        if db.right_release(&right).await.is_ok() {
            return;
        }
    }
}

async fn renew_always(db: Db, right: Right, pulse: Arc<Pulse>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let asked = Instant::now();
        match db.right_renew(&right, LASTING).await {
            Ok(renewed) => pulse.beat(renewed, asked),
            // It lasts a while yet, and is asked for again.
            Err(error) => tracing::warn!(%error, "the right to write was not renewed"),
        }
    }
}

impl Held for DatabaseRight<'_> {
    fn check(&self) -> Result<(), RepositoryError> {
        // A process that was stopped for a while must ask before it goes on.
        if self.pulse.silence() > HEARTBEAT.saturating_mul(2) {
            let (db, right) = (self.locks.db.clone(), self.right.clone());
            let asked = Instant::now();
            let renewed = blocking(&self.locks.runtime, async move {
                db.right_renew(&right, LASTING).await
            })?;
            self.pulse.beat(renewed, asked);
        }
        if self.pulse.is_lost.load(Ordering::SeqCst) {
            return Err(RepositoryError::LockLost);
        }
        Ok(())
    }
}

impl Drop for DatabaseRight<'_> {
    fn drop(&mut self) {
        self.heart.abort();
        let (db, right) = (self.locks.db.clone(), self.right.clone());
        let released = blocking(&self.locks.runtime, async move {
            db.right_release(&right).await
        });
        if let Err(error) = released {
            tracing::warn!(%error, "the right to write to the repository is not given back yet");
            let (db, right) = (self.locks.db.clone(), self.right.clone());
            self.locks.runtime.spawn(give_back(db, right));
        }
    }
}

/// What comes of `work`, on whatever thread this is. The runtime has others.
fn blocking<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, RepositoryError> {
    let (done, outcome) = sync_channel(1);
    runtime.spawn(async move {
        // Nobody waits any more if this fails.
        done.send(work.await).ok();
    });
    match outcome.recv() {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(RepositoryError::Lock(Box::new(error))),
        Err(error) => Err(RepositoryError::Lock(Box::new(io::Error::other(error)))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn two_that_write_never_do_so_at_once_and_who_lost_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let db = testkit::database(&folder.path().join("state.db")).await;
        let locks = Arc::new(DatabaseLocks::new(db.clone(), "s3://munki"));
        let inside = Arc::new(AtomicUsize::new(0));
        let work = |_| {
            let (locks, inside) = (Arc::clone(&locks), Arc::clone(&inside));
            tokio::task::spawn_blocking(move || {
                for _ in 0..5 {
                    let held = locks.wait().unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                    held.check().unwrap();
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            })
        };
        for task in (0..3).map(work).collect::<Vec<_>>() {
            task.await.unwrap();
        }

        let lost = tokio::task::spawn_blocking(move || {
            let held = locks.wait().unwrap();
            let mine = locks.owner.to_string();
            let lapse = {
                let (db, name) = (db.clone(), locks.name.clone());
                async move { db.right_lapse(&name, &mine).await }
            };
            blocking(&locks.runtime, lapse).unwrap();
            let deadline = Instant::now() + LASTING;
            while held.check().is_ok() && Instant::now() < deadline {
                thread::sleep(PAUSE);
            }
            held.check().map_err(|error| error.to_string())
        });
        let told = lost.await.unwrap().unwrap_err();
        assert!(told.contains("another process has taken over"), "{told}");
    }
}
