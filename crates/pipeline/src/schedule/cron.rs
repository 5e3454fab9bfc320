//! Five-field cron expressions with Unix meanings, over the `cron` crate.
//!
//! The crate reads Quartz expressions: six fields, Sunday is 1, both day fields must match, an hour that a clock
//! change skips is skipped, and one that it repeats fires twice. So an expression is read here, given to the crate
//! as plain lists of values, walked in local time without a zone, and brought to the zone under a stated policy:
//!
//! - a time that the clock change skips fires at the first moment after the change;
//! - a time that the clock change repeats fires once if its hour is fixed, and each time if the hour is a star.
//!
//! # Source
//! POSIX `crontab` (the fields), Paul Vixie's cron (steps, names, "either day matches", `@daily`).

use std::{collections::BTreeSet, fmt, str::FromStr};

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone as _, Utc};
use model::Zone;

use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, Values};

/// Why a text is not a cron expression.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// Not five fields, and no known word.
    #[error(
        "`{given}` has {count} fields, a cron expression has five: minute, hour, day of month, month, day of week"
    )]
    Fields {
        /// The text.
        given: String,
        /// How many fields it has.
        count: usize,
    },
    /// A field, or a part of one, says nothing.
    #[error("`{part}` is no {field} of a cron expression")]
    Field {
        /// Which field.
        field: &'static str,
        /// The part that cannot be read.
        part: String,
    },
    /// There is no such moment: 30 February.
    #[error("`{given}` never comes")]
    Never {
        /// The text.
        given: String,
    },
}

/// A cron expression.
#[derive(Clone, Debug)]
pub struct Expression {
    source: String,
    /// One schedule, or two of which either may match.
    schedules: Vec<cron::Schedule>,
    every_hour: bool,
}

/// The longest time by which clocks were ever put back, with room to spare.
const LONGEST_OVERLAP: Duration = Duration::hours(3);

/// The longest time by which clocks were ever put forward, in minutes: a whole day, in Samoa in 2011.
const LONGEST_GAP_MINUTES: i64 = 25 * 60;

impl Expression {
    /// The first moment after `after` that the expression names in `zone`.
    ///
    /// `None` only when it lies beyond the years that can be told.
    pub fn next_after(&self, after: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
        let start = after
            .with_timezone(&zone)
            .naive_local()
            .checked_sub_signed(LONGEST_OVERLAP)?;
        let mut best: Option<DateTime<Utc>> = None;
        for local in self.local_after(start) {
            let moments = self.moments(local, zone);
            let earliest = moments.first().copied();
            if best.is_some() && earliest >= best {
                break;
            }
            let next = moments.into_iter().filter(|moment| *moment > after).min();
            best = match (best, next) {
                (Some(best), Some(next)) => Some(best.min(next)),
                (best, next) => best.or(next),
            };
        }
        best
    }

    /// The moments that a local time stands for, earliest first.
    fn moments(&self, local: NaiveDateTime, zone: Zone) -> Vec<DateTime<Utc>> {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(moment) => vec![moment.to_utc()],
            LocalResult::Ambiguous(first, second) if self.every_hour => {
                vec![first.to_utc(), second.to_utc()]
            }
            LocalResult::Ambiguous(first, _) => vec![first.to_utc()],
            LocalResult::None => after_gap(local, zone).into_iter().collect(),
        }
    }

    /// Every local time after `start` that the expression names, in order.
    fn local_after(&self, start: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + '_ {
        let mut walks: Vec<_> = self
            .schedules
            .iter()
            .map(|schedule| schedule.after(&start.and_utc()).peekable())
            .collect();
        std::iter::from_fn(move || {
            let next = walks
                .iter_mut()
                .filter_map(|walk| walk.peek().copied())
                .min()?;
            for walk in &mut walks {
                walk.next_if_eq(&next);
            }
            Some(next.naive_utc())
        })
    }
}

/// The first moment after the gap that a clock change tears at `local`.
fn after_gap(local: NaiveDateTime, zone: Zone) -> Option<DateTime<Utc>> {
    (1..=LONGEST_GAP_MINUTES)
        .filter_map(|minutes| local.checked_add_signed(Duration::minutes(minutes)))
        .find_map(|later| zone.from_local_datetime(&later).earliest())
        .map(|moment| moment.to_utc())
}

