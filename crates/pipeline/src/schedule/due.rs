//! Which schedule entries are due.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::{Sha256, Timestamp, Zone};
use serde::Deserialize;

use super::{Blackout, Expression, blackout};

/// What to do about a time that passed while nobody was there to run it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// Run once, however many times passed.
    #[default]
    RunOnce,
    /// Wait for the next time.
    Skip,
}

/// When one override runs.
#[derive(Clone, Debug)]
pub struct Timetable {
    /// The times.
    pub cron: Expression,
    /// The zone they are told in.
    pub zone: Zone,
    /// Runs begin up to this much later, the same for the same override and time, so that not all begin at once.
    pub jitter: Duration,
    /// What happens to times that were missed.
    pub missed: Missed,
    /// When nothing begins, whatever the times say.
    pub blackouts: Vec<Blackout>,
}

/// Whether a run is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due {
    /// Not before this moment; `None`: never again.
    At(Option<Timestamp>),
    /// Now.
    Now,
    /// A time has passed, and was missed, and policy says to leave it.
    Missed,
}

/// A run that begins this late has not been missed: a busy loop, a slow start.
const TOLERANCE: Duration = Duration::from_mins(2);

impl Timetable {
    /// Whether a run of `name` is due at `now`, if times until `considered` have been dealt with.
    pub fn due(&self, name: &str, considered: Timestamp, now: Timestamp) -> Due {
        let Some(begin) = self.next_begin(name, considered) else {
            return Due::At(None);
        };
        // It may have been missed before, and this is no time to make up for it.
        let begin_or_later = self.outside(begin.max(now));
        if begin > now || begin_or_later != Some(now) {
            return Due::At(begin_or_later);
        }
        if self.missed == Missed::Skip && now.since(begin) > TOLERANCE {
            return Due::Missed;
        }
        Due::Now
    }

    /// Up to when the times of `name` have been dealt with once a run has begun at `now`: up to the last one whose run
    /// would have begun by then.
    ///
    /// It may lie before `now`: jitter can have the run of a time that has passed begin later.
    pub fn dealt_with(&self, name: &str, considered: Timestamp, now: Timestamp) -> Timestamp {
        // Runs of earlier times have begun, however long their delay was, so they need not be walked through.
        let mut until = considered.max(now.minus(self.jitter));
        while let Some(fire) = self.next_fire(until.to_utc()) {
            let time = Timestamp::from(fire);
            if self.begin_of(name, fire).is_none_or(|begin| begin > now) {
                break;
            }
            until = time;
        }
        until
    }

    /// As [`Timetable::dealt_with`], for times that were missed and are to be left; later ones are still due.
    pub fn left_behind(&self, name: &str, considered: Timestamp, now: Timestamp) -> Timestamp {
        self.dealt_with(name, considered, now.minus(TOLERANCE))
    }

    /// When the run of `name` begins that belongs to the first time after `considered`.
    pub fn next_begin(&self, name: &str, considered: Timestamp) -> Option<Timestamp> {
        let fire = self.next_fire(considered.to_utc())?;
        self.begin_of(name, fire)
    }

    /// When the run of `name` begins that belongs to the time `fire`.
    fn begin_of(&self, name: &str, fire: DateTime<Utc>) -> Option<Timestamp> {
        self.outside(Timestamp::from(fire).plus(self.delay(name, fire)))
    }

    pub(super) fn outside(&self, at: Timestamp) -> Option<Timestamp> {
        blackout::first_outside(&self.blackouts, at)
    }

    /// Whether both name the same times.
    pub fn is_same(&self, other: &Self) -> bool {
        self.cron.to_string() == other.cron.to_string()
            && (self.zone, self.jitter, self.missed) == (other.zone, other.jitter, other.missed)
            && blackout::same(&self.blackouts, &other.blackouts)
    }

    /// The first time after `after`, without jitter.
    pub fn next_fire(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.next_after(after, self.zone)
    }

