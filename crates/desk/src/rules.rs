//! What becomes of an incident: pure functions of how it stands, what happened, and the time.

use std::{sync::Arc, time::Duration};

use model::{IncidentId, Priority, RunId, Timestamp};
use store::{EventKind, Incident, IncidentKey, IncidentState, Keeping};

use crate::{Calendar, config::Clocks};

/// How often desks are told that it goes on, however seldom it happens.
const DAILY: Duration = Duration::from_hours(24);

/// A failure whose texts are fit to be kept.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) key: IncidentKey,
    pub(crate) cause: String,
    pub(crate) next_step: String,
    pub(crate) run: Option<RunId>,
    pub(crate) step: Option<String>,
    pub(crate) excerpt: String,
}

/// What the configuration says about incidents of one class.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) priority: Priority,
    pub(crate) clocks: Clocks,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) reopen_within: Duration,
}

/// An incident as it shall stand, and what desks are told.
pub(crate) type Ruling = (Incident, Option<EventKind>);

/// What a failure does to the newest incident of its key; `None` if it was counted already.
pub(crate) fn raise(
    before: Option<&Incident>,
    facts: &Facts,
    terms: &Terms,
    now: Timestamp,
) -> Option<Ruling> {
    let Some(before) = before else {
        return Some(open(facts, terms, now));
    };
    if before.run.is_some() && before.run == facts.run {
        return None;
    }
    match before.resolved_at {
        Some(resolved_at) if now.since(resolved_at) > terms.reopen_within => {
            Some(open(facts, terms, now))
        }
        Some(_) => Some(reopen(before, facts, terms, now)),
        None => Some(repeat(before, facts, now)),
    }
}

/// What a fully good run does to an incident; `None` if the incident is over, or younger than the run.
pub(crate) fn resolve_after(before: &Incident, run: RunId, now: Timestamp) -> Option<Ruling> {
    // The names of runs sort by the time they began.
    if before.run.is_some_and(|failed| failed > run) {
        return None;
    }
    let title = &before.key.title;
    resolve(before, &format!("Run {run} of {title} succeeded."), now)
}

/// What it does to an incident that it is over, for a stated reason; `None` if it was.
pub(crate) fn resolve(before: &Incident, reason: &str, now: Timestamp) -> Option<Ruling> {
    if before.state == IncidentState::Resolved {
        return None;
    }
    let incident = Incident {
        state: IncidentState::Resolved,
        resolved_at: Some(now),
        resolution: Some(reason.to_owned()),
        told_at: now,
        keeping: Keeping {
            pause: None,
            ..before.keeping
        },
        ..before.clone()
    };
    Some((incident, Some(EventKind::Resolved)))
}

/// What it does to an incident that somebody takes it; `None` if somebody has, or it is over.
pub(crate) fn acknowledge(before: &Incident, who: &str, now: Timestamp) -> Option<Ruling> {
    if before.state != IncidentState::Open {
        return None;
    }
    let incident = Incident {
        state: IncidentState::Acknowledged,
        acknowledged_at: Some(now),
        acknowledged_by: Some(who.to_owned()),
        told_at: now,
        ..before.clone()
    };
    Some((incident, Some(EventKind::Updated)))
}

pub(crate) fn open(facts: &Facts, terms: &Terms, now: Timestamp) -> Ruling {
    let incident = Incident {
        id: IncidentId::new(),
        key: facts.key.clone(),
        state: IncidentState::Open,
        priority: terms.priority,
        cause: facts.cause.clone(),
        next_step: facts.next_step.clone(),
        run: facts.run,
        step: facts.step.clone(),
        excerpt: facts.excerpt.clone(),
        repeats: 1,
        reopened: 0,
        first_seen_at: now,
        last_seen_at: now,
        opened_at: now,
        respond_by_at: terms.calendar.after(now, terms.clocks.respond_within()),
        resolve_by_at: terms.calendar.after(now, terms.clocks.resolve_within()),
        acknowledged_at: None,
        acknowledged_by: None,
        resolved_at: None,
        resolution: None,
        told_at: now,
        keeping: Keeping::default(),
    };
    (incident, Some(EventKind::Opened))
}

