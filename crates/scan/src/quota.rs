//! The spans in which requests are counted.

use chrono::{DateTime, Datelike as _, Duration, Months, NaiveTime, Timelike as _, Utc};
use model::Timestamp;
use store::QuotaWindow;

use crate::Config;

/// The present minute, day and month (UTC) with what the key allows in each.
///
/// `VirusTotal` counts a sliding minute; the fixed one can let twice the number through around its turn. The service
/// then answers 429, and its pause is kept.
pub(crate) fn windows(config: &Config, now: Timestamp) -> [QuotaWindow; 3] {
    let now = now.to_utc();
    let midnight = now.with_time(NaiveTime::MIN).single().unwrap_or(now);
    let minute = midnight + Duration::minutes(i64::from(now.hour() * 60 + now.minute()));
    let month = midnight.with_day(1).unwrap_or(midnight);
    let next_month = month.checked_add_months(Months::new(1)).unwrap_or(month);
    [
        window(
            "minute",
            minute,
            minute + Duration::minutes(1),
            config.per_minute,
        ),
        window(
            "day",
            midnight,
            midnight + Duration::days(1),
            config.per_day,
        ),
        window("month", month, next_month, config.per_month),
    ]
}

fn window(
    name: &'static str,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    limit: u32,
) -> QuotaWindow {
    QuotaWindow {
        name,
        starts_at: starts_at.into(),
        ends_at: ends_at.into(),
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_begin_and_end_where_the_calendar_says() {
        let now: DateTime<Utc> = "2026-12-31T23:59:59.5Z".parse().unwrap();
        let spans = windows(&Config::default(), now.into()).map(|span| {
            format!(
                "{} {} {} {}",
                span.name, span.starts_at, span.ends_at, span.limit
            )
        });
        assert_eq!(
            spans,
            [
                "minute 2026-12-31T23:59:00Z 2027-01-01T00:00:00Z 4",
                "day 2026-12-31T00:00:00Z 2027-01-01T00:00:00Z 500",
                "month 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z 15500",
            ]
        );
    }
}
