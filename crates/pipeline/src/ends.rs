//! Good ends that are written down together.
//!
//! Most titles of a list have nothing new, and what most of their time goes into is to write that down and to wait for the
//! disk. Whoever runs a list may have these ends held for a moment, and tells nobody of them before they are written. A
//! process that goes away in between leaves runs that nobody carries on, as one does that goes away a moment earlier.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use model::{RunId, Title};
use store::{Finished, GoodEnd, Lease, Notes, Run, RunEnd, StoreError};

use crate::Engine;

/// So many are written together at the most.
const MOST: usize = 16;

/// With so many steps and downloads, all in all, no more are waited for: a database takes no message of any length.
const MOST_ROWS: usize = 400;

/// How long an end is held while the next run goes on.
const HELD: Duration = Duration::from_millis(200);

/// Ends that are not written down yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    holds: AtomicBool,
    held: Mutex<Vec<(Title, GoodEnd)>>,
    /// Whoever has it writes them down.
    turn: tokio::sync::Mutex<()>,
    /// Runs whose ends were held, and that somebody else had taken over by then.
    lost: Mutex<Vec<RunId>>,
}

impl Ends {
    /// Whether ends are held here.
    pub(crate) fn holds(&self) -> bool {
        self.0.holds.load(Ordering::Relaxed)
    }

    fn held(&self) -> MutexGuard<'_, Vec<(Title, GoodEnd)>> {
        lock(&self.0.held)
    }
}

/// A panic elsewhere leaves whole entries only.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says of which run the end was written down.
pub(crate) fn log_end((id, title): (RunId, &Title), end: &RunEnd, finished: Finished) {
    let ended = finished != Finished::Lost;
    tracing::info!(
        run.id = %id,
        title.name = %title,
        run.state = end.state().as_str(),
        run.class = end.failure().map(|failure| failure.class.as_str()),
        ended,
        "run ended"
    );
}

impl Engine {
    /// From now on, ends of runs that found nothing new may be held for a moment, to be written down together. Whoever
    /// tells of them calls [`Engine::write_ends`] first.
    ///
    /// A state that several machines share is always told at once.
    pub fn hold_ends(&self) {
        let holds = !self.parts.db.is_server();
        self.ends.0.holds.store(holds, Ordering::Relaxed);
    }

    /// Writes down the ends that are held; answers the runs that had been taken over by somebody else, and did not end
    /// here.
    ///
    /// # Errors
    /// If the database fails; they are held then as before.
    pub async fn write_ends(&self) -> Result<Vec<RunId>, StoreError> {
        self.write_held().await?;
        Ok(mem::take(&mut *lock(&self.ends.0.lost)))
    }

    /// The good end of a run, now.
    pub(crate) fn good_end(
        &self,
        (run, lease): (&Run, Lease),
        end: &RunEnd,
        notes: &Notes,
    ) -> GoodEnd {
        // After a look at what is new only, incidents stay as they are.
        let resolves = Self::request_of(run).is_ok_and(|it| it.is_regular());
        GoodEnd {
            lease,
            end: end.clone(),
            notes: notes.clone(),
            resolves_in: resolves.then(|| self.parts.desk.scope().to_owned()),
            at: self.clock().now(),
        }
    }

    /// Holds the end of a run of `title`.
    pub(crate) async fn hold_end(&self, title: &Title, good: GoodEnd) -> Result<(), StoreError> {
        let is_full = {
            let mut held = self.ends.held();
            held.push((title.clone(), good));
            let rows = held.iter().map(|(_title, good)| rows(&good.notes));
            held.len() >= MOST || rows.sum::<usize>() >= MOST_ROWS
        };
        if !is_full {
            return Ok(());
        }
        self.write_held().await
    }

    /// Whether ends may have been held, which are written down now.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn had_held_ends(&self) -> Result<bool, StoreError> {
        if !self.ends.holds() {
            return Ok(false);
        }
        self.write_held().await.map(|()| true)
    }

    /// Has what is held written down while a run goes on that takes its time.
    pub(crate) async fn write_held_ends(&self) {
        if !self.ends.holds() {
            return;
        }
        tokio::time::sleep(HELD).await;
        let engine = self.clone();
        // Whoever waits for this may be gone before it is done, and must not leave it half done. The next one that writes
        // ends waits for it.
        tokio::spawn(async move {
            if let Err(error) = engine.write_held().await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "ends of runs are not written down yet");
            }
        });
    }

    async fn write_held(&self) -> Result<(), StoreError> {
        let _turn = self.ends.0.turn.lock().await;
        let mut back = Back {
            ends: &self.ends,
            taken: mem::take(&mut *self.ends.held()),
        };
        let goods: Vec<GoodEnd> = back
            .taken
            .iter()
            .map(|(_title, good)| good.clone())
            .collect();
        let finished = self.parts.db.run_finish_all_well(&goods).await?;
        let written = mem::take(&mut back.taken);
        for ((title, good), finished) in written.into_iter().zip(finished) {
            let id = good.lease.run;
            log_end((id, &title), &good.end, finished);
            match finished {
                Finished::Lost => lock(&self.ends.0.lost).push(id),
                Finished::Untold => drop(self.tell_of(id).await),
                Finished::Told => {}
            }
        }
        Ok(())
    }
}

const fn rows(notes: &Notes) -> usize {
    notes.steps.len().saturating_add(notes.downloads.len())
}

/// Puts back what was not written.
struct Back<'a> {
    ends: &'a Ends,
    taken: Vec<(Title, GoodEnd)>,
}

impl Drop for Back<'_> {
    fn drop(&mut self) {
        let taken = mem::take(&mut self.taken);
        if !taken.is_empty() {
            self.ends.held().splice(0..0, taken);
        }
    }
}
