//! How many steps of a kind there are at a time.

use std::{collections::BTreeMap, num::NonZeroU16, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many steps of a processor this process carries out at a time; of one that is not named as many as there are
/// workers.
#[derive(Clone, Debug, Default)]
pub struct StepLimits(BTreeMap<String, Arc<Semaphore>>);

impl StepLimits {
    /// By the names of processors, as recipes write them.
    pub fn new(most: &BTreeMap<String, NonZeroU16>) -> Self {
        let places = most.iter().map(|(processor, most)| {
            let places = Semaphore::new(most.get().into());
            (processor.clone(), Arc::new(places))
        });
        Self(places.collect())
    }

    /// Waits for a place for a step of `processor`; it is free again when the answer is dropped.
    ///
    /// # Cancellation
    /// Gives the place in the queue up.
    pub(crate) async fn enter(&self, processor: &str) -> Option<OwnedSemaphorePermit> {
        let places = Arc::clone(self.0.get(processor)?);
        places.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn as_many_as_may_be_at_a_time_and_the_next_when_one_is_over() {
        let two = NonZeroU16::new(2).unwrap();
        let limits = StepLimits::new(&BTreeMap::from([("Unarchiver".to_owned(), two)]));
        let first = limits.enter("Unarchiver").await;
        let _second = limits.enter("Unarchiver").await;
        assert!(limits.enter("Unarchiver").now_or_never().is_none());
        assert!(limits.enter("Copier").await.is_none(), "it has no limit");
        drop(first);
        assert!(limits.enter("Unarchiver").await.is_some());
    }
}
