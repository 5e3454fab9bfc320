//! Why a medium, or something in it, cannot be read.

use std::{
    io,
    path::{Path, PathBuf},
};

use wire::ParseError;

/// Why a medium, or something in it, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// A file of the host cannot be read or written.
    #[error("cannot read or write `{}`", path.display())]
    Host {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The medium is damaged or hostile.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A file inside a medium cannot be read to its end.
    #[error("`{path}` cannot be read")]
    Content {
        /// The path inside the medium.
        path: String,
        /// What the reader said.
        source: io::Error,
    },
    /// What is to be written has no place in the medium.
    #[error("`{path}` cannot be stored: {why}")]
    CannotStore {
        /// The path inside the medium.
        path: String,
        /// Why not.
        why: &'static str,
    },
    /// There is nothing at that path.
    #[error("there is no `{path}` in the medium")]
    NotFound {
        /// The path inside the medium.
        path: String,
    },
    /// Something is there, but of another kind.
    #[error("`{path}` is not a {expected}")]
    WrongKind {
        /// The path inside the medium.
        path: String,
        /// The kind that was needed: `file`, `folder`, `link`.
        expected: &'static str,
    },
    /// The medium is of no kind that is read here.
    #[error("{what} is not a kind of medium that can be opened")]
    Unknown {
        /// What was looked at, in words.
        what: String,
    },
    /// The medium is encrypted.
    #[error("{what} is encrypted, and no password was given")]
    Encrypted {
        /// What was looked at, in words.
        what: String,
    },
    /// The medium, or something in it, is encrypted in a way that is not decrypted here, whatever the password.
    #[error("{what} is encrypted with {how}, which is not decrypted here")]
    Locked {
        /// What was looked at, in words.
        what: String,
        /// The name of the encryption.
        how: &'static str,
    },
    /// The password that was given does not open the medium.
    #[error("the password is not that of {what}")]
    WrongPassword {
        /// What was looked at, in words.
        what: String,
    },
    /// A link leads out of the medium, or in a circle.
    #[error("the link `{path}` leads nowhere inside the medium")]
    LeadsOut {
        /// The path of the link.
        path: String,
    },
    /// The medium holds a name that would leave the folder it is extracted to.
    #[error("the entry `{path}` would be written outside the destination")]
    Escapes {
        /// The path as the medium has it.
        path: String,
    },
}

impl MediaError {
    /// A [`MediaError::Content`] for what reads a file of a medium.
    pub(crate) fn content(path: &str) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Content {
            path: path.to_owned(),
            source,
        }
    }

    /// A [`MediaError::Host`] for what reads or writes a file of the host.
    pub(crate) fn host(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Host {
            path: path.to_owned(),
            source,
        }
    }
}
