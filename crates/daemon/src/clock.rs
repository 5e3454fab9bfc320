//! The time, which machines that share a database must agree on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use model::{Clock, SystemClock, Timestamp};
use store::{Db, StoreError};
use tokio_util::task::AbortOnDropHandle;

/// How often the difference to the clock of the database is measured anew.
const MEASURE: Duration = Duration::from_secs(30);

/// An answer that took longer says too little about the time.
const SLOW: Duration = Duration::from_secs(1);

/// The clock that everybody who uses `db` goes by: that of the server, or this machine's where the state is a file.
///
/// # Errors
/// If the database fails.
pub(crate) async fn of(db: &Db) -> Result<Arc<dyn Clock>, StoreError> {
    if !db.is_server() {
        return Ok(Arc::new(SystemClock));
    }
    let hands = Arc::new(Hands {
        from: Instant::now(),
        began_at: AtomicI64::new(0),
    });
    hands.set(db.now().await?, hands.from.elapsed());
    let keeper = tokio::spawn(keep(db.clone(), Arc::clone(&hands)));
    Ok(Arc::new(DatabaseClock {
        hands,
        _keeper: AbortOnDropHandle::new(keeper),
    }))
}

/// The time of the database's server, carried on by this machine's steady clock between two questions.
#[derive(Debug)]
struct DatabaseClock {
    hands: Arc<Hands>,
    _keeper: AbortOnDropHandle<()>,
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let began_at = Timestamp::from_micros(self.hands.began_at.load(Ordering::Relaxed));
        began_at.plus(self.hands.from.elapsed())
    }
}

#[derive(Debug)]
struct Hands {
    from: Instant,
    /// What the server's clock showed at `from`.
    began_at: AtomicI64,
}

impl Hands {
    /// The server's clock showed `now` when `since` had gone by.
    fn set(&self, now: Timestamp, since: Duration) {
        self.began_at
            .store(now.minus(since).as_micros(), Ordering::Relaxed);
    }
}

async fn keep(db: Db, hands: Arc<Hands>) {
    loop {
        tokio::time::sleep(MEASURE).await;
        let asked = hands.from.elapsed();
        let Ok(now) = db.now().await else {
            // It is asked again; whoever needs the database says that it is away.
            continue;
        };
        let took = hands.from.elapsed().saturating_sub(asked);
        if took < SLOW {
            hands.set(now, asked.saturating_add(took / 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_from_what_the_server_said() {
        let hands = Hands {
            from: Instant::now(),
            began_at: AtomicI64::new(0),
        };
        hands.set(Timestamp::from_secs(100), Duration::from_secs(40));
        assert_eq!(hands.began_at.load(Ordering::Relaxed), 60_000_000);
    }
}
