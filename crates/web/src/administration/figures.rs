//! Figures: how long it takes until a release is with Macs, how runs end, how long the queue is, and what the scanner may
//! still be asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use askama::Template;
use axum::{Extension, response::Response};
use model::{RunState, Timestamp};
use pipeline::{Engine, Failure};
use store::{Arrival, Db, Depth, StoreError, Tally};
use tokio::sync::Mutex;

use super::{
    gate::Asking,
    page::{self, Top},
    plot::{self, HEIGHT, Part, WIDTH, span_told},
    works::{Works, not_done},
};

/// Of how many days runs are shown, and of how many releases how long they took.
const DAYS: u32 = 30;
const RELEASES: u32 = 500;

const DAY: Duration = Duration::from_hours(24);

/// How runs end, from the bottom of a bar to its top.
const ENDS: [RunState; 5] = [
    RunState::Published,
    RunState::Unchanged,
    RunState::Held,
    RunState::Failed,
    RunState::Cancelled,
];

/// A day, and how many runs ended on it in each way of [`ENDS`].
struct DayRow {
    day: String,
    counts: Vec<u64>,
}

/// How long releases took into a ring.
struct RingRow {
    catalog: String,
    count: usize,
    median: String,
    slowest: String,
    /// As long as bars.
    median_width: u64,
    slowest_width: u64,
    y: usize,
}

/// How much of what the scanner may be asked was asked.
struct QuotaRow {
    name: &'static str,
    used: u32,
    limit: u32,
    ends_at: Timestamp,
    width: u64,
    y: usize,
}

#[derive(Template)]
#[template(path = "administration/figures.html")]
struct Figures {
    top: Top,
    ends: [&'static str; 5],
    days: Vec<DayRow>,
    parts: Vec<Part>,
    most_runs: u64,
    rings: Vec<RingRow>,
    releases: u32,
    /// When releases and the queue were counted.
    counted_at: Timestamp,
    queue: String,
    most_waiting: u64,
    /// Every third hour.
    waiting: Vec<Depth>,
    quota: Vec<QuotaRow>,
    width: u64,
    height: u64,
}

/// The plots, each with its table.
pub(super) async fn show(
    Works(engine): Works,
    Extension(recent): Extension<Recent>,
    asking: Asking,
) -> Response {
    match figures(&engine, &recent, Top::of(&asking.session)).await {
        Ok(figures) => page::show(&figures),
        Err(failure) => not_done(&failure.message),
    }
}

/// How long the figures that take long to count are shown before they are counted again.
const RECENT: Duration = Duration::from_mins(1);

/// The figures that take long to count, as they were a moment ago; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(Arc<Mutex<Option<Arc<Counted>>>>);

#[derive(Debug)]
struct Counted {
    at: Timestamp,
    depth: Vec<Depth>,
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
            depth: db.queue_depth(now).await?,
            arrivals: db.release_arrivals(RELEASES).await?,
        });
        *kept = Some(Arc::clone(&counted));
        Ok(counted)
    }
}

async fn figures(engine: &Engine, recent: &Recent, top: Top) -> Result<Figures, Failure> {
    let db = engine.db();
    let now = engine.clock().now();
    let since = now.minus(DAY.saturating_mul(DAYS.saturating_sub(1)));
    let days = days(&db.run_tally(since).await?, since);
    let bars: Vec<Vec<(&str, u64)>> = days.iter().map(bar).collect();
    let (parts, most_runs) = plot::stacked(&bars);
    let counted = recent.counted(db, now).await?;
    let values: Vec<u64> = counted.depth.iter().map(|it| it.waiting).collect();
    let (queue, most_waiting) = plot::line(&values);
    Ok(Figures {
        top,
        ends: ENDS.map(RunState::as_str),
        days,
        parts,
        most_runs,
        rings: rings(&counted.arrivals),
        counted_at: counted.at,
        releases: RELEASES,
        queue,
        most_waiting,
        waiting: counted.depth.iter().step_by(12).copied().collect(),
        quota: quota(engine).await?,
        width: WIDTH,
        height: HEIGHT,
    })
}

/// Every day, those without runs, too.
fn days(tallies: &[Tally], since: Timestamp) -> Vec<DayRow> {
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
            DayRow {
                counts: ENDS.map(|state| count(&day, state)).to_vec(),
                day,
            }
        })
        .collect()
}

fn bar(day: &DayRow) -> Vec<(&'static str, u64)> {
    let names = ENDS.map(RunState::as_str);
    names.into_iter().zip(day.counts.iter().copied()).collect()
}

/// The rings in the order in which releases come into them.
fn rings(arrivals: &[Arrival]) -> Vec<RingRow> {
    let mut spans: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for arrival in arrivals {
        let span = arrival.entered_at.since(arrival.seen_at);
        spans.entry(&arrival.catalog).or_default().push(span);
    }
    let mut rows: Vec<(&str, Vec<Duration>)> = spans.into_iter().collect();
    for (_, spans) in &mut rows {
        spans.sort_unstable();
    }
    rows.sort_by_key(|(_, spans)| quantile(spans, 50));
    let longest = rows.iter().map(|(_, spans)| quantile(spans, 90)).max();
    let longest = longest.unwrap_or_default().as_secs();
    let width = |span: Duration| plot::share(span.as_secs(), longest).max(1);
    let row = |(place, (catalog, spans)): (usize, (&str, Vec<Duration>))| {
        let (median, slowest) = (quantile(&spans, 50), quantile(&spans, 90));
        RingRow {
            catalog: catalog.to_owned(),
            count: spans.len(),
            median: span_told(median),
            slowest: span_told(slowest),
            median_width: width(median),
            slowest_width: width(slowest),
            y: place.saturating_mul(ROW),
        }
    };
    rows.into_iter().enumerate().map(row).collect()
}

/// How high a row of a plot of rows is, in units of the drawing.
const ROW: usize = 28;

/// So many in a hundred of `sorted` are no longer than this.
fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let found = sorted.get(last.saturating_mul(percent) / 100);
    found.copied().unwrap_or_default()
}

async fn quota(engine: &Engine) -> Result<Vec<QuotaRow>, Failure> {
    let quota = engine.scan_quota().await?.into_iter();
    let row = |(place, (window, used)): (usize, (store::QuotaWindow, u32))| QuotaRow {
        name: window.name,
        used,
        limit: window.limit,
        ends_at: window.ends_at,
        width: plot::share(u64::from(used), u64::from(window.limit)),
        y: place.saturating_mul(ROW),
    };
    Ok(quota.enumerate().map(row).collect())
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
        let rows = rings(&arrivals);
        let told: Vec<_> = rows
            .iter()
            .map(|it| (it.catalog.as_str(), it.count, &*it.median, &*it.slowest))
            .collect();
        assert_eq!(
            told,
            [
                ("testing", 1, "1 h 0 min", "1 h 0 min"),
                ("production", 11, "1 d 5 h", "1 d 9 h")
            ]
        );
        assert_eq!(rows[1].slowest_width, WIDTH);
        assert!(rings(&[]).is_empty());
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
