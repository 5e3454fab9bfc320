//! How many steps of a kind, and requests to a host, there are at a time over all processes that share the state.

mod hosts;
mod place;

use std::{collections::BTreeMap, num::NonZeroU16, sync::Arc, time::Duration};

use store::{Db, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use self::hosts::SharedHosts;
use self::place::Place;
use crate::owner::Owner;

/// How long somebody waits before it looks again for a place that another process has given up.
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

/// That a step may be carried out, until this is dropped.
pub(crate) struct Turn {
    _place: Place,
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
        owner: &Owner,
        processor: &str,
    ) -> Result<Option<Turn>, StoreError> {
        let Some(limit) = self.0.get(processor) else {
            return Ok(None);
        };
        let Ok(here) = Arc::clone(&limit.here).acquire_owned().await else {
            return Ok(None);
        };
        let name = |number| format!("step {number} of {processor}");
        loop {
            if let Some(place) = Place::claim(db, owner, limit.most, &name).await? {
                return Ok(Some(Turn {
                    _place: place,
                    _here: here,
                }));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
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
        let owner = Owner::of_this_process();
        let first = one.enter(&db, &owner, "Unarchiver").await.unwrap();
        let second = two.enter(&db, &owner, "Unarchiver").await.unwrap();
        assert!(first.is_some() && second.is_some());
        assert!(
            one.enter(&db, &owner, "Copier").await.unwrap().is_none(),
            "no limit"
        );
        let mut third = Box::pin(one.enter(&db, &owner, "Unarchiver"));
        let waits = tokio::time::timeout(PAUSE, &mut third).await;
        assert!(waits.is_err(), "another process has the second place");
        drop(second);
        assert!(third.await.unwrap().is_some());
        let mut here = Box::pin(two.enter(&db, &owner, "Unarchiver"));
        assert!((&mut here).now_or_never().is_none());
        drop(first);
        assert!(here.await.unwrap().is_some());
    }
}
