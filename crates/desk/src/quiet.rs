//! When desks are not told: in maintenance, while something may pass by itself, and while it comes and goes.
//!
//! The incident and its history are kept all the same. When the quiet is over, desks are told where it stands, and only
//! if that is news to them.

use model::Timestamp;
use store::{EventKind, Incident, IncidentState, Known, Maintenance, Quiet, QuietReason};

use crate::{
    config::{Flapping, Patience},
    rules,
};

/// What keeps desks from being told.
#[derive(Debug)]
pub(crate) struct Guards<'a> {
    pub(crate) windows: &'a [Maintenance],
    pub(crate) patience: &'a Patience,
    pub(crate) flapping: &'a Flapping,
}

/// An event, and whether desks are told of it.
pub(crate) type Told = (EventKind, bool);

/// The incident as it stands after `kind` happened to it, or nothing did, and what desks are told.
pub(crate) fn settle(
    mut incident: Incident,
    kind: Option<EventKind>,
    guards: &Guards<'_>,
    now: Timestamp,
) -> (Incident, Option<Told>) {
    let was_quiet = incident.keeping.quiet.is_some();
    incident.keeping.quiet = quiet(&incident, kind, guards, now);
    if incident.keeping.quiet.is_some() {
        return (incident, kind.map(|kind| (kind, false)));
    }
    let is_over = incident.state == IncidentState::Resolved;
    // Where a quiet has just ended, something is said even though nothing happened.
    let happened = kind.or_else(|| was_quiet.then_some(EventKind::Updated));
    let Some(happened) = happened else {
        return (incident, None);
    };
    let told = match (incident.keeping.known, is_over) {
        (Known::Nothing | Known::Over, true) => {
            return (incident, kind.map(|kind| (kind, false)));
        }
        (Known::Nothing, false) => EventKind::Opened,
        (Known::Over, false) => EventKind::Reopened,
        (Known::Open, true) => EventKind::Resolved,
        // For desks it never went away, so it counts as a repeat.
        (Known::Open, false) if happened == EventKind::Reopened => {
            if !rules::is_round(incident.repeats) {
                return (incident, Some((happened, false)));
            }
            EventKind::Updated
        }
        (Known::Open, false) => happened,
    };
    incident.keeping.known = if is_over { Known::Over } else { Known::Open };
    incident.told_at = now;
    (incident, Some((told, true)))
}

fn quiet(
    incident: &Incident,
    kind: Option<EventKind>,
    guards: &Guards<'_>,
    now: Timestamp,
) -> Option<Quiet> {
    let in_window = guards
        .windows
        .iter()
        .filter(|window| window.starts_at <= now && now < window.ends_at)
        .filter(|window| concerns(window, incident))
        .map(|window| window.ends_at)
        .max();
    if let Some(until) = in_window {
        return Some(Quiet {
            reason: QuietReason::Maintenance,
            until,
        });
    }
    match (incident.keeping.known, incident.state) {
        (Known::Nothing, IncidentState::Open) => patience(incident, guards.patience, now),
        (Known::Open, IncidentState::Resolved) => flapping(incident, kind, guards.flapping, now),
        _ => None,
    }
}

/// Whether a window is about the incident.
fn concerns(window: &Maintenance, incident: &Incident) -> bool {
    let title = incident.key.title.as_str();
    let classes = &window.classes;
    (window.titles.is_empty() || window.titles.iter().any(|pattern| matches(pattern, title)))
        && (classes.is_empty() || classes.contains(&incident.key.class))
}

/// Whether `text` is of the `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn patience(incident: &Incident, patience: &Patience, now: Timestamp) -> Option<Quiet> {
    let until = incident.opened_at.plus(patience.time());
    let waits = patience.classes.contains(&incident.key.class)
        && incident.repeats < patience.failures
        && now < until;
    waits.then_some(Quiet {
        reason: QuietReason::Patience,
        until,
    })
}

fn flapping(
    incident: &Incident,
    kind: Option<EventKind>,
    flapping: &Flapping,
    now: Timestamp,
) -> Option<Quiet> {
    if !flapping.is_flapping(incident.reopened) {
        return None;
    }
    let until = match (incident.keeping.quiet, kind) {
        (_, Some(EventKind::Resolved)) => now.plus(flapping.quiet()),
        (Some(before), _) => before.until,
        (None, _) => return None,
    };
    (now < until).then_some(Quiet {
        reason: QuietReason::Flapping,
        until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("Firefox.munki", "Firefox.munki", true),
            ("Firefox", "Firefox.munki", false),
            ("Adobe*", "AdobeReader.munki", true),
            ("*.munki", "Firefox.munki", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
