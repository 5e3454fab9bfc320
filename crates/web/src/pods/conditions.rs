//! Conditions and ranges of requests.
//!
//! # Source
//! RFC 9110 §13 (conditional requests, and in which order they count) and §14 (ranges).

use std::time::SystemTime;

use axum::http::{HeaderMap, HeaderName, header};
use tenancy::pods::{Contents, Exhibit};

/// A part of something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Part {
    /// Its first byte.
    pub(super) from: u64,
    /// How many bytes it has.
    pub(super) len: u64,
}

/// What to answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The range begins behind the end.
    Beyond,
    /// A condition that was to hold does not.
    Failed,
    Range(Part),
    /// Who asks has it already.
    Unchanged,
    Whole(Part),
}

/// What to answer to a request with these headers, of something that is there.
pub(super) fn judge(asked: &HeaderMap, exhibit: &Exhibit) -> Verdict {
    let look = &exhibit.look;
    let modified = look.modified.as_secs();
    let holds = match text(asked, header::IF_MATCH) {
        Some(tags) => matches(&tags, &look.tag, Comparison::Strong),
        None => seconds(asked, header::IF_UNMODIFIED_SINCE).is_none_or(|since| modified <= since),
    };
    if !holds {
        return Verdict::Failed;
    }
    // What was made for the view may change without its source.
    let is_stored = matches!(exhibit.contents, Contents::Stored { .. });
    let has_it = match text(asked, header::IF_NONE_MATCH) {
        Some(tags) => matches(&tags, &look.tag, Comparison::Weak),
        None => seconds(asked, header::IF_MODIFIED_SINCE)
            .is_some_and(|since| is_stored && modified <= since),
    };
    if has_it {
        return Verdict::Unchanged;
    }
    let whole = Verdict::Whole(Part {
        from: 0,
        len: look.len_bytes,
    });
    let Some(range) = text(asked, header::RANGE) else {
        return whole;
    };
    let is_of_this = text(asked, header::IF_RANGE).is_none_or(|condition| {
        // A date would hold for two versions of one second.
        matches(&condition, &look.tag, Comparison::Strong)
    });
    if !is_of_this {
        return whole;
    }
    part_of(&range, look.len_bytes).unwrap_or(whole)
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a tag is among those that are listed.
fn matches(listed: &str, tag: &str, comparison: Comparison) -> bool {
    listed.split(',').map(str::trim).any(|listed| {
        let strong = match comparison {
            Comparison::Weak => listed.strip_prefix("W/").unwrap_or(listed),
            Comparison::Strong => listed,
        };
        let inner = strong.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        listed == "*" || inner == Some(tag)
    })
}

/// The one part that is asked for, unless it begins behind the end; nothing if none, several or no bytes are asked for.
fn part_of(range: &str, len: u64) -> Option<Verdict> {
    let (first, last) = range
        .trim()
        .strip_prefix("bytes=")?
        .trim()
        .split_once('-')?;
    let (from, end) = if first.is_empty() {
        (len.saturating_sub(number(last)?), len)
    } else {
        let from = number(first)?;
        let last = match last {
            "" => u64::MAX,
            last => number(last)?,
        };
        if last < from {
            return None;
        }
        (from, last.saturating_add(1).min(len))
    };
    let part = Part {
        from,
        len: end.saturating_sub(from),
    };
    Some(match part.len {
        0 => Verdict::Beyond,
        _ => Verdict::Range(part),
    })
}

/// Digits and nothing else; more than can be counted is the end.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// What stands in all headers of a name, as one list.
fn text(asked: &HeaderMap, name: HeaderName) -> Option<String> {
    let values = asked.get_all(name);
    let values: Option<Vec<&str>> = values.iter().map(|value| value.to_str().ok()).collect();
    values
        .filter(|values| !values.is_empty())
        .map(|values| values.join(","))
}

/// A time in a header, in seconds since 1970; one that cannot be read does not count.
fn seconds(asked: &HeaderMap, name: HeaderName) -> Option<i64> {
    let time = httpdate::parse_http_date(&text(asked, name)?).ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use publication::{Kind, Look};

    use super::*;

    const THEN: &str = "Fri, 15 Jan 2027 08:00:00 GMT";

    fn verdict(headers: &[(&str, &str)]) -> Verdict {
        let exhibit = Exhibit {
            look: Look {
                len_bytes: 100,
                modified: Timestamp::from_secs(1_800_000_000),
                tag: "abc".to_owned(),
            },
            kind: Kind::Pkgs,
            contents: Contents::Stored {
                location: "a".to_owned(),
            },
        };
        let mut asked = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            asked.append(name, value.parse().unwrap());
        }
        judge(&asked, &exhibit)
    }

    const WHOLE: Verdict = Verdict::Whole(Part { from: 0, len: 100 });

    const fn range(from: u64, len: u64) -> Verdict {
        Verdict::Range(Part { from, len })
    }

    #[test]
    fn ranges_are_cut_as_the_standard_says() {
        for (asked, expected) in [
            ("bytes=0-0", range(0, 1)),
            ("bytes=10-19", range(10, 10)),
            ("bytes=90-", range(90, 10)),
            ("bytes=90-500", range(90, 10)),
            ("bytes=-10", range(90, 10)),
            ("bytes=-500", range(0, 100)),
            ("bytes=0-99999999999999999999999", range(0, 100)),
            ("bytes=100-", Verdict::Beyond),
            ("bytes=99999999999999999999999-", Verdict::Beyond),
            ("bytes=-0", Verdict::Beyond),
            ("bytes=5-4", WHOLE),
            ("bytes=0-1,5-6", WHOLE),
            ("bytes=a-b", WHOLE),
            ("bytes=+1-2", WHOLE),
            ("bytes=-", WHOLE),
            ("bytes=", WHOLE),
            ("items=0-1", WHOLE),
        ] {
            assert_eq!(verdict(&[("range", asked)]), expected, "{asked}");
        }
    }

    #[test]
    fn conditions_count_in_their_order() {
        let later = "Fri, 15 Jan 2027 08:00:01 GMT";
        let earlier = "Fri, 15 Jan 2027 07:59:59 GMT";
        let first = ("range", "bytes=0-0");
        let cases: [(&[(&str, &str)], Verdict); 17] = [
            (&[], WHOLE),
            (&[("if-none-match", "\"abc\"")], Verdict::Unchanged),
            (&[("if-none-match", "W/\"abc\"")], Verdict::Unchanged),
            (&[("if-none-match", "\"x\", \"abc\"")], Verdict::Unchanged),
            (&[("if-none-match", "*")], Verdict::Unchanged),
            (&[("if-none-match", "\"x\"")], WHOLE),
            (
                &[("if-none-match", "\"x\""), ("if-modified-since", later)],
                WHOLE,
            ),
            (&[("if-modified-since", THEN)], Verdict::Unchanged),
            (&[("if-modified-since", earlier)], WHOLE),
            (&[("if-modified-since", "yesterday")], WHOLE),
            (&[("if-match", "\"x\"")], Verdict::Failed),
            (&[("if-match", "W/\"abc\"")], Verdict::Failed),
            (&[("if-match", "\"abc\"")], WHOLE),
            (&[("if-unmodified-since", earlier)], Verdict::Failed),
            (&[first, ("if-range", "\"abc\"")], range(0, 1)),
            (&[first, ("if-range", "\"x\"")], WHOLE),
            (&[first, ("if-range", THEN)], WHOLE),
        ];
        for (headers, expected) in cases {
            assert_eq!(verdict(headers), expected, "{headers:?}");
        }
    }
}
