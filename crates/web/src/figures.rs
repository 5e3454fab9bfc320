//! Figures, counted: how long it takes until a release is with Macs, how runs end, how long the queue is, and what the
//! scanner may still be asked. The page draws them, the API tells them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{RunState, Timestamp};
use pipeline::{Engine, Failure};
use store::{Arrival, Db, Depth, QuotaWindow, StoreError, Tally};
use tokio::sync::Mutex;

/// Of how many days runs are counted.
const DAYS: u32 = 30;

/// Of how many releases it is counted how long they took, the newest first.
pub(crate) const RELEASES: u32 = 500;

const DAY: Duration = Duration::from_hours(24);

/// How long the figures that take long to count are told before they are counted again.
const RECENT: Duration = Duration::from_mins(1);

/// How runs end.
pub(crate) const ENDS: [RunState; 5] = [
    RunState::Published,
    RunState::Unchanged,
    RunState::Held,
    RunState::Failed,
    RunState::Cancelled,
];

/// A day, and how many runs ended on it.
#[derive(Debug)]
pub(crate) struct Day {
    /// The day in UTC, as RFC 3339 writes it.
    pub(crate) day: String,
    /// How many ended in each way of [`ENDS`].
    pub(crate) counts: [u64; ENDS.len()],
}

/// How long releases took into a catalog.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) catalog: String,
    /// How many were counted.
    pub(crate) releases: usize,
    /// Half of them took no longer.
    pub(crate) median: Duration,
    /// Nine tenths of them took no longer.
    pub(crate) slowest: Duration,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Figures {
    /// When releases and the queue were counted.
    pub(crate) counted_at: Timestamp,
    /// The catalogs in the order in which releases come into them.
    pub(crate) rings: Vec<Ring>,
    /// The last days, the oldest first; those without runs, too.
    pub(crate) days: Vec<Day>,
    /// How many runs waited in the last 24 hours, the oldest first.
    pub(crate) waiting: Vec<Depth>,
    /// What the scanner may be asked, and how much of it was.
    pub(crate) quota: Vec<(QuotaWindow, u32)>,
}

/// The figures that take long to count, as they were a moment ago; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent(Arc<Mutex<Option<Arc<Counted>>>>);

#[derive(Debug)]
struct Counted {
    at: Timestamp,
    waiting: Vec<Depth>,
    arrivals: Vec<Arrival>,
}

impl Recent {
    async fn counted(&self, db: &Db, now: Timestamp) -> Result<Arc<Counted>, StoreError> {
        // Whoever comes meanwhile waits for what is being counted.
        let mut kept = self.0.lock().await;
        if let Some(counted) = kept.as_ref()
            && counted.at <= now
            && now < counted.at.plus(RECENT)
        {
            return Ok(Arc::clone(counted));
        }
        let counted = Arc::new(Counted {
            at: now,
            waiting: db.queue_depth(now).await?,
            arrivals: db.release_arrivals(RELEASES).await?,
        });
        *kept = Some(Arc::clone(&counted));
        Ok(counted)
    }

    /// The figures; what takes long to count is up to a minute old.
    ///
    /// # Errors
    /// If the state fails.
    pub(crate) async fn figures(&self, engine: &Engine) -> Result<Figures, Failure> {
        let db = engine.db();
        let now = engine.clock().now();
        let since = now.minus(DAY.saturating_mul(DAYS.saturating_sub(1)));
        let counted = self.counted(db, now).await?;
        Ok(Figures {
            counted_at: counted.at,
            rings: rings(&counted.arrivals),
            days: days(&db.run_tally(since).await?, since),
            waiting: counted.waiting.clone(),
            quota: engine.scan_quota().await?,
        })
    }
}

fn days(tallies: &[Tally], since: Timestamp) -> Vec<Day> {
    let name = |day: Timestamp| day.to_utc().format("%F").to_string();
    let mut counts: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for tally in tallies {
        counts.insert((name(tally.day), tally.state.as_str()), tally.count);
    }
    let count = |day: &str, state: RunState| {
        let count = counts.get(&(day.to_owned(), state.as_str()));
        count.copied().unwrap_or_default()
    };
    (0..DAYS)
        .map(|after| {
            let day = name(since.plus(DAY.saturating_mul(after)));
            Day {
                counts: ENDS.map(|state| count(&day, state)),
                day,
            }
        })
        .collect()
}

fn rings(arrivals: &[Arrival]) -> Vec<Ring> {
    let mut spans: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for arrival in arrivals {
        let span = arrival.entered_at.since(arrival.seen_at);
        spans.entry(&arrival.catalog).or_default().push(span);
    }
    let ring = |(catalog, mut spans): (&str, Vec<Duration>)| {
        spans.sort_unstable();
        Ring {
            catalog: catalog.to_owned(),
            releases: spans.len(),
            median: quantile(&spans, 50),
            slowest: quantile(&spans, 90),
        }
    };
    let mut rings: Vec<Ring> = spans.into_iter().map(ring).collect();
    rings.sort_by_key(|ring| ring.median);
    rings
}

/// So many in a hundred of `sorted` are no longer than this.
fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let found = sorted.get(last.saturating_mul(percent) / 100);
    found.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(catalog: &str, hours: u64) -> Arrival {
        let seen_at = Timestamp::from_secs(1_800_000_000);
        Arrival {
            catalog: catalog.to_owned(),
            seen_at,
            entered_at: seen_at.plus(Duration::from_hours(hours)),
        }
    }

    #[test]
    fn rings_are_told_in_the_order_in_which_releases_reach_them() {
        let mut arrivals: Vec<Arrival> = (0..11).map(|it| arrival("production", 24 + it)).collect();
        arrivals.push(arrival("testing", 1));
        let rings = rings(&arrivals);
        let told: Vec<_> = rings
            .iter()
            .map(|it| (it.catalog.as_str(), it.releases, it.median, it.slowest))
            .collect();
        let hours = Duration::from_hours;
        assert_eq!(
            told,
            [
                ("testing", 1, hours(1), hours(1)),
                ("production", 11, hours(29), hours(33))
            ]
        );
    }

    #[test]
    fn days_without_runs_are_days() {
        let since = Timestamp::from_secs(1_800_000_000);
        let tally = Tally {
            day: since.plus(DAY),
            state: RunState::Failed,
            count: 3,
        };
        let days = days(&[tally], since);
        assert_eq!(days.len(), 30);
        assert_eq!(days[0].counts, [0; 5]);
        assert_eq!(days[1].counts, [0, 0, 0, 3, 0]);
        assert_eq!(days[1].day, "2027-01-16");
    }
}
