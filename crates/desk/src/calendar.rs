//! Business calendars: when clocks run.
//!
//! Hours are those of a wall clock, so a day on which the clock is set has other lengths: what a change skips does not
//! count, and what it repeats counts twice.
//!
//! # Source
//! The IANA time zone database, through [`model::Zone`].

use std::{collections::BTreeMap, time::Duration};

use chrono::{
    Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _, Weekday,
};
use model::{Timestamp, UnknownZone, Zone};
use serde::Deserialize;

/// How many days a clock is looked for: what is not reached by then never is.
const HORIZON_DAYS: u32 = 3_660;

const MINUTE: i64 = 60_000_000;
const DAY_MINUTES: u32 = 24 * 60;

/// A business calendar as the configuration file says it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CalendarConfig {
    /// The time zone, by its name in the IANA database; UTC if empty.
    pub time_zone: String,
    /// Hours of each day of the week, `mon` to `sun`: `["08:00-12:00", "13:00-17:00"]`.
    pub hours: BTreeMap<String, Vec<String>>,
    /// Days without hours: `2026-12-25`.
    pub holidays: Vec<NaiveDate>,
}

/// When a clock runs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Calendar {
    /// Day and night.
    #[default]
    Always,
    /// In certain hours.
    Hours(Hours),
}

/// Hours of the week in a time zone, without holidays.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hours {
    zone: Zone,
    /// By days from Monday; spans of minutes from midnight, in order and apart.
    week: [Vec<(u32, u32)>; 7],
    holidays: Vec<NaiveDate>,
}

impl CalendarConfig {
    /// Reads the calendar; the reason in plain words if it makes no sense.
    ///
    /// # Errors
    /// If the time zone, a day or a span is none, or there are no hours at all.
    pub fn read(&self) -> Result<Calendar, String> {
        let zone = match self.time_zone.as_str() {
            "" => Zone::UTC,
            name => name
                .parse()
                .map_err(|unknown: UnknownZone| unknown.to_string())?,
        };
        let mut week: [Vec<(u32, u32)>; 7] = Default::default();
        for (day, spans) in &self.hours {
            let weekday: Weekday = day
                .parse()
                .map_err(|_unknown| format!("`{day}` is no day of the week"))?;
            let index = usize::try_from(weekday.num_days_from_monday()).unwrap_or_default();
            let read = spans_of(day, spans)?;
            if let Some(place) = week.get_mut(index) {
                *place = read;
            }
        }
        if week.iter().all(Vec::is_empty) {
            return Err("it has no hours".to_owned());
        }
        let mut holidays = self.holidays.clone();
        holidays.sort_unstable();
        Ok(Calendar::Hours(Hours {
            zone,
            week,
            holidays,
        }))
    }
}

fn spans_of(day: &str, spans: &[String]) -> Result<Vec<(u32, u32)>, String> {
    let mut read = Vec::new();
    for span in spans {
        let ends = span.split_once('-').and_then(|(from, to)| {
            let (from, to) = (minute(from)?, minute(to)?);
            (from < to).then_some((from, to))
        });
        read.push(
            ends.ok_or_else(|| format!("`{span}` of `{day}` is no span such as `08:00-17:00`"))?,
        );
    }
    read.sort_unstable();
    let overlap = read
        .iter()
        .zip(read.iter().skip(1))
        .any(|(one, next)| next.0 < one.1);
    if overlap {
        return Err(format!("the hours of `{day}` overlap"));
    }
    Ok(read)
}