/// The same incident goes on: desks keep one ticket for what flaps. Its clocks begin anew.
fn reopen(before: &Incident, facts: &Facts, terms: &Terms, now: Timestamp) -> Ruling {
    let (fresh, _) = open(facts, terms, now);
    let incident = Incident {
        id: before.id,
        repeats: before.repeats.saturating_add(1),
        reopened: before.reopened.saturating_add(1),
        first_seen_at: before.first_seen_at,
        keeping: again(before),
        ..fresh
    };
    (incident, Some(EventKind::Reopened))
}

/// What is remembered of an incident that begins anew: what desks know, and whether they are told.
fn again(before: &Incident) -> Keeping {
    Keeping {
        quiet: before.keeping.quiet,
        known: before.keeping.known,
        ..Keeping::default()
    }
}

/// What a person does to an incident that is over by opening it again; `None` if it is not over.
pub(crate) fn reopen_by_hand(before: &Incident, terms: &Terms, now: Timestamp) -> Option<Ruling> {
    if before.state != IncidentState::Resolved {
        return None;
    }
    let incident = Incident {
        state: IncidentState::Open,
        reopened: before.reopened.saturating_add(1),
        opened_at: now,
        respond_by_at: terms.calendar.after(now, terms.clocks.respond_within()),
        resolve_by_at: terms.calendar.after(now, terms.clocks.resolve_within()),
        acknowledged_at: None,
        acknowledged_by: None,
        resolved_at: None,
        resolution: None,
        told_at: now,
        keeping: again(before),
        ..before.clone()
    };
    Some((incident, Some(EventKind::Reopened)))
}

/// What a failure does to the incident that its own one became a part of; `None` if that is over, or it was counted.
pub(crate) fn raise_merged(before: &Incident, facts: &Facts, now: Timestamp) -> Option<Ruling> {
    if before.state == IncidentState::Resolved || (before.run.is_some() && before.run == facts.run)
    {
        return None;
    }
    let (counted, event) = repeat(before, facts, now);
    // It is told of as what it was opened for.
    let incident = Incident {
        cause: before.cause.clone(),
        next_step: before.next_step.clone(),
        step: before.step.clone(),
        excerpt: before.excerpt.clone(),
        ..counted
    };
    Some((incident, event))
}

fn repeat(before: &Incident, facts: &Facts, now: Timestamp) -> Ruling {
    let mut incident = Incident {
        cause: facts.cause.clone(),
        next_step: facts.next_step.clone(),
        run: facts.run,
        step: facts.step.clone(),
        excerpt: facts.excerpt.clone(),
        repeats: before.repeats.saturating_add(1),
        last_seen_at: now,
        ..before.clone()
    };
    if !is_round(incident.repeats) && now.since(before.told_at) < DAILY {
        return (incident, None);
    }
    incident.told_at = now;
    (incident, Some(EventKind::Updated))
}

/// Whether `count` is one of 1, 2, 5, 10, 20, 50, 100 …
pub(crate) const fn is_round(mut count: u32) -> bool {
    while count >= 10 && count.is_multiple_of(10) {
        count /= 10;
    }
    matches!(count, 1 | 2 | 5)
}

#[cfg(test)]
mod tests {
    use model::FailureClass;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn facts() -> Facts {
        Facts {
            key: IncidentKey {
                scope: "house".to_owned(),
                title: "Firefox.munki".parse().unwrap(),
                class: FailureClass::Download,
            },
            cause: "404".to_owned(),
            next_step: "wait".to_owned(),
            run: Some(RunId::new()),
            step: None,
            excerpt: String::new(),
        }
    }

