//! What an unquoted word of YAML 1.1 means.

use base64::Engine as _;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc};
use proplist::Value;

/// What a plain scalar resolves to, before it is constructed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Binary,
    Bool,
    /// `=`, which no loader makes anything of.
    Default,
    Float,
    Int,
    Merge,
    Null,
    Str,
    Timestamp,
}

impl Kind {
    /// The kind that the part of a tag after `tag:yaml.org,2002:` names.
    pub(super) fn of_tag(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "binary" | "python/bytes" => Self::Binary,
            "bool" | "python/bool" => Self::Bool,
            "float" | "python/float" => Self::Float,
            "int" | "python/int" | "python/long" => Self::Int,
            "merge" => Self::Merge,
            "null" | "python/none" => Self::Null,
            "str" | "python/str" | "python/unicode" => Self::Str,
            "timestamp" => Self::Timestamp,
            _ => return None,
        })
    }

    /// The kind of an unquoted, untagged scalar.
    ///
    /// # Source
    /// yaml.org/type, `PyYAML` 6.0.3 `resolver.py`: the first of boolean, float, integer, merge, null, timestamp.
    pub(super) fn of_plain(text: &str) -> Self {
        let Some(first) = text.chars().next() else {
            return Self::Null;
        };
        match first {
            '<' if text == "<<" => Self::Merge,
            '=' if text == "=" => Self::Default,
            '~' if text == "~" => Self::Null,
            'n' | 'N' if matches!(text, "null" | "Null" | "NULL") => Self::Null,
            'y' | 'Y' | 'n' | 'N' | 't' | 'T' | 'f' | 'F' | 'o' | 'O'
                if boolean(text).is_some() =>
            {
                Self::Bool
            }
            '0'..='9' | '+' | '-' | '.' if is_float(text) => Self::Float,
            '0'..='9' | '+' | '-' if is_int(text) => Self::Int,
            '0'..='9' if timestamp(text).is_some() => Self::Timestamp,
            _ => Self::Str,
        }
    }

    /// The value of `text`, or what is wrong with it.
    pub(super) fn construct(self, text: &str) -> Result<Value, String> {
        let wrong = |what: &str| format!("`{text}` is not {what}");
        match self {
            Self::Binary => {
                // Python passes over what is no digit.
                let is_digit = |letter: &char| {
                    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=')
                };
                let digits: String = text.chars().filter(is_digit).collect();
                base64::engine::general_purpose::STANDARD
                    .decode(digits)
                    .map(Value::Data)
                    .map_err(|error| format!("not base64: {error}"))
            }
            Self::Bool => boolean(text)
                .map(Value::Bool)
                .ok_or_else(|| wrong("a boolean")),
            Self::Float => float(text)
                .map(Value::Real)
                .ok_or_else(|| wrong("a number")),
            Self::Int => int(text)
                .map(Value::Integer)
                .ok_or_else(|| wrong("a whole number")),
            Self::Null => Ok(Value::Null),
            Self::Default | Self::Merge | Self::Str => Ok(Value::from(text)),
            Self::Timestamp => timestamp(text)
                .flatten()
                .map(Value::Date)
                .ok_or_else(|| wrong("a date")),
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn made_of(text: &str, allowed: fn(u8) -> bool) -> bool {
    text.bytes().all(|byte| byte == b'_' || allowed(byte))
}

fn digits(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && made_of(text, |byte| byte.is_ascii_digit())
}

/// `:59`, `:5`, …: at least one group, each below sixty.
fn is_sexagesimal_tail<'text>(mut groups: impl Iterator<Item = &'text str>) -> bool {
    let mut some = false;
    let fine = groups.all(|group| {
        some = true;
        match group.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
            _ => false,
        }
    });
    fine && some
}

fn is_int(text: &str) -> bool {
    let text = unsigned(text);
    if let Some(rest) = text.strip_prefix("0b") {
        return !rest.is_empty() && made_of(rest, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(rest) = text.strip_prefix("0x") {
        return !rest.is_empty() && made_of(rest, |byte| byte.is_ascii_hexdigit());
    }
    if let Some(rest) = text.strip_prefix('0') {
        return made_of(rest, |byte| (b'0'..=b'7').contains(&byte));
    }
    match text.split_once(':') {
        Some((first, rest)) => digits(first) && is_sexagesimal_tail(rest.split(':')),
        None => digits(text),
    }
}

fn is_float(text: &str) -> bool {
    let (body, signed) = (unsigned(text), text.starts_with(['+', '-']));
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, rest)) = body.split_once('.') else {
        return false;
    };
    let mantissa = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let Some(exponent) = exponent.strip_prefix(['+', '-']) else {
                return false;
            };
            if exponent.is_empty() || !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
            mantissa
        }
        None => rest,
    };
    if !made_of(mantissa, |byte| byte.is_ascii_digit()) {
        return false;
    }
    match whole.split_once(':') {
        Some((first, groups)) => {
            digits(first) && mantissa.len() == rest.len() && is_sexagesimal_tail(groups.split(':'))
        }
        None if whole.is_empty() => !signed && digits(mantissa),
        None => digits(whole),
    }
}

fn int(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let negative = text.starts_with('-');
    let body = unsigned(&text);
    let size = if let Some(rest) = body.strip_prefix("0b") {
        i128::from_str_radix(rest, 2).ok()?
    } else if let Some(rest) = body.strip_prefix("0x") {
        i128::from_str_radix(rest, 16).ok()?
    } else if body.len() > 1 && body.starts_with('0') {
        i128::from_str_radix(body, 8).ok()?
    } else {
        body.split(':').try_fold(0_i128, |sum, group| {
            sum.checked_mul(60)?
                .checked_add(group.parse::<i128>().ok()?)
        })?
    };
    Some(if negative { size.checked_neg()? } else { size })
}

fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned(&text) {
        ".inf" => Some(sign * f64::INFINITY),
        ".nan" => Some(f64::NAN),
        body => {
            let size = body.split(':').try_fold(0.0, |sum: f64, group| {
                Some(sum.mul_add(60.0, group.parse::<f64>().ok()?))
            })?;
            Some(sign * size)
        }
    }
}

/// `Some(None)` looks like a date but is none, such as 31 February.
#[expect(
    clippy::option_option,
    reason = "looks like a date, and is one, are two questions"
)]
fn timestamp(text: &str) -> Option<Option<DateTime<Utc>>> {
    let (date, time) = match text.find(['T', 't', ' ', '\t']) {
        Some(at) => text.split_at_checked(at)?,
        None => (text, ""),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let short = usize::from(!time.is_empty());
    let fine = |part: &str, longest: usize, shortest: usize| {
        (shortest..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if parts.next().is_some()
        || !fine(year, 4, 4)
        || !fine(month, 2, 2_usize.saturating_sub(short))
        || !fine(day, 2, 2_usize.saturating_sub(short))
    {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    if time.is_empty() {
        return Some(date.map(|date| date.and_time(NaiveTime::MIN).and_utc()));
    }
    let (clock, zone) = split_zone(time.trim_start_matches(['T', 't']).trim_start())?;
    let time = clock_time(clock)?;
    Some(date.zip(time).and_then(|(date, time)| {
        date.and_time(time)
            .and_utc()
            .checked_sub_signed(TimeDelta::seconds(i64::from(zone.local_minus_utc())))
    }))
}

/// The time of day, and the zone behind it.
fn split_zone(text: &str) -> Option<(&str, FixedOffset)> {
    let Some(at) = text.find(['Z', '+', '-']) else {
        return (text == text.trim_end()).then_some((text, FixedOffset::east_opt(0)?));
    };
    let (clock, zone) = text.split_at_checked(at)?;
    let clock = clock.trim_end_matches([' ', '\t']);
    if zone == "Z" {
        return Some((clock, FixedOffset::east_opt(0)?));
    }
    let (hours, minutes) = unsigned(zone)
        .split_once(':')
        .unwrap_or((unsigned(zone), "00"));
    if !(1..=2).contains(&hours.len()) || minutes.len() != 2 {
        return None;
    }
    let seconds = hours
        .parse::<u16>()
        .ok()
        .zip(minutes.parse::<u16>().ok())
        .map(|(hours, minutes)| {
            i32::from(hours)
                .saturating_mul(3600)
                .saturating_add(i32::from(minutes).saturating_mul(60))
        })?;
    let east = if zone.starts_with('-') {
        seconds.saturating_neg()
    } else {
        seconds
    };
    Some((clock, FixedOffset::east_opt(east)?))
}

#[expect(
    clippy::option_option,
    reason = "looks like a time, and is one, are two questions"
)]
fn clock_time(text: &str) -> Option<Option<NaiveTime>> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some()
        || !(1..=2).contains(&hour.len())
        || minute.len() != 2
        || second.len() != 2
        || ![hour, minute, second, fraction].into_iter().all(all_digits)
    {
        return None;
    }
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Some(NaiveTime::from_hms_micro_opt(
        hour.parse().ok()?,
        minute.parse().ok()?,
        second.parse().ok()?,
        micros.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        match Kind::of_plain(text).construct(text) {
            Ok(value) => proplist::repr(&value),
            Err(error) => error,
        }
    }

    /// Each pair was printed by `yaml.full_load` of `PyYAML` 6.0.3.
    #[test]
    fn words_mean_what_pyyaml_says() {
        for (text, value) in [
            ("yes", "True"),
            ("Off", "False"),
            ("y", "'y'"),
            ("TRUE", "True"),
            ("017", "15"),
            ("0755", "493"),
            ("08", "'08'"),
            ("0", "0"),
            ("-0x1F", "-31"),
            ("0b1_01", "5"),
            ("1_000", "1000"),
            ("1:30", "90"),
            ("190:20:30", "685230"),
            ("1:60", "'1:60'"),
            ("190:20:30.15", "685230.15"),
            ("2.3", "2.3"),
            ("2.", "2.0"),
            (".5", "0.5"),
            ("-.5", "'-.5'"),
            ("1e5", "'1e5'"),
            ("1.0e5", "'1.0e5'"),
            ("1.0e+5", "100000.0"),
            ("1.2.3", "'1.2.3'"),
            ("-.inf", "-inf"),
            (".NaN", "nan"),
            ("~", "None"),
            ("", "None"),
            ("NULL", "None"),
            ("nULL", "'nULL'"),
            ("0o17", "'0o17'"),
            ("+12", "12"),
            ("2024-01-02", "datetime.datetime(2024, 1, 2, 0, 0)"),
            ("2024-1-2", "'2024-1-2'"),
            ("2024-1-2 3:04:05", "datetime.datetime(2024, 1, 2, 3, 4, 5)"),
            (
                "2001-12-14t21:59:43.10-05:00",
                "datetime.datetime(2001, 12, 15, 2, 59, 43)",
            ),
            ("2024-02-31", "`2024-02-31` is not a date"),
            ("=", "'='"),
            ("12e03", "'12e03'"),
            ("-", "'-'"),
            ("_1", "'_1'"),
        ] {
            assert_eq!(plain(text), value, "{text}");
        }
    }
}