/// `08:30` as minutes from midnight; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u32> {
    if text == "24:00" {
        return Some(DAY_MINUTES);
    }
    let (hour, minute) = text.split_once(':')?;
    let is_two_digits =
        |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_two_digits(hour) || !is_two_digits(minute) {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

impl Calendar {
    /// When a clock that starts at `start` has run for `duration`.
    pub fn after(&self, start: Timestamp, duration: Duration) -> Timestamp {
        let Self::Hours(hours) = self else {
            return start.plus(duration);
        };
        let mut left = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let from = start.as_micros();
        for day in hours.days(start, HORIZON_DAYS) {
            for (begin, end) in hours.spans(day) {
                let begin = begin.max(from);
                let len = end.saturating_sub(begin);
                if len <= 0 {
                    continue;
                }
                if left <= len {
                    return Timestamp::from_micros(begin.saturating_add(left));
                }
                left = left.saturating_sub(len);
            }
        }
        // No calendar of people is without hours for ten years; then the clock runs on as if there were none.
        start.plus(Duration::from_hours(u64::from(HORIZON_DAYS) * 24))
    }

    /// How long a clock runs from `start` to `end`; zero if that is not after it.
    pub fn between(&self, start: Timestamp, end: Timestamp) -> Duration {
        let Self::Hours(hours) = self else {
            return end.since(start);
        };
        let (from, to) = (start.as_micros(), end.as_micros());
        let mut sum: i64 = 0;
        for day in hours.days(start, HORIZON_DAYS) {
            let spans = hours.spans(day);
            if spans.iter().any(|(begin, _)| *begin >= to) {
                sum = sum.saturating_add(overlap(&spans, from, to));
                break;
            }
            sum = sum.saturating_add(overlap(&spans, from, to));
        }
        Duration::from_micros(u64::try_from(sum).unwrap_or(0))
    }
}

fn overlap(spans: &[(i64, i64)], from: i64, to: i64) -> i64 {
    let one = |(begin, end): &(i64, i64)| (*end).min(to).saturating_sub((*begin).max(from)).max(0);
    spans.iter().map(one).sum()
}

impl Hours {
    /// Days that may have hours after `start`. The day before is among them: a zone may lie a day behind.
    fn days(&self, start: Timestamp, count: u32) -> impl Iterator<Item = NaiveDate> + use<> {
        let first = start
            .to_utc()
            .with_timezone(&self.zone)
            .date_naive()
            .pred_opt()
            .unwrap_or_default();
        first
            .iter_days()
            .take(usize::try_from(count).unwrap_or_default())
    }

    /// The hours of a day in microseconds since 1970, in order and apart.
    fn spans(&self, day: NaiveDate) -> Vec<(i64, i64)> {
        if self.holidays.binary_search(&day).is_ok() {
            return Vec::new();
        }
        let index = usize::try_from(day.weekday().num_days_from_monday()).unwrap_or_default();
        let Some(week) = self.week.get(index).filter(|spans| !spans.is_empty()) else {
            return Vec::new();
        };
        let midnight = day.and_time(NaiveTime::MIN);
        let pieces = self.pieces(midnight);
        let local = midnight.and_utc().timestamp_micros();
        let mut spans = Vec::new();
        for piece in pieces {
            for (begin, end) in week {
                let at = |minute: u32| {
                    local
                        .saturating_add(i64::from(minute) * MINUTE)
                        .saturating_sub(piece.offset)
                };
                let (begin, end) = (at(*begin).max(piece.from), at(*end).min(piece.to));
                if begin < end {
                    spans.push((begin, end));
                }
            }
        }
        spans.sort_unstable();
        spans
    }

    /// The times around a day, cut where the zone's offset changes.
    fn pieces(&self, midnight: NaiveDateTime) -> Vec<Piece> {
        let before = midnight.checked_sub_days(Days::new(2)).unwrap_or(midnight);
        let after = midnight.checked_add_days(Days::new(3)).unwrap_or(midnight);
        let (before, after) = (before.and_utc().timestamp(), after.and_utc().timestamp());
        let (first, last) = (self.offset(before), self.offset(after));
        if first == last {
            return vec![Piece {
                from: i64::MIN,
                to: i64::MAX,
                offset: first,
            }];
        }
        // The first second that has the later offset.
        let (mut low, mut high) = (before, after);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.offset(middle) == first {
                low = middle;
            } else {
                high = middle;
            }
        }
        let change = high.saturating_mul(1_000_000);
        let one = Piece {
            from: i64::MIN,
            to: change,
            offset: first,
        };
        let other = Piece {
            from: change,
            to: i64::MAX,
            offset: self.offset(high),
        };
        vec![one, other]
    }

    /// What local clocks are ahead of UTC at a second since 1970, in microseconds.
    fn offset(&self, second: i64) -> i64 {
        let utc = chrono::DateTime::from_timestamp(second, 0).unwrap_or_default();
        let offset = self.zone.offset_from_utc_datetime(&utc.naive_utc());
        i64::from(offset.fix().local_minus_utc()).saturating_mul(1_000_000)
    }
}