impl FromStr for Expression {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = spelled_out(text.trim()).split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(CronError::Fields {
                given: text.to_owned(),
                count: fields.len(),
            });
        };
        let (minute, hour) = (MINUTE.parse(minute)?, HOUR.parse(hour)?);
        let (day, month) = (DAY_OF_MONTH.parse(day)?, MONTH.parse(month)?);
        let weekday = DAY_OF_WEEK.parse(weekday)?;
        let never = || CronError::Never {
            given: text.to_owned(),
        };
        let time = format!("0 {} {}", listed(&minute.set), listed(&hour.set));
        let schedules = days(&day, &month, &weekday)
            .into_iter()
            .map(|days| cron::Schedule::from_str(&format!("{time} {days}")))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_empty| never())?;
        if schedules.is_empty() {
            return Err(never());
        }
        Ok(Self {
            source: text.trim().to_owned(),
            schedules,
            every_hour: hour.starred,
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// The day fields for the crate: both must match if one begins with a star, else either may.
fn days(day: &Values, month: &Values, weekday: &Values) -> Vec<String> {
    let months = listed(&month.set);
    let by_date = comes(day, month);
    if day.starred || weekday.starred {
        let both = format!("{} {months} {}", listed(&day.set), weekdays(weekday));
        return by_date.then_some(both).into_iter().collect();
    }
    let mut either = vec![format!("* {months} {}", weekdays(weekday))];
    if by_date {
        either.push(format!("{} {months} *", listed(&day.set)));
    }
    either
}

/// Whether any of `months` ever has any of `days`.
fn comes(days: &Values, months: &Values) -> bool {
    let longest = months.set.iter().map(|month| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    });
    longest
        .max()
        .zip(days.set.first())
        .is_some_and(|(longest, first)| *first <= longest)
}

fn spelled_out(text: &str) -> &str {
    match text {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        other => other,
    }
}

fn listed(values: &BTreeSet<u32>) -> String {
    let texts: Vec<String> = values.iter().map(u32::to_string).collect();
    texts.join(",")
}

/// Names, because the crate's numbers are not Unix's.
fn weekdays(weekday: &Values) -> String {
    let names = DAY_OF_WEEK.names;
    let days: BTreeSet<usize> = weekday
        .set
        .iter()
        .filter_map(|day| usize::try_from(day % 7).ok())
        .collect();
    let texts: Vec<&str> = days
        .iter()
        .filter_map(|day| names.get(*day).copied())
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{Offset as _, Timelike as _};
    use rstest::rstest;

    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn fires(expression: &str, zone: Zone, after: &str, count: usize) -> Vec<String> {
        let expression: Expression = expression.parse().unwrap();
        let mut moment: DateTime<Utc> = after.parse().unwrap();
        (0..count)
            .map(|_| {
                moment = expression.next_after(moment, zone).unwrap();
                moment
                    .with_timezone(&zone)
                    .format("%a %d %b %H:%M %z")
                    .to_string()
            })
            .collect()
    }

    #[rstest]
    #[case::five_fields("*/20 * * * *", &["Tue 24 Nov 12:20 +0000", "Tue 24 Nov 12:40 +0000", "Tue 24 Nov 13:00 +0000"])]
    #[case::one_is_monday("0 6 * * 1", &["Mon 30 Nov 06:00 +0000", "Mon 07 Dec 06:00 +0000"])]
    #[case::zero_is_sunday("0 6 * * 0", &["Sun 29 Nov 06:00 +0000", "Sun 06 Dec 06:00 +0000"])]
    #[case::seven_is_sunday("0 6 * * 7", &["Sun 29 Nov 06:00 +0000", "Sun 06 Dec 06:00 +0000"])]
    #[case::range_to_sunday("0 6 * * Fri-Sun", &["Fri 27 Nov 06:00 +0000", "Sat 28 Nov 06:00 +0000", "Sun 29 Nov 06:00 +0000", "Fri 04 Dec 06:00 +0000"])]
    #[case::either_day("0 0 13 * FRI", &["Fri 27 Nov 00:00 +0000", "Fri 04 Dec 00:00 +0000", "Fri 11 Dec 00:00 +0000", "Sun 13 Dec 00:00 +0000", "Fri 18 Dec 00:00 +0000"])]
    #[case::a_starred_day_must_match_too("0 0 */2 * MON", &["Mon 07 Dec 00:00 +0000", "Mon 21 Dec 00:00 +0000"])]
    #[case::steps_in_ranges("10-40/15 9-10 * dec *", &["Tue 01 Dec 09:10 +0000", "Tue 01 Dec 09:25 +0000", "Tue 01 Dec 09:40 +0000", "Tue 01 Dec 10:10 +0000"])]
    #[case::word("@monthly", &["Tue 01 Dec 00:00 +0000", "Fri 01 Jan 00:00 +0000"])]
    #[case::leap_day("0 0 29 2 *", &["Tue 29 Feb 00:00 +0000"])]
    fn means_what_unix_means(#[case] expression: &str, #[case] expected: &[&str]) {
        assert_eq!(
            fires(
                expression,
                Zone::UTC,
                "2026-11-24T12:00:00Z",
                expected.len()
            ),
            expected
        );
    }

    #[rstest]
    #[case::fixed_time_in_the_gap_fires_after_it("30 2 * * *", "2026-03-28T12:00:00Z", &["Sun 29 Mar 03:00 +0200", "Mon 30 Mar 02:30 +0200"])]
    #[case::half_hours_are_not_doubled_by_the_gap("*/30 * * * *", "2026-03-29T00:29:00Z", &["Sun 29 Mar 01:30 +0100", "Sun 29 Mar 03:00 +0200", "Sun 29 Mar 03:30 +0200"])]
    #[case::two_times_in_the_gap_fire_once("0,30 2 * * *", "2026-03-28T12:00:00Z", &["Sun 29 Mar 03:00 +0200", "Mon 30 Mar 02:00 +0200"])]
    #[case::fixed_time_in_the_overlap_fires_once("30 2 * * *", "2026-10-24T12:00:00Z", &["Sun 25 Oct 02:30 +0200", "Mon 26 Oct 02:30 +0100"])]
    #[case::half_hours_go_on_through_the_overlap("*/30 * * * *", "2026-10-24T23:59:00Z", &["Sun 25 Oct 02:00 +0200", "Sun 25 Oct 02:30 +0200", "Sun 25 Oct 02:00 +0100", "Sun 25 Oct 02:30 +0100", "Sun 25 Oct 03:00 +0100"])]
    fn meets_clock_changes_by_a_stated_policy(
        #[case] expression: &str,
        #[case] after: &str,
        #[case] expected: &[&str],
    ) {
        assert_eq!(
            fires(expression, zone("Europe/Berlin"), after, expected.len()),
            expected
        );
    }

    #[test]
    fn meets_a_half_hour_change_too() {
        assert_eq!(
            fires(
                "45 1 * * *",
                zone("Australia/Lord_Howe"),
                "2026-04-03T14:00:00Z",
                2
            ),
            ["Sat 04 Apr 01:45 +1100", "Sun 05 Apr 01:45 +1100"]
        );
        assert_eq!(
            fires(
                "15 2 * * *",
                zone("Australia/Lord_Howe"),
                "2026-10-03T14:00:00Z",
                1
            ),
            ["Sun 04 Oct 02:30 +1100"]
        );
    }

    /// When an expression fires, found by going through every minute: the wall clock's minutes from the zone's offsets
    /// at each minute of UTC, and the stated policy. `fires(hour, minute)` is the expression.
    fn by_walking(
        fires: impl Fn(u32, u32) -> bool,
        every_hour: bool,
        zone: Zone,
        from: DateTime<Utc>,
        days: i64,
    ) -> BTreeSet<DateTime<Utc>> {
        let minute = Duration::minutes(1);
        let (begin, end) = (from - Duration::days(1), from + Duration::days(days));
        let mut walls: BTreeMap<NaiveDateTime, Vec<DateTime<Utc>>> = BTreeMap::new();
        let mut at = begin;
        while at < end + Duration::days(1) {
            walls
                .entry(at.with_timezone(&zone).naive_local())
                .or_default()
                .push(at);
            at += minute;
        }
        let (first, last) = (
            *walls.keys().next().unwrap(),
            *walls.keys().next_back().unwrap(),
        );
        let mut found = BTreeSet::new();
        let mut wall = first;
        while wall < last {
            if fires(wall.hour(), wall.minute()) {
                match walls.get(&wall) {
                    Some(moments) if every_hour => found.extend(moments.iter().copied()),
                    Some(moments) => found.extend(moments.iter().min().copied()),
                    // The first minute that there is again, which is the earliest one whose wall clock is later.
                    None => {
                        let later = walls.range(wall..).next().unwrap().1;
                        found.extend(later.iter().min().copied());
                    }
                }
            }
            wall += minute;
        }
        found.retain(|moment| *moment > from && *moment < end);
        found
    }

    #[test]
    fn agrees_with_a_walk_through_every_minute_around_clock_changes_of_eight_zones() {
        type Fires = fn(u32, u32) -> bool;
        let expressions: [(&str, Fires, bool); 7] = [
            ("30 2 * * *", |h, m| h == 2 && m == 30, false),
            ("0 0 * * *", |h, m| h == 0 && m == 0, false),
            ("0 * * * *", |_, m| m == 0, true),
            ("*/15 * * * *", |_, m| m.is_multiple_of(15), true),
            ("45 1,3 * * *", |h, m| (h == 1 || h == 3) && m == 45, false),
            ("20 0-3 * * *", |h, m| h <= 3 && m == 20, false),
            (
                "*/20 1-2 * * *",
                |h, m| (h == 1 || h == 2) && m.is_multiple_of(20),
                false,
            ),
        ];
        // The days on which clocks are set, forward and back.
        let zones = [
            (zone("Europe/Berlin"), ["2026-03-28", "2026-10-24"]),
            (zone("Europe/London"), ["2026-03-28", "2026-10-24"]),
            (zone("America/New_York"), ["2026-03-07", "2026-10-31"]),
            (zone("America/Los_Angeles"), ["2026-03-07", "2026-10-31"]),
            // Cuba leaves its clocks alone in the autumn of 2026.
            (zone("America/Havana"), ["2026-03-07", "2025-11-01"]),
            (zone("Australia/Lord_Howe"), ["2026-10-03", "2026-04-04"]),
            (zone("Pacific/Auckland"), ["2026-09-26", "2026-04-04"]),
            (zone("Asia/Beirut"), ["2026-03-28", "2026-10-24"]),
        ];
        let mut changes = 0;
        for (zone, days) in zones {
            for day in days {
                let from: DateTime<Utc> = format!("{day}T00:00:00Z").parse().unwrap();
                let offset = |at: DateTime<Utc>| at.with_timezone(&zone).offset().fix();
                changes += usize::from(offset(from) != offset(from + Duration::days(2)));
                for (text, fires, every_hour) in expressions {
                    let expression: Expression = text.parse().unwrap();
                    let mut found = BTreeSet::new();
                    let mut at = from;
                    while let Some(next) = expression.next_after(at, zone) {
                        if next >= from + Duration::days(2) {
                            break;
                        }
                        found.insert(next);
                        at = next;
                    }
                    let walked = by_walking(fires, every_hour, zone, from, 2);
                    assert_eq!(found, walked, "{text} in {zone} around {day}");
                }
            }
        }
        assert_eq!(changes, 16, "each of these days has a change");
    }

    #[rstest]
    #[case(
        "",
        "`` has 0 fields, a cron expression has five: minute, hour, day of month, month, day of week"
    )]
    #[case(
        "0 * * * * *",
        "`0 * * * * *` has 6 fields, a cron expression has five: minute, hour, day of month, month, day of week"
    )]
    #[case("60 * * * *", "`60` is no minute of a cron expression")]
    #[case("*/0 * * * *", "`*/0` is no minute of a cron expression")]
    #[case("5/15 * * * *", "`5/15` is no minute of a cron expression")]
    #[case("0 5-1 * * *", "`5-1` is no hour of a cron expression")]
    #[case("0 0 L * *", "`L` is no day of month of a cron expression")]
    #[case("0 0 * * MON#1", "`MON#1` is no day of week of a cron expression")]
    #[case("0 0 * * +1", "`+1` is no day of week of a cron expression")]
    #[case("0 0 30 2 *", "`0 0 30 2 *` never comes")]
    fn refuses_what_is_no_expression(#[case] text: &str, #[case] error: &str) {
        assert_eq!(text.parse::<Expression>().unwrap_err().to_string(), error);
    }
}
