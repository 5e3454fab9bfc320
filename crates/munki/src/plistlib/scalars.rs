//! Numbers, dates and data as Python reads them, and its words for what is none.

use chrono::NaiveDate;
use proplist::{Value, repr};

fn quoted(text: &str) -> String {
    repr(&Value::from(text))
}

/// `int(…)`: spaces around it and single underscores between digits are fine.
pub(super) fn integer(text: &str) -> Result<Value, String> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hex {
        Some(digits) => (digits.trim_end(), 16),
        None => (text.trim(), 10),
    };
    let bare = digits.trim_start_matches(['+', '-']);
    let has_sign = radix == 10 && bare.len().checked_add(1) == Some(digits.len());
    let sound = (has_sign || bare.len() == digits.len()) && are_apart(bare);
    let number = sound
        .then(|| i128::from_str_radix(&digits.replace('_', ""), radix).ok())
        .flatten();
    number.map(Value::Integer).ok_or_else(|| {
        format!(
            "invalid literal for int() with base {radix}: {}",
            quoted(text)
        )
    })
}

/// Whether underscores stand between digits only.
fn are_apart(digits: &str) -> bool {
    !digits.is_empty() && digits.split('_').all(|part| !part.is_empty())
}

/// `float(…)`.
pub(super) fn real(text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    let sound = are_apart(trimmed);
    let number = sound
        .then(|| trimmed.replace('_', "").parse().ok())
        .flatten();
    number
        .map(Value::Real)
        .ok_or_else(|| format!("could not convert string to float: {}", quoted(text)))
}

/// What Munki 6 says of text that is no date: its error handler fails.
const NO_DATE: &str = "module 'plistlib' has no attribute 'readPlistFromString'";

/// A date as `plistlib` matches it: `YYYY-MM-DDTHH:MM:SSZ`, from the right as short as one likes; what follows the
/// `Z` is of no interest.
pub(super) fn date(text: &str) -> Result<Value, String> {
    let parts = date_parts(text).ok_or(NO_DATE)?;
    let at = |index: usize| parts.get(index).copied();
    let (Some(year), Some(month), Some(day)) = (at(0), at(1), at(2)) else {
        let missing = if parts.len() == 1 {
            "'month' (pos 2)"
        } else {
            "'day' (pos 3)"
        };
        return Err(format!("function missing required argument {missing}"));
    };
    let time = |index: usize, what: &str, largest: u32| match at(index).unwrap_or(0) {
        number if number <= largest => Ok(number),
        _ => Err(format!("{what} must be in 0..{largest}")),
    };
    if year == 0 {
        return Err("year 0 is out of range".to_owned());
    }
    if !(1..=12).contains(&month) {
        return Err("month must be in 1..12".to_owned());
    }
    let day = i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .ok_or("day is out of range for month")?;
    let (hour, minute, second) = (
        time(3, "hour", 23)?,
        time(4, "minute", 59)?,
        time(5, "second", 59)?,
    );
    let moment = day.and_hms_opt(hour, minute, second).ok_or(NO_DATE)?;
    Ok(Value::Date(moment.and_utc()))
}

/// Year, month and so on, as far as they are there.
fn date_parts(text: &str) -> Option<Vec<u32>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    for (separator, digits) in [("", 4), ("-", 2), ("-", 2), ("T", 2), (":", 2), (":", 2)] {
        if !parts.is_empty() && rest.starts_with('Z') {
            break;
        }
        let (number, after) = rest.strip_prefix(separator)?.split_at_checked(digits)?;
        let sound = number.bytes().all(|digit| digit.is_ascii_digit());
        parts.push(sound.then(|| number.parse().ok()).flatten()?);
        rest = after;
    }
    rest.starts_with('Z').then_some(parts)
}

/// `binascii.a2b_base64(…)`: what is no digit of it is passed over.
pub(super) fn data(text: &str) -> Result<Value, String> {
    let (mut bytes, mut bits, mut place, mut pads) = (Vec::new(), 0_u32, 0_u8, 0_u8);
    for letter in text.bytes() {
        if letter == b'=' {
            if place >= 2 {
                pads = pads.saturating_add(1);
                if place.saturating_add(pads) >= 4 {
                    place = 0;
                    break;
                }
            }
            continue;
        }
        let Some(digit) = base64_digit(letter) else {
            continue;
        };
        pads = 0;
        bits = (bits << 6) | u32::from(digit);
        // The second, third and fourth digit of four each complete a byte.
        let surplus = match place {
            0 => None,
            1 => Some(4),
            2 => Some(2),
            _ => Some(0),
        };
        if let Some(surplus) = surplus {
            let [.., byte] = (bits >> surplus).to_be_bytes();
            bytes.push(byte);
        }
        place = place.wrapping_add(1) % 4;
    }
    match place {
        0 => Ok(Value::Data(bytes)),
        1 => Err(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            (bytes.len() / 3).saturating_mul(4).saturating_add(1)
        )),
        _ => Err("Incorrect padding".to_owned()),
    }
}

const fn base64_digit(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter.wrapping_sub(b'A'),
        b'a'..=b'z' => letter.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => letter.wrapping_sub(b'0').wrapping_add(52),
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}
