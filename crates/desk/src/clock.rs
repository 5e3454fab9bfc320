//! The clocks of an incident: how much of them is over, and what it means that they stand still.

use std::time::Duration;

use model::Timestamp;
use store::{EventKind, Incident, IncidentState, Keeping, Pause, PauseReason};

use crate::rules::{Ruling, Terms};

/// Of how much of a clock desks are warned, in percent; the last is its end.
const LEVELS: [u32; 4] = [50, 75, 90, 100];

/// What has become of the clocks since desks were told last; one clock at a time, and what is said about it.
pub(crate) fn look(before: &Incident, terms: &Terms, now: Timestamp) -> Option<(Ruling, String)> {
    let keeping = before.keeping;
    if before.state == IncidentState::Resolved || keeping.pause.is_some() {
        return None;
    }
    let respond = level(
        terms,
        (terms.clocks.respond_within(), before.respond_by_at),
        now,
    );
    if before.state == IncidentState::Open && respond > keeping.respond_told {
        let told = Keeping {
            respond_told: respond,
            ..keeping
        };
        return Some(said(
            before,
            told,
            respond,
            ("take it", before.respond_by_at),
        ));
    }
    let resolve = level(
        terms,
        (terms.clocks.resolve_within(), before.resolve_by_at),
        now,
    );
    if resolve > keeping.resolve_told {
        let told = Keeping {
            resolve_told: resolve,
            ..keeping
        };
        return Some(said(
            before,
            told,
            resolve,
            ("resolve it", before.resolve_by_at),
        ));
    }
    None
}

fn said(
    before: &Incident,
    keeping: Keeping,
    level: u32,
    (what, due): (&str, Timestamp),
) -> (Ruling, String) {
    let incident = Incident {
        keeping,
        ..before.clone()
    };
    if level >= 100 {
        let remark = format!("The time to {what} was over at {due}.");
        return ((incident, Some(EventKind::Breached)), remark);
    }
    let remark = format!("{level} % of the time to {what} are over; it ends at {due}.");
    ((incident, Some(EventKind::Warned)), remark)
}

/// The highest level that a clock has reached; 0 if none.
fn level(terms: &Terms, (whole, due): (Duration, Timestamp), now: Timestamp) -> u32 {
    if now >= due {
        return 100;
    }
    let left = terms.calendar.between(now, due).as_micros();
    let whole = whole.as_micros();
    let over = whole.saturating_sub(left).saturating_mul(100);
    let reached = |level: &&u32| **level < 100 && over >= whole.saturating_mul(u128::from(**level));
    LEVELS.iter().rev().find(reached).copied().unwrap_or(0)
}

/// What it does to an incident that its clocks are stopped; `None` if they are, or it is over.
pub(crate) fn pause(before: &Incident, reason: PauseReason, now: Timestamp) -> Option<Ruling> {
    if before.state == IncidentState::Resolved || before.keeping.pause.is_some() {
        return None;
    }
    let mut incident = before.clone();
    incident.keeping.pause = Some(Pause { since: now, reason });
    Some((incident, Some(EventKind::Updated)))
}

/// What it does to an incident that its clocks go on: they have as long left as they had; `None` if they run.
pub(crate) fn resume(before: &Incident, terms: &Terms, now: Timestamp) -> Option<Ruling> {
    let pause = before.keeping.pause?;
    let later = |due: Timestamp| {
        let left = terms.calendar.between(pause.since, due);
        if left.is_zero() {
            due
        } else {
            terms.calendar.after(now, left)
        }
    };
    let mut incident = Incident {
        respond_by_at: later(before.respond_by_at),
        resolve_by_at: later(before.resolve_by_at),
        ..before.clone()
    };
    incident.keeping.pause = None;
    Some((incident, Some(EventKind::Updated)))
}
