//! Figures, drawn: each plot with its table.

use std::time::Duration;

use askama::Template;
use axum::{Extension, response::Response};
use model::{RunState, Timestamp};
use store::{Depth, QuotaWindow};

use super::{
    gate::Asking,
    page::{self, Top},
    plot::{self, HEIGHT, Part, WIDTH, span_told},
    works::{Works, not_done},
};
use crate::figures::{Day, ENDS, Figures, RELEASES, Recent, Ring};

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
struct Drawn {
    top: Top,
    ends: [&'static str; ENDS.len()],
    days: Vec<Day>,
    parts: Vec<Part>,
    most_runs: u64,
    rings: Vec<RingRow>,
    releases: u32,
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
    match recent.figures(&engine).await {
        Ok(figures) => page::show(&drawn(figures, Top::of(&asking.session))),
        Err(failure) => not_done(&failure.message),
    }
}

fn drawn(figures: Figures, top: Top) -> Drawn {
    let bars: Vec<Vec<(&str, u64)>> = figures.days.iter().map(bar).collect();
    let (parts, most_runs) = plot::stacked(&bars);
    let values: Vec<u64> = figures.waiting.iter().map(|it| it.waiting).collect();
    let (queue, most_waiting) = plot::line(&values);
    Drawn {
        top,
        ends: ENDS.map(RunState::as_str),
        days: figures.days,
        parts,
        most_runs,
        rings: rings(figures.rings),
        counted_at: figures.counted_at,
        releases: RELEASES,
        queue,
        most_waiting,
        waiting: figures.waiting.into_iter().step_by(12).collect(),
        quota: quota(figures.quota),
        width: WIDTH,
        height: HEIGHT,
    }
}

/// From its bottom to its top.
fn bar(day: &Day) -> Vec<(&'static str, u64)> {
    let names = ENDS.map(RunState::as_str);
    names.into_iter().zip(day.counts).collect()
}

/// How high a row of a plot of rows is, in units of the drawing.
const ROW: usize = 28;

fn rings(rings: Vec<Ring>) -> Vec<RingRow> {
    let longest = rings.iter().map(|ring| ring.slowest).max();
    let longest = longest.unwrap_or_default().as_secs();
    let width = |span: Duration| plot::share(span.as_secs(), longest).max(1);
    let row = |(place, ring): (usize, Ring)| RingRow {
        median: span_told(ring.median),
        slowest: span_told(ring.slowest),
        median_width: width(ring.median),
        slowest_width: width(ring.slowest),
        y: place.saturating_mul(ROW),
        count: ring.releases,
        catalog: ring.catalog,
    };
    rings.into_iter().enumerate().map(row).collect()
}

fn quota(quota: Vec<(QuotaWindow, u32)>) -> Vec<QuotaRow> {
    let row = |(place, (window, used)): (usize, (QuotaWindow, u32))| QuotaRow {
        name: window.name,
        used,
        limit: window.limit,
        ends_at: window.ends_at,
        width: plot::share(u64::from(used), u64::from(window.limit)),
        y: place.saturating_mul(ROW),
    };
    quota.into_iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_ring_is_as_wide_as_the_drawing() {
        let ring = |catalog: &str, hours: u64| Ring {
            catalog: catalog.to_owned(),
            releases: 1,
            median: Duration::from_hours(hours),
            slowest: Duration::from_hours(hours * 2),
        };
        let rows = rings(vec![ring("testing", 1), ring("production", 29)]);
        assert_eq!(rows[0].median, "1 h 0 min");
        assert_eq!(rows[1].median, "1 d 5 h");
        assert_eq!(rows[1].slowest_width, WIDTH);
        assert_eq!(rows[1].median_width, WIDTH / 2);
        assert!(rings(Vec::new()).is_empty());
    }
}