    /// The same for the same override and time, so that a restart changes nothing.
    fn delay(&self, name: &str, fire: DateTime<Utc>) -> Duration {
        let seed = Sha256::of(format!("{name} {}", fire.timestamp()).as_bytes());
        let [a, b, c, d, ..] = *seed.as_bytes();
        self.jitter
            .mul_f64(f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timetable(jitter: u64, missed: Missed) -> Timetable {
        Timetable {
            cron: "0 * * * *".parse().unwrap(),
            zone: Zone::UTC,
            jitter: Duration::from_secs(jitter),
            missed,
            blackouts: Vec::new(),
        }
    }

    const HOUR: i64 = 3600;

    #[test]
    fn is_due_from_its_time_on() {
        let table = timetable(0, Missed::RunOnce);
        let considered = Timestamp::from_secs(HOUR);
        let due = |now| table.due("A.munki", considered, Timestamp::from_secs(now));
        assert_eq!(due(HOUR + 1), Due::At(Some(Timestamp::from_secs(2 * HOUR))));
        assert_eq!(due(2 * HOUR), Due::Now);
        assert_eq!(due(9 * HOUR), Due::Now, "missed times run once");
    }

    #[test]
    fn nothing_is_due_in_a_blackout_and_one_run_after_it() {
        let night = Blackout {
            cron: "30 1 * * *".parse().unwrap(),
            zone: Zone::UTC,
            lasting: Duration::from_hours(4),
        };
        let table = Timetable {
            blackouts: vec![night],
            ..timetable(0, Missed::RunOnce)
        };
        let at = Timestamp::from_secs;
        let due = |considered, now| table.due("A.munki", at(considered), at(now));
        let end = 5 * HOUR + HOUR / 2;
        assert_eq!(due(HOUR, HOUR + 1), Due::At(Some(at(end))));
        assert_eq!(due(HOUR, 3 * HOUR), Due::At(Some(at(end))));
        // The time of one o'clock was missed, and comes up again in the night.
        assert_eq!(due(0, 3 * HOUR), Due::At(Some(at(end))));
        assert_eq!(due(HOUR, end), Due::Now);
        assert_eq!(table.dealt_with("A.munki", at(HOUR), at(end)), at(end));
        assert_eq!(due(end, end), Due::At(Some(at(6 * HOUR))));
    }

    #[test]
    fn a_missed_time_may_be_left() {
        let table = timetable(0, Missed::Skip);
        let due = |now| {
            table.due(
                "A.munki",
                Timestamp::from_secs(HOUR),
                Timestamp::from_secs(now),
            )
        };
        assert_eq!(due(2 * HOUR + 60), Due::Now);
        assert_eq!(due(3 * HOUR), Due::Missed);
    }

    #[test]
    fn a_run_deals_with_all_times_that_have_begun() {
        let table = timetable(0, Missed::RunOnce);
        let at = Timestamp::from_secs;
        assert_eq!(
            table.dealt_with("A", at(HOUR), at(9 * HOUR + 5)),
            at(9 * HOUR + 5)
        );
        assert_eq!(
            table.due("A", at(9 * HOUR + 5), at(9 * HOUR + 5)),
            Due::At(Some(at(10 * HOUR)))
        );
    }

    #[test]
    fn jitter_longer_than_the_interval_loses_no_time() {
        let table = timetable(3 * HOUR.unsigned_abs(), Missed::RunOnce);
        let at = Timestamp::from_secs;
        let mut considered = at(0);
        let mut begun = 0;
        for minute in 0..60 * 24 {
            let now = at(minute * 60);
            if table.due("A", considered, now) == Due::Now {
                let until = table.dealt_with("A", considered, now);
                assert!(considered < until && until <= now);
                considered = until;
                begun += 1;
            }
        }
        let next = table.next_begin("A", considered).unwrap();
        assert!(next >= at(HOUR * 24 - 60), "{next}");
        // Runs that fall together count once.
        assert!((5..=24).contains(&begun), "{begun}");
    }

    #[test]
    fn what_is_left_behind_ends_before_what_is_still_due() {
        let table = timetable(0, Missed::Skip);
        let at = Timestamp::from_secs;
        let now = at(5 * HOUR + 60);
        assert_eq!(table.due("A", at(HOUR), now), Due::Missed);
        let until = table.left_behind("A", at(HOUR), now);
        assert_eq!(table.due("A", until, now), Due::Now);
    }

    #[test]
    fn jitter_spreads_overrides_and_stays_the_same_for_each() {
        let table = timetable(600, Missed::RunOnce);
        let begin = |name| {
            table
                .next_begin(name, Timestamp::from_secs(0))
                .unwrap()
                .as_secs()
        };
        assert_eq!(begin("A.munki"), begin("A.munki"));
        assert_ne!(begin("A.munki"), begin("B.munki"));
        assert!((HOUR..=HOUR + 600).contains(&begin("A.munki")));
    }
}
