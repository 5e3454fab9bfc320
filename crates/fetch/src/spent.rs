//! Allowances of questions, and when a spent one is renewed.

use std::{fmt, time::Duration};

use model::{Retry, Timestamp};
use reqwest::{
    StatusCode,
    header::{self, HeaderMap, HeaderName},
};

use crate::{
    FetchError, Request,
    client::{header_text, retry_after},
};

/// From this number on a reset is a moment, in seconds since 1970; below it, seconds from now. (2001 and 31 years.)
const MOMENTS: i64 = 1_000_000_000;

/// When a server lets us ask again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renewal {
    /// After so long.
    After(Duration),
    /// From that moment on.
    At(Timestamp),
    /// It does not say.
    Unknown,
}

impl Renewal {
    /// What the headers of a refusal say, if it is an allowance that is spent.
    ///
    /// A 403 alone is none: it must say that nothing is left, or when to come again.
    ///
    /// # Source
    /// RFC 9110 §10.2.3 (`Retry-After`); RFC 6585 §4 (429); GitHub's REST documentation, "Rate limits for the REST API"
    /// (`x-ratelimit-remaining`, `x-ratelimit-reset`); draft-ietf-httpapi-ratelimit-headers-07 (`ratelimit-…`).
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let number = |names: [&'static str; 2]| {
            let mut names = names.into_iter().map(HeaderName::from_static);
            names.find_map(|name| header_text(headers, &name)?.trim().parse::<i64>().ok())
        };
        let is_used_up = number(["x-ratelimit-remaining", "ratelimit-remaining"]) == Some(0);
        let says_when = headers.contains_key(header::RETRY_AFTER);
        let is_spent = match status {
            StatusCode::TOO_MANY_REQUESTS => true,
            StatusCode::FORBIDDEN => is_used_up || says_when,
            _ => false,
        };
        if !is_spent {
            return None;
        }
        if let Some(wait) = retry_after(headers) {
            return Some(Self::After(wait));
        }
        let reset = number(["x-ratelimit-reset", "ratelimit-reset"]).filter(|_reset| is_used_up);
        Some(match reset {
            Some(moment) if moment >= MOMENTS => Self::At(Timestamp::from_secs(moment)),
            Some(seconds) => u64::try_from(seconds).map_or(Self::Unknown, |seconds| {
                Self::After(Duration::from_secs(seconds))
            }),
            None => Self::Unknown,
        })
    }

    /// How long to wait, where it is told as that.
    pub(crate) const fn wait(self) -> Option<Duration> {
        match self {
            Self::After(wait) => Some(wait),
            Self::At(_) | Self::Unknown => None,
        }
    }
}

/// As the end of a sentence.
impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(wait) => write!(f, "for {} s", wait.as_secs()),
            Self::At(moment) => write!(f, "until {moment}"),
            Self::Unknown => f.write_str("until a moment that it does not tell"),
        }
    }
}

/// The error that an answer with a bad status is.
pub(crate) fn refused(request: &Request, status: StatusCode, headers: &HeaderMap) -> FetchError {
    match Renewal::of(status, headers) {
        Some(renewal) => FetchError::RateLimited {
            url: request.shown(),
            status: status.as_u16(),
            renewal,
        },
        None => FetchError::Status {
            url: request.shown(),
            status: status.as_u16(),
            retry_after: retry_after(headers),
        },
    }
}

/// Whether it is the server's answer to what it was asked, and would be the same later.
pub(crate) fn is_answer(error: &FetchError) -> bool {
    matches!(error, FetchError::Status { status: 400.., .. }) && error.retry() == Retry::Never
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewal(status: u16, headers: &[(&'static str, &'static str)]) -> Option<String> {
        let headers = headers.iter().map(|&(name, value)| {
            (
                HeaderName::from_static(name),
                header::HeaderValue::from_static(value),
            )
        });
        let status = StatusCode::from_u16(status).unwrap();
        Renewal::of(status, &headers.collect()).map(|renewal| renewal.to_string())
    }

    #[test]
    fn a_spent_allowance_says_when_it_is_renewed() {
        let told = |told: &str| Some(told.to_owned());
        let github = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1764016320"),
        ];
        assert_eq!(renewal(403, &github), told("until 2025-11-24T20:32:00Z"));
        assert_eq!(renewal(429, &github), told("until 2025-11-24T20:32:00Z"));
        let draft = [("ratelimit-remaining", "0"), ("ratelimit-reset", "50")];
        assert_eq!(renewal(429, &draft), told("for 50 s"));
        assert_eq!(renewal(403, &[("retry-after", "90")]), told("for 90 s"));
        let untold = told("until a moment that it does not tell");
        assert_eq!(renewal(429, &[]), untold);
        assert_eq!(renewal(429, &[("retry-after", "soon")]), untold);
        let hostile = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "-5")];
        assert_eq!(renewal(403, &hostile), untold);
    }

    #[test]
    fn a_refusal_for_another_reason_is_none() {
        assert_eq!(renewal(403, &[]), None);
        let left = [
            ("x-ratelimit-remaining", "58"),
            ("x-ratelimit-reset", "1764016320"),
        ];
        assert_eq!(renewal(403, &left), None);
        assert_eq!(renewal(404, &[("x-ratelimit-remaining", "0")]), None);
        assert_eq!(renewal(503, &[("retry-after", "5")]), None);
    }
}
