//! Why something could not be fetched.

use std::{error::Error, io, path::PathBuf, time::Duration};

use model::{FailureClass, Retry};
use redact::SafeUrl;

use crate::Renewal;

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// What was given is not an address.
    #[error("{given} is not an address that can be fetched")]
    Address {
        /// What may be shown of it.
        given: SafeUrl,
    },
    /// The connection could not be made, or broke before an answer came.
    #[error("could not reach {url}")]
    Connect {
        /// Where.
        url: SafeUrl,
        /// The client's own error, without the address.
        source: reqwest::Error,
    },
    /// The transfer ended too early.
    #[error("the transfer of {url} was cut after {received_bytes} bytes")]
    Cut {
        /// Where.
        url: SafeUrl,
        /// How many bytes had come, all attempts together.
        received_bytes: u64,
        /// How many were announced.
        announced_bytes: Option<u64>,
        /// The client's own error, without the address.
        source: Option<reqwest::Error>,
    },
    /// An encrypted address redirects to one that is not.
    #[error("{from} redirects to {to}, which is not encrypted")]
    Downgrade {
        /// Where it was asked.
        from: SafeUrl,
        /// Where it was sent.
        to: SafeUrl,
    },
    /// A file of this machine could not be read or written.
    #[error("cannot read or write `{}`", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A request header cannot be sent as it is.
    #[error("the request header `{name}` has a name or value that cannot be sent")]
    Header {
        /// Its name.
        name: String,
    },
    /// More or fewer bytes came than were announced.
    #[error("{url} announced {announced_bytes} bytes and sent {received_bytes}")]
    Length {
        /// Where.
        url: SafeUrl,
        /// How many bytes were announced.
        announced_bytes: u64,
        /// How many came.
        received_bytes: u64,
    },
    /// Somebody else is downloading to the same place.
    #[error("another download is writing `{}`", path.display())]
    Locked {
        /// The partial file.
        path: PathBuf,
    },
    /// An option of curl that is not understood natively, or never will be.
    #[error("the curl option `{option}` {why}")]
    Option {
        /// The option as written.
        option: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The address is not encrypted, and nothing in the plan would notice another file.
    #[error("{url} is not encrypted, and the recipe pins neither a checksum nor a signature")]
    PlainHttp {
        /// Where.
        url: SafeUrl,
    },
    /// A processor in the sandbox asks without encryption for what no pin vouches for.
    #[error(
        "{url} is not encrypted, and for a processor in the sandbox {why}; name the host in `fetch.plain-http-hosts` \
         if it may be asked all the same"
    )]
    PlainHttpInside {
        /// Where.
        url: SafeUrl,
        /// What is not done.
        why: &'static str,
    },
    /// The server answered that we have asked enough for now.
    #[error("{url} answered {status}: what it lets us ask is spent {renewal}")]
    RateLimited {
        /// Where.
        url: SafeUrl,
        /// The status code: 429, or 403.
        status: u16,
        /// When it lets us ask again.
        renewal: Renewal,
    },
    /// Too many redirects.
    #[error("{url} redirects more than {limit} times")]
    Redirects {
        /// Where the chain began.
        url: SafeUrl,
        /// How many are followed.
        limit: usize,
    },
    /// The address is of a kind that is not fetched.
    #[error("`{scheme}` addresses are not fetched ({url})")]
    Scheme {
        /// Its scheme.
        scheme: String,
        /// Where.
        url: SafeUrl,
    },
    /// The server answered, but with a refusal.
    #[error("{url} answered {status}")]
    Status {
        /// Where.
        url: SafeUrl,
        /// The status code.
        status: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// Nothing came for too long, or the whole took too long.
    #[error("{what} {url} took longer than {} s", limit.as_secs_f32())]
    TimedOut {
        /// What was done: `connecting to`, `reading`, `fetching`.
        what: &'static str,
        /// Where.
        url: SafeUrl,
        /// The limit.
        limit: Duration,
    },
    /// No trusted encrypted connection could be made.
    #[error("no trusted connection to {url} could be made")]
    Tls {
        /// Where.
        url: SafeUrl,
        /// The client's own error, without the address.
        source: reqwest::Error,
    },
    /// The answer is larger than allowed.
    #[error("{url} is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// Where.
        url: SafeUrl,
        /// The limit.
        limit_bytes: u64,
    },
    /// The client could not be set up.
    #[error("the HTTP client could not be set up")]
    Setup(#[source] reqwest::Error),
    /// The task that writes the file was stopped.
    #[error("the writing of `{}` was interrupted", path.display())]
    Interrupted {
        /// Which file.
        path: PathBuf,
    },
}

