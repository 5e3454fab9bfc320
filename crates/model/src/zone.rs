//! Time zones, which people plan in.
//!
//! # Source
//! The IANA time zone database, as jiff bundles it: the machine's own is neither needed nor looked at, so that two
//! nodes never disagree.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use chrono::{
    Datelike as _, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone,
    Timelike as _,
};
use jiff::{
    civil,
    tz::{self, AmbiguousOffset, TimeZoneDatabase},
};

/// A time zone of the IANA database, `Europe/Berlin`; UTC by default.
#[derive(Clone, Copy, Default)]
pub struct Zone(Option<&'static Known>);

/// A zone that was asked for.
struct Known {
    name: String,
    rules: tz::TimeZone,
}

/// The zones that were asked for. None is ever forgotten, so that a [`Zone`] is as handy as a number: there are at most
/// as many as the database has.
static KNOWN: Mutex<Vec<&'static Known>> = Mutex::new(Vec::new());

const UTC: &str = "UTC";

/// A name that the database does not have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is no time zone of the IANA database, such as `Europe/Berlin`")]
pub struct UnknownZone {
    /// What was given.
    pub name: String,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(None);

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        self.0.map_or(UTC, |known| known.name.as_str())
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    /// The case of a name matters, as it does for everything else that reads zones by their files.
    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        if name == UTC {
            return Ok(Self::UTC);
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.iter().find(|known| known.name == name) {
            return Ok(Self(Some(*found)));
        }
        let rules = TimeZoneDatabase::bundled().get(name).ok();
        let rules = rules.filter(|rules| rules.iana_name() == Some(name));
        let rules = rules.ok_or_else(|| UnknownZone {
            name: name.to_owned(),
        })?;
        let name = name.to_owned();
        let found: &'static Known = Box::leak(Box::new(Known { name, rules }));
        known.push(found);
        Ok(Self(Some(found)))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

/// How far the clocks of a zone are from UTC at a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ZoneOffset {
    zone: Zone,
    offset: FixedOffset,
}

impl Offset for ZoneOffset {
    fn fix(&self) -> FixedOffset {
        self.offset
    }
}

impl fmt::Display for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.offset.fmt(f)
    }
}

impl Zone {
    fn offset(self, offset: tz::Offset) -> ZoneOffset {
        // The database has none of a day or more.
        let offset = FixedOffset::east_opt(offset.seconds());
        ZoneOffset {
            zone: self,
            offset: offset.unwrap_or_else(utc),
        }
    }
}

fn utc() -> FixedOffset {
    chrono::Utc.fix()
}

impl TimeZone for Zone {
    type Offset = ZoneOffset;

    fn from_offset(offset: &ZoneOffset) -> Self {
        offset.zone
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> LocalResult<ZoneOffset> {
        self.offset_from_local_datetime(&local.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> LocalResult<ZoneOffset> {
        let Some(known) = self.0 else {
            return LocalResult::Single(self.offset(tz::Offset::UTC));
        };
        let Some(local) = civil(*local) else {
            return LocalResult::None;
        };
        match known.rules.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => LocalResult::Single(self.offset(offset)),
            AmbiguousOffset::Gap { .. } => LocalResult::None,
            AmbiguousOffset::Fold { before, after } => {
                LocalResult::Ambiguous(self.offset(before), self.offset(after))
            }
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        self.offset_from_utc_datetime(&utc.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        let Some(known) = self.0 else {
            return self.offset(tz::Offset::UTC);
        };
        let seconds = utc.and_utc().timestamp();
        let nearest = if seconds < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        };
        let moment = jiff::Timestamp::from_second(seconds).unwrap_or(nearest);
        self.offset(known.rules.to_offset(moment))
    }
}

/// A local time in jiff's words; none if it lies beyond the years that jiff can tell.
fn civil(local: NaiveDateTime) -> Option<civil::DateTime> {
    civil::DateTime::new(
        local.year().try_into().ok()?,
        local.month().try_into().ok()?,
        local.day().try_into().ok()?,
        local.hour().try_into().ok()?,
        local.minute().try_into().ok()?,
        local.second().try_into().ok()?,
        0,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn moments(name: &str, at: &str) -> Vec<String> {
        let found = zone(name).from_local_datetime(&local(at));
        let moments = match found {
            LocalResult::None => vec![],
            LocalResult::Single(moment) => vec![moment],
            LocalResult::Ambiguous(first, second) => vec![first, second],
        };
        let told = moments.iter().map(|moment| moment.to_utc().to_rfc3339());
        told.collect()
    }

    #[test]
    fn names_are_those_of_the_database() {
        assert_eq!(zone("Europe/Berlin").to_string(), "Europe/Berlin");
        assert_eq!(zone("Europe/Berlin"), zone("Europe/Berlin"));
        assert_eq!((zone("UTC"), Zone::default()), (Zone::UTC, Zone::UTC));
        // Another name of Berlin's in the database is a name of its own.
        assert_eq!(zone("Arctic/Longyearbyen").name(), "Arctic/Longyearbyen");
        for wrong in ["", "Mars/Olympus", "europe/berlin", "+01:00", "../UTC"] {
            let error = wrong.parse::<Zone>().unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_local_time_stands_for_none_one_or_two_moments() {
        let expected = ["2026-07-01T10:00:00+00:00"];
        assert_eq!(moments("Europe/Berlin", "2026-07-01T12:00:00"), expected);
        let skipped = moments("Europe/Berlin", "2026-03-29T02:30:00");
        assert!(skipped.is_empty(), "{skipped:?}");
        let twice = ["2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"];
        assert_eq!(moments("Europe/Berlin", "2026-10-25T02:30:00"), twice);
        // Half an hour only, the other way round in the year.
        let twice = ["2026-04-04T14:45:00+00:00", "2026-04-04T15:15:00+00:00"];
        assert_eq!(moments("Australia/Lord_Howe", "2026-04-05T01:45:00"), twice);
        // A day that was left out.
        assert!(moments("Pacific/Apia", "2011-12-30T12:00:00").is_empty());
    }

    #[test]
    fn years_that_nobody_plans_in_are_no_trouble() {
        let berlin = zone("Europe/Berlin");
        for far in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let _offset = berlin.offset_from_utc_datetime(&far.naive_utc());
            let found = berlin.offset_from_local_datetime(&far.naive_utc());
            assert_eq!(found, LocalResult::None);
        }
        let later = berlin.with_ymd_and_hms(2200, 7, 1, 12, 0, 0).unwrap();
        assert_eq!(later.to_rfc3339(), "2200-07-01T12:00:00+02:00");
    }

    proptest! {
        /// Whatever the clocks do, the local time of a moment stands for that moment, among others.
        #[test]
        fn a_moment_is_found_again_by_its_local_time(
            seconds in -2_000_000_000_i64..5_000_000_000,
            name in prop::sample::select(vec![
                "Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Pacific/Apia", "Africa/Casablanca", "UTC",
            ]),
        ) {
            let zone = zone(name);
            let moment = DateTime::from_timestamp(seconds, 0).unwrap();
            let local = moment.with_timezone(&zone).naive_local();
            let found = zone.from_local_datetime(&local);
            let found = [found.earliest(), found.latest()];
            let found = found.iter().flatten().any(|found| found.to_utc() == moment);
            prop_assert!(found, "{moment} in {name}");
        }
    }
}
