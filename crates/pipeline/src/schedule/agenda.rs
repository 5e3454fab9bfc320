//! What begins when, over some days.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeZone as _, Timelike as _, Utc};
use model::{Timestamp, Title, Zone};

use super::{Entry, Schedules, Timetable};

/// The most that one timetable is followed to; a run each minute of a week.
const MOST: usize = 7 * 24 * 60;

/// What begins when, over some days, as a calendar shows it: by the hour, in one time zone. Jitter is left out: a run
/// begins up to that much later.
#[derive(Clone, Debug)]
pub struct Agenda {
    zone: Zone,
    days: Vec<AgendaDay>,
    groups: Vec<Group>,
}

/// A day of an agenda.
#[derive(Clone, Debug)]
pub struct AgendaDay {
    date: NaiveDate,
    /// How many runs begin in each hour of the clock.
    pub hours: [usize; 24],
}

impl AgendaDay {
    /// The date: `2026-11-28`.
    pub fn date(&self) -> String {
        self.date.to_string()
    }

    /// The day of the week, in three letters.
    pub fn weekday(&self) -> String {
        self.date.weekday().to_string()
    }

    /// How many runs begin.
    pub fn count(&self) -> usize {
        self.hours.iter().sum()
    }
}

/// A run that begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Begin<'a> {
    /// When, without jitter.
    pub at: Timestamp,
    /// The time of day in the agenda's zone: `05:30`.
    pub local: String,
    /// Of what.
    pub title: &'a Title,
}

/// Titles with the same times.
#[derive(Clone, Debug)]
struct Group {
    titles: Vec<Title>,
    begins: Vec<Timestamp>,
}

impl Agenda {
    /// What begins in `days` days from that of `from` on, and not before `from`; in the zone that most schedules have.
    pub fn of(schedules: &Schedules, from: Timestamp, days: u32) -> Self {
        let zone = usual_zone(schedules);
        let first = from.to_utc().with_timezone(&zone).date_naive();
        let dates = (0..days).filter_map(|day| first.checked_add_days(Days::new(day.into())));
        let mut days: Vec<AgendaDay> = dates
            .map(|date| AgendaDay {
                date,
                hours: [0; 24],
            })
            .collect();
        let until = days.last().and_then(|day| end_of(day.date, zone));
        let until = until.unwrap_or(from);
        let groups = groups(schedules, from, until);
        for group in &groups {
            for begin in &group.begins {
                let local = begin.to_utc().with_timezone(&zone);
                let day = days.iter_mut().find(|day| day.date == local.date_naive());
                let hour = usize::try_from(local.hour()).unwrap_or_default();
                if let Some(count) = day.and_then(|day| day.hours.get_mut(hour)) {
                    *count = count.saturating_add(group.titles.len());
                }
            }
        }
        Self { zone, days, groups }
    }

    /// The name of the zone that times are told in.
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// The days.
    pub fn days(&self) -> &[AgendaDay] {
        &self.days
    }

    /// What begins on a day, in that hour if one is given: in order of time, then of names. Nothing if the day is none of
    /// these.
    pub fn begins(&self, date: &str, hour: Option<u32>) -> Option<Vec<Begin<'_>>> {
        let day = self.days.iter().find(|day| day.date() == date)?;
        let from = end_of(day.date.pred_opt()?, self.zone)?;
        let until = end_of(day.date, self.zone)?;
        let mut begins = Vec::new();
        for group in &self.groups {
            let of_day = group.begins.iter().filter(|at| (from..until).contains(at));
            for at in of_day {
                let local = at.to_utc().with_timezone(&self.zone);
                if hour.is_some_and(|hour| hour != local.hour()) {
                    continue;
                }
                begins.extend(group.titles.iter().map(|title| Begin {
                    at: *at,
                    local: local.format("%H:%M").to_string(),
                    title,
                }));
            }
        }
        begins.sort_by(|one, other| (one.at, one.title).cmp(&(other.at, other.title)));
        Some(begins)
    }
}

/// The moment after a day.
fn end_of(date: NaiveDate, zone: Zone) -> Option<Timestamp> {
    let next = date.checked_add_days(Days::new(1))?.and_hms_opt(0, 0, 0)?;
    // Where clocks are changed at midnight, the day ends when they have been.
    let end = zone.from_local_datetime(&next).earliest();
    Some(
        end.map_or_else(|| next.and_utc(), |end| end.to_utc())
            .into(),
    )
}

fn usual_zone(schedules: &Schedules) -> Zone {
    let mut counts: BTreeMap<&str, (usize, Zone)> = BTreeMap::new();
    for entry in schedules.entries() {
        let zone = entry.timetable.zone;
        let (count, _) = counts.entry(zone.name()).or_insert((0, zone));
        *count = count.saturating_add(1);
    }
    let most = counts.into_values().max_by_key(|(count, _)| *count);
    most.map_or(Zone::UTC, |(_, zone)| zone)
}