impl FetchError {
    /// What kind of failure it is.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::RateLimited { .. } => FailureClass::RateLimited,
            Self::TimedOut { .. } => FailureClass::Timeout,
            Self::Address { .. }
            | Self::Header { .. }
            | Self::Option { .. }
            | Self::PlainHttp { .. }
            | Self::PlainHttpInside { .. }
            | Self::Scheme { .. } => FailureClass::Configuration,
            Self::Connect { .. }
            | Self::Cut { .. }
            | Self::Downgrade { .. }
            | Self::Length { .. }
            | Self::Redirects { .. }
            | Self::Status { .. }
            | Self::Tls { .. }
            | Self::TooLarge { .. } => FailureClass::Download,
            Self::File { .. } | Self::Interrupted { .. } | Self::Locked { .. } | Self::Setup(_) => {
                FailureClass::Internal
            }
        }
    }

    /// Whether asking again may help.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Connect { .. }
            | Self::Cut { .. }
            | Self::Length { .. }
            | Self::TimedOut { .. }
            | Self::RateLimited { status: 429, .. }
            | Self::Status {
                status: 408 | 425 | 500 | 502 | 503 | 504,
                ..
            } => Retry::Later,
            Self::Address { .. }
            | Self::Downgrade { .. }
            | Self::File { .. }
            | Self::Header { .. }
            | Self::Interrupted { .. }
            | Self::Locked { .. }
            | Self::Option { .. }
            | Self::PlainHttp { .. }
            | Self::PlainHttpInside { .. }
            | Self::RateLimited { .. }
            | Self::Redirects { .. }
            | Self::Scheme { .. }
            | Self::Setup(_)
            | Self::Status { .. }
            | Self::Tls { .. }
            | Self::TooLarge { .. } => Retry::Never,
        }
    }

    /// How long the server asks to wait.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::RateLimited { renewal, .. } => renewal.wait(),
            _ => None,
        }
    }

    /// The text that curl would have printed, where there is one that recipes' authors know: `AutoPkg` shows it as
    /// the step's error. Otherwise this error's own text.
    pub fn curl_text(&self) -> String {
        match self {
            Self::Status { status, .. } | Self::RateLimited { status, .. } => {
                format!("curl: (22) The requested URL returned error: {status}")
            }
            Self::Scheme { scheme, .. } => {
                format!("curl: (1) Protocol \"{scheme}\" not supported")
            }
            Self::Redirects { limit, .. } => {
                format!("curl: (47) Maximum ({limit}) redirects followed")
            }
            Self::Connect { source, .. } if looks_like_resolver(source) => {
                format!("curl: (6) Could not resolve host ({self})")
            }
            Self::Connect { .. } => format!("curl: (7) Failed to connect ({self})"),
            Self::Cut { .. } | Self::Length { .. } => format!("curl: (18) {self}"),
            Self::TimedOut { .. } => format!("curl: (28) Operation timed out ({self})"),
            Self::Tls { .. } => format!("curl: (60) SSL certificate problem ({self})"),
            Self::TooLarge { .. } => format!("curl: (63) Maximum file size exceeded ({self})"),
            other => other.to_string(),
        }
    }
}

/// The resolver's failure has no type of its own in the client's chain of errors, only a text.
fn looks_like_resolver(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.to_string().starts_with("dns error"))
}

/// The error, and what is under it.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}
