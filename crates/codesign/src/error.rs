//! Why no judgement could be made.

use media::MediaError;
use wire::ParseError;

/// Why something could not be judged at all.
///
/// A signature that is missing, broken or foreign is not an error: it is a [`crate::Report`] that says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodesignError {
    /// The medium that holds the code cannot be read.
    #[error("`{path}` cannot be read")]
    Media {
        /// The path that was to be judged.
        path: String,
        /// What is wrong with the medium.
        source: MediaError,
    },
    /// A file ends early or cannot be read.
    #[error("`{path}` cannot be read")]
    Io {
        /// The file, as a path in its medium.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is no kind of thing that can carry a signature.
    #[error("`{path}` is not a kind of code that is judged here: {what}")]
    NotCode {
        /// The path that was to be judged.
        path: String,
        /// What was found instead, in words.
        what: String,
    },
    /// What the signature of a program claims cannot be found in it.
    #[error("the signature cannot be read: {what} ({code})")]
    Signature {
        /// One stable word, as in a report.
        code: &'static str,
        /// The same in words.
        what: String,
    },
    /// A certificate that is part of this program cannot be read.
    #[error("a built-in certificate cannot be read")]
    BuiltIn(#[source] ParseError),
}

impl CodesignError {
    /// The same in one stable word, as a check of a report has it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Media {
                source:
                    MediaError::Encrypted { .. }
                    | MediaError::Locked { .. }
                    | MediaError::WrongPassword { .. },
                ..
            } => "encrypted",
            Self::Media { .. } | Self::Io { .. } => "unreadable",
            Self::NotCode { .. } => "not-code",
            Self::Signature { code, .. } => code,
            Self::BuiltIn(_) => "malformed",
        }
    }
}