/// Titles by their times: lists of hundreds have the same.
fn groups(schedules: &Schedules, from: Timestamp, until: Timestamp) -> Vec<Group> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for Entry {
        title, timetable, ..
    } in schedules.entries()
    {
        let place = *places.entry(key_of(timetable)).or_insert_with(|| {
            groups.push(Group {
                titles: Vec::new(),
                begins: timetable.begins(from, until),
            });
            groups.len().saturating_sub(1)
        });
        if let Some(group) = groups.get_mut(place) {
            group.titles.push(title.clone());
        }
    }
    groups
}

fn key_of(timetable: &Timetable) -> String {
    let blackouts = timetable.blackouts.iter();
    let blackouts: Vec<String> = blackouts
        .map(|it| format!("{} {} {:?}", it.cron, it.zone, it.lasting))
        .collect();
    let times = format!("{} {}", timetable.cron, timetable.zone);
    format!("{times}; {}", blackouts.join("; "))
}

impl Timetable {
    /// When runs begin from `from` on and before `until`, without jitter, in order.
    pub fn begins(&self, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let mut begins: Vec<Timestamp> = Vec::new();
        // What a blackout holds back begins after its time.
        let held = self.blackouts.iter().map(|it| it.lasting).max();
        let held = held
            .unwrap_or_default()
            .saturating_add(Duration::from_secs(1));
        let mut after: DateTime<Utc> = from.minus(held).to_utc();
        while let Some(fire) = self.next_fire(after) {
            let fired = Timestamp::from(fire);
            if fired >= until || begins.len() >= MOST {
                break;
            }
            let begin = self.outside(fired);
            let begin = begin.filter(|begin| (from..until).contains(begin));
            begins.extend(begin.filter(|begin| begins.last() != Some(begin)));
            after = fire;
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<DateTime<Utc>>().unwrap().into()
    }

    fn schedules(text: &str) -> Schedules {
        Schedules::parse(Path::new("schedules.yaml"), text).unwrap()
    }

    const FILE: &str = "\
time_zone: Europe/Berlin
schedules:
- cron: '30 5 * * *'
  overrides: [B.munki, A.munki]
- cron: '0 */12 * * sat'
  overrides: [C.munki]
- cron: '0 9 * * *'
  time_zone: America/New_York
  overrides: [D.munki]
blackouts:
- cron: '0 0 * * sun'
  for: 24h
  overrides: [A.munki]
";

    #[test]
    fn what_begins_is_counted_by_the_hour() {
        let agenda = Agenda::of(&schedules(FILE), at("2026-11-27T12:00:00Z"), 4);
        assert_eq!(agenda.zone(), "Europe/Berlin");
        let days: Vec<String> = agenda
            .days()
            .iter()
            .map(|day| format!("{} {} {}", day.weekday(), day.date(), day.count()))
            .collect();
        assert_eq!(
            days,
            [
                // 05:30 is over; New York's morning is Berlin's afternoon.
                "Fri 2026-11-27 1",
                "Sat 2026-11-28 5",
                // A is held back until Monday.
                "Sun 2026-11-29 2",
                "Mon 2026-11-30 4",
            ]
        );
        let saturday = agenda.days().get(1).unwrap();
        assert_eq!((saturday.hours[0], saturday.hours[5]), (1, 2));
        assert_eq!((saturday.hours[12], saturday.hours[15]), (1, 1));
        let told = |hour| {
            let begins = agenda.begins("2026-11-30", hour).unwrap();
            let told = begins.iter().map(|it| format!("{} {}", it.local, it.title));
            told.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(told(Some(5)), "05:30 A.munki, 05:30 B.munki");
        assert_eq!(
            told(None),
            "00:00 A.munki, 05:30 A.munki, 05:30 B.munki, 15:00 D.munki"
        );
        assert_eq!(agenda.begins("2026-12-30", None), None);
    }

    #[test]
    fn days_on_which_clocks_change_are_days() {
        let hourly = schedules(
            "time_zone: Europe/Berlin\nschedules: [{cron: '0 * * * *', overrides: [A]}]\n",
        );
        let agenda = Agenda::of(&hourly, at("2026-10-24T22:00:00Z"), 2);
        let counts: Vec<usize> = agenda.days().iter().map(AgendaDay::count).collect();
        assert_eq!(counts, [25, 24]);
        assert_eq!(agenda.days().first().unwrap().hours[2], 2);
        let empty = Agenda::of(&Schedules::default(), at("2026-10-24T22:00:00Z"), 7);
        assert_eq!((empty.zone(), empty.days().len()), ("UTC", 7));
    }
}
