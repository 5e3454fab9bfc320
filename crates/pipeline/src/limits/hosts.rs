//! Requests to a host, counted over all processes that share the state.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use fetch::{Passage, Turnstile};
use store::{Claimed, Db, StoreError};
use tokio::runtime::Handle;

use super::{PAUSE, place::Place};
use crate::owner::Owner;

/// How long a place is kept when nothing is asked of the host: the next request needs no word with the database then.
const IDLE: Duration = Duration::from_secs(1);

/// How long a place is had before this process looks whether others wait for one.
const SHARE: Duration = Duration::from_secs(5);

/// How long it is known that somebody waits: a little longer than they take to look again.
const WAITING: Duration = Duration::from_secs(3);

/// Counts requests to hosts over all processes that share the state.
///
/// A process keeps its places while it uses them, and hands them on after five seconds if another one waits, so that a
/// request costs the database nothing as a rule. Politeness is no safety: where the database cannot be asked, the
/// request goes out, and this process counts its own ones only.
#[derive(Clone, Debug)]
pub struct SharedHosts {
    db: Db,
    owner: Owner,
    most: u16,
    runtime: Handle,
    idle: Idle,
}

/// Places that are had and not used, by host.
#[derive(Clone, Debug, Default)]
struct Idle(Arc<Mutex<IdlePlaces>>);

type IdlePlaces = HashMap<String, Vec<(Place, Instant)>>;

/// That a request may run; gives its place back to those that are had here.
#[derive(Debug)]
struct Passing {
    host: String,
    place: Option<Place>,
    idle: Idle,
    runtime: Handle,
}

impl Passage for Passing {}

/// A request that nobody could count.
#[derive(Debug)]
struct Uncounted;

impl Passage for Uncounted {}

impl SharedHosts {
    /// At most `most` requests to a host at a time. Call it where tokio runs.
    pub fn new(db: Db, most: u16) -> Self {
        Self {
            db,
            owner: Owner::of_this_process(),
            most: most.max(1),
            runtime: Handle::current(),
            idle: Idle::default(),
        }
    }

    async fn place(&self, host: &str) -> Result<Place, StoreError> {
        let name = |number: u16| format!("request {number} to {host}");
        let others = format!("waiting for {host}");
        loop {
            while let Some(mut place) = self.idle.take(host) {
                if place.since.elapsed() < SHARE {
                    return Ok(place);
                }
                if self.is_waited_for(&others).await? {
                    drop(place);
                    tokio::time::sleep(PAUSE.saturating_mul(2)).await;
                } else {
                    place.since = Instant::now();
                    return Ok(place);
                }
            }
            if let Some(place) = Place::claim(&self.db, &self.owner, self.most, &name).await? {
                return Ok(place);
            }
            // That somebody waits already is as good.
            let own = self.owner.to_string();
            self.db.right_claim(&others, &own, WAITING).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether another process waits for a place.
    async fn is_waited_for(&self, others: &str) -> Result<bool, StoreError> {
        let own = self.owner.to_string();
        let waiting = self.db.right_claim(others, &own, Duration::ZERO).await?;
        Ok(matches!(waiting, Claimed::Taken { owner } if owner != own))
    }
}

#[async_trait]
impl Turnstile for SharedHosts {
    async fn enter(&self, host: &str) -> Box<dyn Passage> {
        match self.place(host).await {
            Ok(place) => Box::new(Passing {
                host: host.to_owned(),
                place: Some(place),
                idle: self.idle.clone(),
                runtime: self.runtime.clone(),
            }),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(
                    error,
                    server.address = host,
                    "requests to a host are counted by this process alone"
                );
                Box::new(Uncounted)
            }
        }
    }
}

impl Idle {
    fn take(&self, host: &str) -> Option<Place> {
        let (place, _idle_since) = self.lock().get_mut(host)?.pop()?;
        Some(place)
    }

    fn put(&self, host: &str, place: Place) {
        let places = (place, Instant::now());
        let mut idle = self.lock();
        idle.entry(host.to_owned()).or_default().push(places);
    }

    /// Gives up what was not used for [`IDLE`].
    fn give_up(&self, host: &str) {
        let mut idle = self.lock();
        if let Some(places) = idle.get_mut(host) {
            places.retain(|(_place, since)| since.elapsed() < IDLE);
            if places.is_empty() {
                idle.remove(host);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<(Place, Instant)>>> {
        // A panic elsewhere leaves whole entries only.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else {
            return;
        };
        let host = std::mem::take(&mut self.host);
        let idle = self.idle.clone();
        idle.put(&host, place);
        self.runtime.spawn(async move {
            tokio::time::sleep(IDLE).await;
            idle.give_up(&host);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "vendor.example";

    async fn two_processes(most: u16) -> (tempfile::TempDir, Db, SharedHosts, SharedHosts) {
        let folder = tempfile::tempdir().unwrap();
        let db = testkit::database(&folder.path().join("a.db")).await;
        let one = SharedHosts::new(db.clone(), most);
        let mut two = SharedHosts::new(db.clone(), most);
        two.owner = Owner::elsewhere();
        (folder, db, one, two)
    }

    #[tokio::test]
    async fn two_processes_ask_a_host_as_often_as_one_may() {
        let (_folder, _db, one, two) = two_processes(2).await;
        let first = one.enter(HOST).await;
        let second = two.enter(HOST).await;
        let mut third = Box::pin(two.enter(HOST));
        let waits = tokio::time::timeout(PAUSE, &mut third).await;
        assert!(waits.is_err(), "the other process has the first place");
        let elsewhere = one.enter("another.example").await;
        drop((first, elsewhere));
        // It is free when the other process has not used it for a while.
        drop((third.await, second));
        assert!(two.idle.take(HOST).is_some(), "kept for the next request");
    }

    #[tokio::test]
    async fn who_asks_all_the_time_hands_its_place_on() {
        let (_folder, _db, one, two) = two_processes(1).await;
        let passing = one.enter(HOST).await;
        let mut waiting = tokio::spawn(async move { two.enter(HOST).await });
        // Until the other one has said that it waits.
        tokio::time::sleep(PAUSE).await;
        drop(passing);
        let handed = loop {
            if let Some(mut place) = one.idle.take(HOST) {
                place.since = place.since.checked_sub(SHARE).unwrap();
                one.idle.put(HOST, place);
            }
            tokio::select! {
                handed = &mut waiting => break handed.unwrap(),
                // The other one was not quick enough on a busy machine.
                again = one.enter(HOST) => drop(again),
            }
        };
        drop(handed);
        one.enter(HOST).await;
    }

    #[tokio::test]
    async fn a_place_of_a_process_that_is_gone_is_free_and_a_database_that_is_gone_holds_nobody_up()
    {
        let (_folder, db, one, mut two) = two_processes(1).await;
        two.owner = Owner::gone();
        std::mem::forget(two.enter(HOST).await);
        drop(one.enter(HOST).await);
        db.close().await;
        let uncounted = one.enter("another.example").await;
        assert!(
            format!("{uncounted:?}").contains("Uncounted"),
            "{uncounted:?}"
        );
    }
}