/// A time in which the zone's offset is the same, in microseconds.
struct Piece {
    from: i64,
    to: i64,
    offset: i64,
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Timelike as _};
    use proptest::prelude::*;

    use super::*;

    const ZONES: [&str; 8] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "Pacific/Apia",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
    ];

    fn config(zone: &str, spans: &[(&str, &[&str])], holidays: &[&str]) -> CalendarConfig {
        let spans = spans.iter().map(|(day, spans)| {
            let spans = spans.iter().map(|span| (*span).to_owned()).collect();
            ((*day).to_owned(), spans)
        });
        CalendarConfig {
            time_zone: zone.to_owned(),
            hours: spans.collect(),
            holidays: holidays.iter().map(|day| day.parse().unwrap()).collect(),
        }
    }

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc().into()
    }

    fn office() -> Calendar {
        let day: &[&str] = &["09:00-12:00", "13:00-17:00"];
        let week = ["mon", "tue", "wed", "thu", "fri"].map(|name| (name, day));
        config("Europe/Berlin", &week, &["2026-12-25"])
            .read()
            .unwrap()
    }

    #[test]
    fn clocks_stand_still_at_noon_at_night_on_weekends_and_holidays() {
        let office = office();
        let four_hours = Duration::from_hours(4);
        for (start, due) in [
            // Thursday, over noon.
            ("2026-11-26T10:00:00+01:00", "2026-11-26T15:00:00+01:00"),
            // Friday evening, over the weekend.
            ("2026-11-27T16:00:00+01:00", "2026-11-30T12:00:00+01:00"),
            // Before the hours, and in the night.
            ("2026-11-26T03:00:00+01:00", "2026-11-26T14:00:00+01:00"),
            // Christmas is a Friday.
            ("2026-12-24T16:30:00+01:00", "2026-12-28T13:30:00+01:00"),
        ] {
            assert_eq!(office.after(at(start), four_hours), at(due), "{start}");
            assert_eq!(office.between(at(start), at(due)), four_hours, "{start}");
        }
    }

    #[test]
    fn a_night_in_which_the_clock_is_set_has_other_hours() {
        let night = config("Europe/Berlin", &[("sun", &["00:00-06:00"])], &[]);
        let night = night.read().unwrap();
        let hours = |from, to| night.between(at(from), at(to)).as_secs() / 3_600;
        assert_eq!(
            hours("2026-03-29T00:00:00+01:00", "2026-03-29T12:00:00+02:00"),
            5
        );
        assert_eq!(
            hours("2026-10-25T00:00:00+02:00", "2026-10-25T12:00:00+01:00"),
            7
        );
        assert_eq!(
            hours("2026-11-01T00:00:00+01:00", "2026-11-01T12:00:00+01:00"),
            6
        );
    }

    #[test]
    fn what_is_no_calendar_is_refused_in_words() {
        for (config, why) in [
            (
                config("Mars/Olympus", &[], &[]),
                "`Mars/Olympus` is no time zone",
            ),
            (config("UTC", &[], &[]), "it has no hours"),
            (
                config("UTC", &[("someday", &["08:00-09:00"])], &[]),
                "`someday` is no day",
            ),
            (
                config("UTC", &[("mon", &["9:00-10:00"])], &[]),
                "is no span",
            ),
            (
                config("UTC", &[("mon", &["10:00-09:00"])], &[]),
                "is no span",
            ),
            (
                config("UTC", &[("mon", &["10:00-25:00"])], &[]),
                "is no span",
            ),
            (
                config("UTC", &[("mon", &["08:00-10:00", "09:00-12:00"])], &[]),
                "overlap",
            ),
        ] {
            let error = config.read().unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    /// Whether the wall clock of the zone shows a time that is among the hours: asked for each minute on its own.
    fn runs(hours: &Hours, minute: i64) -> bool {
        let utc = DateTime::from_timestamp(minute * 60, 0).unwrap();
        let local = utc.with_timezone(&hours.zone);
        let of_day = local.hour() * 60 + local.minute();
        let spans = &hours.week[local.weekday().num_days_from_monday() as usize];
        !hours.holidays.contains(&local.date_naive())
            && spans
                .iter()
                .any(|(from, to)| (*from..*to).contains(&of_day))
    }

    fn calendars() -> impl Strategy<Value = Hours> {
        let span = (0_u32..1_440, 1_u32..=720)
            .prop_map(|(from, len)| vec![(from, (from + len).min(1_440))]);
        let day = prop_oneof![Just(Vec::new()), span];
        let week = prop::array::uniform7(day)
            .prop_filter("no hours", |week| week.iter().any(|day| !day.is_empty()));
        (
            prop::sample::select(&ZONES[..]),
            week,
            prop::collection::vec(0_i64..30, 0..3),
            moments(),
        )
            .prop_map(|(zone, week, holidays, start)| {
                let first = DateTime::from_timestamp(start * 60, 0)
                    .unwrap()
                    .date_naive();
                let mut holidays: Vec<NaiveDate> = holidays
                    .iter()
                    .map(|days| first + Days::new(u64::try_from(*days).unwrap()))
                    .collect();
                holidays.sort_unstable();
                Hours {
                    zone: zone.parse().unwrap(),
                    week,
                    holidays,
                }
            })
    }

    /// Minutes since 1970, most of them a few days before a clock is set somewhere.
    fn moments() -> impl Strategy<Value = i64> {
        const CHANGES: [&str; 8] = [
            "2026-03-08T00:00:00Z",
            "2026-03-29T00:00:00Z",
            "2026-04-05T00:00:00Z",
            "2026-10-04T00:00:00Z",
            "2026-10-25T00:00:00Z",
            "2026-11-01T00:00:00Z",
            // A Friday that Samoa never had, and a midnight that Brazil skipped.
            "2011-12-29T00:00:00Z",
            "2018-11-03T00:00:00Z",
        ];
        (prop::sample::select(&CHANGES[..]), 0_i64..8 * 1_440)
            .prop_map(|(change, before)| at(change).as_secs() / 60 - before + 1_440)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_a_calculation_minute_by_minute(
            hours in calendars(),
            start in moments(),
            len in 0_i64..12 * 1_440,
            budget in 1_i64..3_000,
        ) {
            let running = (start..start + len).filter(|minute| runs(&hours, *minute)).count();
            let calendar = Calendar::Hours(hours.clone());
            let minute = |minute: i64| Timestamp::from_secs(minute * 60);
            let between = calendar.between(minute(start), minute(start + len));
            prop_assert_eq!(between.as_secs(), u64::try_from(running).unwrap() * 60);

            let due = calendar.after(minute(start), Duration::from_secs(u64::try_from(budget).unwrap() * 60));
            let slow = (start..start + 400 * 1_440)
                .filter(|minute| runs(&hours, *minute))
                .nth(usize::try_from(budget - 1).unwrap());
            if let Some(slow) = slow {
                prop_assert_eq!(due, minute(slow + 1));
            }
        }
    }
}
