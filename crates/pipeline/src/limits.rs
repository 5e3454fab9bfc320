//! How many steps of a kind there are at a time.

use std::{collections::BTreeMap, num::NonZeroU16, sync::Arc, time::Duration};

use store::{Claimed, Db, Right, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a place is had after its process was heard of last: one that dies gives it up by that.
const LASTING: Duration = Duration::from_secs(30);

/// How often a process that has a place says so.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long a step waits before it looks again for a place that another process has given up.
const PAUSE: Duration = Duration::from_millis(500);

/// How many steps of a processor are carried out at a time, over all processes that share the state; of one that is not
/// named as many as there are workers.
#[derive(Clone, Debug, Default)]
pub struct StepLimits(BTreeMap<String, Limit>);

#[derive(Clone, Debug)]
struct Limit {
    most: u16,
    /// The steps of this process stand in line here, and only the first of them ask the state.
    here: Arc<Semaphore>,
}

/// A place for a step; it is free again when this is dropped.
pub(crate) struct Place {
    _kept: DropGuard,
    _here: OwnedSemaphorePermit,
}

impl StepLimits {
    /// By the names of processors, as recipes write them.
    pub fn new(most: &BTreeMap<String, NonZeroU16>) -> Self {
        let limits = most.iter().map(|(processor, most)| {
            let limit = Limit {
                most: most.get(),
                here: Arc::new(Semaphore::new(most.get().into())),
            };
            (processor.clone(), limit)
        });
        Self(limits.collect())
    }

    /// Waits for a place for a step of `processor`, which `owner` carries out; none is needed if it is not named.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Cancellation
    /// Gives the place in the queue up.
    pub(crate) async fn enter(
        &self,
        db: &Db,
        owner: &str,
        processor: &str,
    ) -> Result<Option<Place>, StoreError> {
        let Some(limit) = self.0.get(processor) else {
            return Ok(None);
        };
        let Ok(here) = Arc::clone(&limit.here).acquire_owned().await else {
            return Ok(None);
        };
        loop {
            for number in 1..=limit.most {
                let name = format!("step {number} of {processor}");
                if let Claimed::Had(right) = db.right_claim(&name, owner, LASTING).await? {
                    return Ok(Some(Place {
                        _kept: kept(db.clone(), right),
                        _here: here,
                    }));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Keeps `right` until the answer is dropped, and gives it back then.
fn kept(db: Db, right: Right) -> DropGuard {
    let over = CancellationToken::new();
    let guard = over.clone().drop_guard();
    tokio::spawn(async move {
        while over
            .run_until_cancelled(tokio::time::sleep(HEARTBEAT))
            .await
            .is_some()
        {
            // A place that was lost is somebody else's by now; the step goes on, and the next one waits again.
            if let Err(error) = db.right_renew(&right, LASTING).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the place of a step could not be kept");
            }
        }
        if let Err(error) = db.right_release(&right).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the place of a step is free only by and by");
        }
    });
    guard
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn as_many_as_may_be_at_a_time_over_all_processes_and_the_next_when_one_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("a.db")).await.unwrap();
        let most = BTreeMap::from([("Unarchiver".to_owned(), NonZeroU16::new(2).unwrap())]);
        let [one, two] = [StepLimits::new(&most), StepLimits::new(&most)];
        let first = one.enter(&db, "one", "Unarchiver").await.unwrap();
        let second = two.enter(&db, "two", "Unarchiver").await.unwrap();
        assert!(first.is_some() && second.is_some());
        assert!(
            one.enter(&db, "one", "Copier").await.unwrap().is_none(),
            "no limit"
        );
        let mut third = Box::pin(one.enter(&db, "one", "Unarchiver"));
        let waits = tokio::time::timeout(PAUSE, &mut third).await;
        assert!(waits.is_err(), "another process has the second place");
        drop(second);
        assert!(third.await.unwrap().is_some());
        let mut here = Box::pin(two.enter(&db, "two", "Unarchiver"));
        assert!((&mut here).now_or_never().is_none());
        drop(first);
        assert!(here.await.unwrap().is_some());
    }
}