    fn terms() -> Terms {
        Terms {
            priority: Priority::P3,
            clocks: Clocks::of(Priority::P3),
            calendar: Arc::default(),
            reopen_within: DAILY,
        }
    }

    fn opened() -> Incident {
        raise(None, &facts(), &terms(), NOW).unwrap().0
    }

    #[test]
    fn repeats_are_told_at_round_counts() {
        let mut incident = opened();
        let mut told = vec![];
        for _ in 2..=250 {
            let (next, event) = raise(Some(&incident), &facts(), &terms(), NOW).unwrap();
            told.extend(event.map(|_| next.repeats));
            incident = next;
        }
        assert_eq!(told, [2, 5, 10, 20, 50, 100, 200]);
        assert_eq!(incident.repeats, 250);
    }

    #[test]
    fn repeats_are_told_at_least_once_a_day() {
        let mut incident = opened();
        incident.repeats = 10;
        let soon = raise(Some(&incident), &facts(), &terms(), NOW.plus(DAILY / 2)).unwrap();
        assert_eq!(soon.1, None);
        let late = raise(Some(&soon.0), &facts(), &terms(), NOW.plus(DAILY)).unwrap();
        assert_eq!(late.1, Some(EventKind::Updated));
        assert_eq!(late.0.told_at, NOW.plus(DAILY));
    }

    #[test]
    fn one_failure_of_one_run_counts_once() {
        let facts = facts();
        let (incident, _) = raise(None, &facts, &terms(), NOW).unwrap();
        assert!(raise(Some(&incident), &facts, &terms(), NOW).is_none());
        let (resolved, _) = resolve(&incident, "by hand", NOW).unwrap();
        assert!(raise(Some(&resolved), &facts, &terms(), NOW).is_none());
        let no_run = Facts { run: None, ..facts };
        let (incident, _) = raise(None, &no_run, &terms(), NOW).unwrap();
        assert!(raise(Some(&incident), &no_run, &terms(), NOW).is_some());
    }

    #[test]
    fn what_comes_back_within_a_day_is_the_same_incident() {
        let (resolved, _) = resolve(&opened(), "by hand", NOW).unwrap();
        let later = NOW.plus(DAILY);
        let (again, event) = raise(Some(&resolved), &facts(), &terms(), later).unwrap();
        assert_eq!(event, Some(EventKind::Reopened));
        assert_eq!(
            (again.id, again.reopened, again.repeats),
            (resolved.id, 1, 2)
        );
        assert_eq!((again.resolved_at, again.resolution), (None, None));
        assert_eq!(
            again.respond_by_at,
            later.plus(terms().clocks.respond_within())
        );
        let much_later = later.plus(Duration::from_secs(1));
        let (new, event) = raise(Some(&resolved), &facts(), &terms(), much_later).unwrap();
        assert_eq!(event, Some(EventKind::Opened));
        assert_ne!(new.id, resolved.id);
    }

    #[test]
    fn only_a_later_run_resolves() {
        let earlier = RunId::new();
        let incident = opened();
        assert!(resolve_after(&incident, earlier, NOW).is_none());
        let (resolved, event) = resolve_after(&incident, RunId::new(), NOW).unwrap();
        assert_eq!(event, Some(EventKind::Resolved));
        assert!(resolve(&resolved, "twice", NOW).is_none());
        assert!(acknowledge(&resolved, "me", NOW).is_none());
    }

    #[test]
    fn taking_an_incident_keeps_it_taken_when_it_repeats() {
        let (taken, event) = acknowledge(&opened(), "me", NOW).unwrap();
        assert_eq!(event, Some(EventKind::Updated));
        let (again, _) = raise(Some(&taken), &facts(), &terms(), NOW).unwrap();
        assert_eq!(again.state, IncidentState::Acknowledged);
        assert!(acknowledge(&again, "you", NOW).is_none());
    }
}
