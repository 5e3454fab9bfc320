//! Why a key, an envelope or the log cannot be used.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::KeyId;

/// Why evidence does not count, as a word that does not change.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Code {
    /// There is no such file.
    NoItem,
    /// There is nothing at all.
    NoEvidence,
    /// It is larger than anything that is written here.
    TooLarge,
    /// There are more lines, subjects or signatures than are ever written.
    TooMany,
    /// A line is no DSSE envelope.
    NoEnvelope,
    /// The envelope holds something else than what belongs there.
    PayloadType,
    /// It is signed by none of the keys that were given.
    UnknownKey,
    /// A signature that names a given key is not of that key.
    BadSignature,
    /// What was signed is no in-toto statement v1.
    NoStatement,
    /// No statement is about a file with this digest.
    SubjectMismatch,
    /// The file was published at another place in the repository.
    OtherPlace,
    /// A statement that the others belong to is missing, or one that it names.
    Incomplete,
    /// An entry of the log does not follow the one before it.
    BrokenChain,
    /// The log does not hold what a checkpoint says, or its end is gone.
    Checkpoint,
    /// An entry of the log, or a checkpoint, does not have the shape that it should.
    NoEntry,
}

impl Code {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoItem => "no-item",
            Self::NoEvidence => "no-evidence",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many",
            Self::NoEnvelope => "no-envelope",
            Self::PayloadType => "payload-type",
            Self::UnknownKey => "unknown-key",
            Self::BadSignature => "bad-signature",
            Self::NoStatement => "no-statement",
            Self::SubjectMismatch => "subject-mismatch",
            Self::OtherPlace => "other-place",
            Self::Incomplete => "incomplete",
            Self::BrokenChain => "broken-chain",
            Self::Checkpoint => "checkpoint",
            Self::NoEntry => "no-entry",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something does not count.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// The reason, for programs.
    pub code: Code,
    /// The reason, for people. Nothing of an envelope that is not signed by a trusted key is in it.
    pub detail: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is no key of the kind that is needed.
    #[error("{wanted} is needed: {why}")]
    Unreadable {
        /// What is needed.
        wanted: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A key in a file cannot be used.
    #[error("the key file `{}` cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with what it holds.
        source: Box<Self>,
    },
    /// Others could read the private key.
    #[error("the private key `{}` has mode {mode:03o}, so that others may use it; make it 600", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Somebody else could exchange the private key.
    #[error("the private key `{}` belongs to user {owner}, not to the user of this program or to root", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The number of the user to whom it belongs.
        owner: u32,
    },
    /// What lies there is no file, or too large for a key.
    #[error("`{}` is no key file: {why}", path.display())]
    NoFile {
        /// What was looked at.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// The system refuses.
    #[error("cannot read or write the key file `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The system gives no random numbers.
    #[error("no key can be made, because the system gives no random numbers: {0}")]
    Random(String),
}

impl KeyError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether there is no such file.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self::File {
            path: path.to_owned(),
            source: Box::new(self),
        }
    }
}

/// Why nothing can be added to the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// It is not as this program left it.
    #[error("the publication log `{}` was changed by somebody else, so nothing is added to it", path.display())]
    Altered {
        /// The log.
        path: PathBuf,
        /// What is wrong.
        source: Refusal,
    },
    /// Another key has to sign.
    #[error("the publication log `{}` is signed by key {expected}, not by key {found}", path.display())]
    OtherKey {
        /// The log.
        path: PathBuf,
        /// Which key the last entry is of, or hands over to.
        expected: KeyId,
        /// The key that was to sign.
        found: KeyId,
    },
    /// The system refuses.
    #[error("cannot read or write the publication log `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl LogError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
