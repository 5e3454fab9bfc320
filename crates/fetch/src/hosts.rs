//! How many requests run against one host at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The doors of all hosts that were ever asked.
#[derive(Debug)]
pub(crate) struct Hosts {
    per_host: usize,
    doors: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Hosts {
    pub(crate) fn new(per_host: usize) -> Self {
        Self {
            per_host: per_host.max(1),
            doors: Mutex::default(),
        }
    }

    /// Waits until `host` may be asked; it may as long as the permit lives.
    pub(crate) async fn enter(&self, host: &str) -> Option<OwnedSemaphorePermit> {
        let door = {
            let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                doors
                    .entry(host.to_owned())
                    .or_insert_with(|| Arc::new(Semaphore::new(self.per_host))),
            )
        };
        // The semaphore is never closed, so this is always a permit.
        door.acquire_owned().await.ok()
    }
}
