//! What begins in which week, as it was counted a moment ago, so that calendars do not count anew what has not changed.

use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use model::Timestamp;
use pipeline::{Agenda, Schedules};
use tokio::sync::Mutex;

use super::timetables::{Stamp, stamp_of};

/// How long a look is relied on. The file itself is looked at each time; recipe lists that it names are read again after
/// this long.
const RELIED_ON: Duration = Duration::from_mins(5);

/// How many weeks ahead a calendar goes.
pub(super) const LAST_WEEK: u32 = 4;

/// How many days a calendar shows.
const DAYS: u32 = 7;

/// The schedules, and what begins in a week.
#[derive(Debug)]
pub(super) struct Week {
    pub(super) schedules: Schedules,
    pub(super) agenda: Agenda,
}

/// The weeks that were looked at; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Weeks(Arc<Mutex<HashMap<u32, Known>>>);

#[derive(Debug)]
struct Known {
    looked_at: Instant,
    stamp: Option<Stamp>,
    week: Arc<Week>,
}

impl Weeks {
    /// What begins in the how many-eth week from `now` on, as the file at `path` says it.
    ///
    /// # Errors
    /// If the file cannot be read; in words.
    pub(super) async fn week(
        &self,
        path: &Path,
        now: Timestamp,
        week: u32,
    ) -> Result<Arc<Week>, String> {
        // Whoever comes meanwhile waits for what is being counted.
        let mut known = self.0.lock().await;
        let stamp = stamp_of(path);
        if let Some(known) = known.get(&week)
            && known.looked_at.elapsed() < RELIED_ON
            && known.stamp == stamp
        {
            return Ok(Arc::clone(&known.week));
        }
        let path = path.to_owned();
        let looking = tokio::task::spawn_blocking(move || look(&path, now, week));
        let looked = looking.await.map_err(|error| error.to_string())??;
        let looked = Arc::new(looked);
        known.insert(
            week,
            Known {
                looked_at: Instant::now(),
                stamp,
                week: Arc::clone(&looked),
            },
        );
        Ok(looked)
    }
}

fn look(path: &Path, now: Timestamp, week: u32) -> Result<Week, String> {
    let schedules = Schedules::load(path).map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "the schedules cannot be read");
        "The file of schedules cannot be read; the log of the service says why".to_owned()
    })?;
    let ahead = Duration::from_hours(24).saturating_mul(DAYS.saturating_mul(week));
    let from = now.plus(ahead);
    Ok(Week {
        agenda: Agenda::of(&schedules, from, DAYS),
        schedules,
    })
}
