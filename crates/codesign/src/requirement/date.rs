//! Times as requirements write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

const FORMAT: &str = "%Y%m%d%H%M%SZ";

/// The moment from which requirements count.
fn epoch() -> Option<NaiveDateTime> {
    NaiveDate::from_ymd_opt(2001, 1, 1)?.and_hms_opt(0, 0, 0)
}

/// The seconds since 2001-01-01T00:00:00Z that `20110312000000Z` stands for.
pub(super) fn seconds_since_2001(text: &str) -> Option<i64> {
    let time = NaiveDateTime::parse_from_str(text, FORMAT).ok()?;
    Some(time.signed_duration_since(epoch()?).num_seconds())
}

/// The seconds that `time` stands for.
pub(super) fn seconds_of(time: DateTime<Utc>) -> i64 {
    epoch().map_or(0, |epoch| {
        time.naive_utc().signed_duration_since(epoch).num_seconds()
    })
}

/// The text that stands for a moment; empty if there is none.
pub(super) fn text_of(seconds: i64) -> String {
    TimeDelta::try_seconds(seconds)
        .and_then(|delta| epoch()?.checked_add_signed(delta))
        .map_or_else(String::new, |time| time.format(FORMAT).to_string())
}
