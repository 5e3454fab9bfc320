//! Why update metadata cannot be kept.

use std::fmt;

use evidence::KeyError;
use model::FailureClass;

use super::Online;
use crate::RepositoryError;

/// Why update metadata cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// There is no root yet.
    #[error("there is no update metadata (TUF) of this repository yet: nobody has made its root")]
    NoRoot,
    /// There is a root already.
    #[error(
        "there is update metadata (TUF) of this repository already: its root has version {version}"
    )]
    HasRoot {
        /// The version of the last one.
        version: u64,
    },
    /// The root has expired, or is about to, and its key is not here.
    #[error(
        "the root of the update metadata (TUF) has expired at {expired}, and is to be signed by keys that are not here"
    )]
    RootExpired {
        /// When.
        expired: String,
    },
    /// The key of a role is not the one that the root names.
    #[error(
        "the root of the update metadata (TUF) names key {named} for `{role}`, which is not here"
    )]
    NoKey {
        /// The role.
        role: Online,
        /// The name of the key.
        named: String,
    },
    /// A root cannot be taken.
    #[error("this root cannot be taken: {why}")]
    Root {
        /// What is wrong with it.
        why: String,
    },
    /// A file of metadata is none.
    #[error("`{name}` is no update metadata (TUF): {why}")]
    Metadata {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The repository, or the folder of the keys, cannot be read or written.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl TufError {
    /// The class of the failure.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::NoRoot
            | Self::HasRoot { .. }
            | Self::RootExpired { .. }
            | Self::NoKey { .. }
            | Self::Root { .. }
            | Self::Key(_) => FailureClass::Configuration,
            Self::Metadata { .. } | Self::Repository(_) => FailureClass::Publish,
        }
    }

    pub(super) fn metadata(name: &str, why: &dyn fmt::Display) -> Self {
        Self::Metadata {
            name: name.to_owned(),
            why: why.to_string(),
        }
    }

    pub(super) fn root(why: impl Into<String>) -> Self {
        Self::Root { why: why.into() }
    }
}
