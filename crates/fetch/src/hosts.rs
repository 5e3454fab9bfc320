//! How many requests run against one host at a time.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts requests to hosts together with other programs, which ask the same ones.
#[async_trait]
pub trait Turnstile: fmt::Debug + Send + Sync {
    /// Waits until one more request of this program may run against `host`, a name or address without port; it may as
    /// long as the answer lives. Who cannot count lets it pass.
    async fn enter(&self, host: &str) -> Box<dyn Passage>;
}

/// That a request may run, until this is dropped.
pub trait Passage: fmt::Debug + Send + Sync {}

/// The doors of all hosts that were ever asked.
#[derive(Debug)]
pub(crate) struct Hosts {
    per_host: usize,
    doors: Mutex<HashMap<String, Arc<Semaphore>>>,
    turnstile: Option<Arc<dyn Turnstile>>,
}

/// That a host may be asked.
#[derive(Debug)]
pub(crate) struct Permit {
    // Dropped in this order: whoever is next in this program finds the passage given back.
    _everywhere: Option<Box<dyn Passage>>,
    _here: Option<OwnedSemaphorePermit>,
}

impl Hosts {
    pub(crate) fn new(per_host: usize) -> Self {
        Self {
            per_host: per_host.max(1),
            doors: Mutex::default(),
            turnstile: None,
        }
    }

    pub(crate) fn set_turnstile(&mut self, turnstile: Arc<dyn Turnstile>) {
        self.turnstile = Some(turnstile);
    }

    /// Waits until `host` may be asked; it may as long as the permit lives.
    pub(crate) async fn enter(&self, host: &str) -> Permit {
        let door = {
            let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                doors
                    .entry(host.to_owned())
                    .or_insert_with(|| Arc::new(Semaphore::new(self.per_host))),
            )
        };
        // The semaphore is never closed, so this is always a permit.
        let here = door.acquire_owned().await.ok();
        let everywhere = match &self.turnstile {
            Some(turnstile) => Some(turnstile.enter(host).await),
            None => None,
        };
        Permit {
            _everywhere: everywhere,
            _here: here,
        }
    }
}
