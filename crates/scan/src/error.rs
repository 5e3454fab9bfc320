//! Why `VirusTotal` could not be asked.

use model::{FailureClass, Retry, Timestamp};
use redact::SafeUrl;
use store::StoreError;

/// Why `VirusTotal` could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// No answer came.
    #[error("VirusTotal did not answer when asked to {what}, at {url}")]
    Unreachable {
        /// What was asked: `look a file up`.
        what: &'static str,
        /// The address.
        url: SafeUrl,
        /// What the transport says, without the address.
        source: reqwest::Error,
    },
    /// It is there, but cannot serve now.
    #[error("VirusTotal cannot {what} now: it answered {status}")]
    Unavailable {
        /// What was asked.
        what: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The key is not accepted.
    #[error("VirusTotal does not accept the key: it answered {status} when asked to {what}")]
    WrongKey {
        /// What was asked.
        what: &'static str,
        /// The HTTP status: 401, or 403 for a right that the key does not have.
        status: u16,
    },
    /// There is no key.
    #[error("there is no key for VirusTotal")]
    NoKey,
    /// No further request may be made before a moment.
    #[error("the quota of requests to VirusTotal is spent until {until}")]
    QuotaSpent {
        /// The moment.
        until: Timestamp,
    },
    /// The file is larger than the service takes.
    #[error("{len_bytes} bytes are more than the {limit_bytes} that VirusTotal takes")]
    TooLarge {
        /// How large it is.
        len_bytes: u64,
        /// How large it may be.
        limit_bytes: u64,
    },
    /// It said no, for a reason we do not know.
    #[error("VirusTotal refused to {what}: it answered {status} {code}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// Its own word for the reason, shortened; empty if there was none.
        code: String,
    },
    /// The answer is not what the protocol says.
    #[error("VirusTotal's answer when asked to {what} cannot be read")]
    Unreadable {
        /// What was asked.
        what: &'static str,
        /// What the decoder says.
        source: serde_json::Error,
    },
    /// The answer is readable, but cannot be right.
    #[error("VirusTotal's answer when asked to {what} cannot be right: {why}")]
    Wrong {
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An address is one to which neither file nor key may go.
    #[error("{url} is no address for VirusTotal: {why}")]
    Address {
        /// The address.
        url: SafeUrl,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The client cannot be set up.
    #[error("the client for VirusTotal cannot be set up: {why}")]
    SetUp {
        /// What is wrong.
        why: &'static str,
        /// What the transport says, where it has anything to say.
        source: Option<reqwest::Error>,
    },
    /// The file to upload cannot be read.
    #[error("the file to upload cannot be read")]
    File {
        /// What the operating system says; it names the file.
        source: std::io::Error,
    },
    /// Another process took the upload over.
    #[error("the upload was taken over by another process")]
    TakenOver,
    /// The state could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ScanError {
    /// What kind of failure it is for a run that needed the answer.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Address { .. } | Self::NoKey | Self::SetUp { .. } | Self::WrongKey { .. } => {
                FailureClass::Configuration
            }
            Self::File { .. } | Self::Store(_) => FailureClass::Internal,
            Self::QuotaSpent { .. }
            | Self::Refused { .. }
            | Self::TakenOver
            | Self::TooLarge { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::Unreadable { .. }
            | Self::Wrong { .. } => FailureClass::ScanInconclusive,
        }
    }

    /// Whether asking again may help.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::QuotaSpent { .. }
            | Self::Store(_)
            | Self::TakenOver
            | Self::Unavailable { .. }
            | Self::Unreachable { .. } => Retry::Later,
            Self::Address { .. }
            | Self::File { .. }
            | Self::NoKey
            | Self::Refused { .. }
            | Self::SetUp { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::Wrong { .. }
            | Self::WrongKey { .. } => Retry::Never,
        }
    }
}
