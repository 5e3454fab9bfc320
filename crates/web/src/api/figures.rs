//! What the page of figures draws, in numbers.

use axum::{Extension, extract::State};
use model::RunState;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Depth, QuotaWindow};

use super::{
    answer::{Answer, Json},
    operation::{Endpoint, Operation},
    problem::Problem,
    words::At,
};
use crate::{
    AdministrationDoor,
    figures::{Day, ENDS, RELEASES, Recent, Ring},
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "figures",
            "/figures",
            "How long releases take, how runs end, how long the queue is, and what the scanner may be asked",
        )
        .answering::<Figures>(200)
        .refusing(&[404])
        .by(show),
    ]
}

/// The figures.
#[derive(JsonSchema, Serialize)]
struct Figures {
    /// When releases and the queue were counted: up to a minute ago.
    counted_at: At,
    /// How many releases are counted at the most, the newest.
    most_releases: u32,
    /// How long releases took, by catalog; the catalog first that they reach first.
    time_to_patch: Vec<TimeToPatch>,
    /// How the runs of the last 30 days ended, by day, the oldest first.
    runs_by_day: Vec<RunsOfDay>,
    /// How many runs waited in the last 24 hours, the oldest first.
    queue: Vec<Waiting>,
    /// What the scanner may be asked.
    scan_quota: Vec<ScanQuota>,
}

/// How long it took from when media of a release were first downloaded until the release came into a catalog.
#[derive(JsonSchema, Serialize)]
struct TimeToPatch {
    /// The catalog.
    catalog: String,
    /// How many releases were counted.
    releases: usize,
    /// Half of them took no longer, in seconds.
    median_seconds: u64,
    /// Nine tenths of them took no longer, in seconds.
    ninth_tenth_seconds: u64,
}

impl TimeToPatch {
    fn of(ring: Ring) -> Self {
        Self {
            catalog: ring.catalog,
            releases: ring.releases,
            median_seconds: ring.median.as_secs(),
            ninth_tenth_seconds: ring.slowest.as_secs(),
        }
    }
}

/// How many runs ended on a day, and how.
#[derive(JsonSchema, Serialize)]
struct RunsOfDay {
    /// The day in UTC.
    #[schemars(extend("format" = "date"))]
    day: String,
    /// How many published something.
    published: u64,
    /// How many found nothing new.
    unchanged: u64,
    /// How many were held, and are not decided on or were refused.
    held: u64,
    /// How many failed.
    failed: u64,
    /// How many were cancelled.
    cancelled: u64,
}

impl RunsOfDay {
    fn of(day: Day) -> Self {
        let count = |state: RunState| {
            let mut counts = ENDS.into_iter().zip(day.counts);
            let found = counts.find(|(end, _)| *end == state);
            found.map_or(0, |(_, count)| count)
        };
        Self {
            published: count(RunState::Published),
            unchanged: count(RunState::Unchanged),
            held: count(RunState::Held),
            failed: count(RunState::Failed),
            cancelled: count(RunState::Cancelled),
            day: day.day,
        }
    }
}

/// How many runs waited to be taken up at a moment.
#[derive(JsonSchema, Serialize)]
struct Waiting {
    /// When.
    at: At,
    /// How many.
    runs: u64,
}

impl Waiting {
    fn of(depth: Depth) -> Self {
        Self {
            at: At(depth.at),
            runs: depth.waiting,
        }
    }
}

/// How much the scanner may be asked in a span of time.
#[derive(JsonSchema, Serialize)]
struct ScanQuota {
    /// The span: `minute`, `day` or `month`.
    window: &'static str,
    /// When it began.
    starts_at: At,
    /// When the next one begins.
    ends_at: At,
    /// How many questions were asked in it.
    used: u32,
    /// How many may be.
    limit: u32,
}

impl ScanQuota {
    fn of((window, used): (QuotaWindow, u32)) -> Self {
        Self {
            window: window.name,
            starts_at: At(window.starts_at),
            ends_at: At(window.ends_at),
            used,
            limit: window.limit,
        }
    }
}

async fn show(
    State(door): State<AdministrationDoor>,
    Extension(recent): Extension<Recent>,
) -> Answer<Figures> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    let figures = recent.figures(engine).await?;
    Ok(Json::ok(Figures {
        counted_at: At(figures.counted_at),
        most_releases: RELEASES,
        time_to_patch: figures.rings.into_iter().map(TimeToPatch::of).collect(),
        runs_by_day: figures.days.into_iter().map(RunsOfDay::of).collect(),
        queue: figures.waiting.into_iter().map(Waiting::of).collect(),
        scan_quota: figures.quota.into_iter().map(ScanQuota::of).collect(),
    }))
}
