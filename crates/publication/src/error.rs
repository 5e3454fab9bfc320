//! Why a repository cannot be read or written, and why a publication failed.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use evidence::LogError;
use model::{ChangeSetId, FailureClass, Retry, Sha256};

use crate::Kind;

/// Why a repository cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// There is no repository.
    #[error("there is no repository at `{}`", path.display())]
    NoRepository {
        /// Where it was looked for.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is nothing at that location.
    #[error("there is no `{kind}/{location}` in the repository")]
    NotFound {
        /// Of what kind.
        kind: Kind,
        /// Where.
        location: String,
    },
    /// The location would not stay in the repository, or nobody would see what is there.
    #[error("`{location}` cannot be a location in a repository: {why}")]
    Location {
        /// The location, control characters escaped.
        location: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// A link leads out of the repository.
    #[error("`{}` leads out of the repository", path.display())]
    Escapes {
        /// Where the link was met.
        path: PathBuf,
    },
    /// The disk has no room left, or the user's quota is spent.
    #[error("there is no room left to write `{}`", path.display())]
    DiskFull {
        /// What was to be written.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The repository may be read only, or something in it not even be read.
    #[error("{}", refused(path, source))]
    ReadOnly {
        /// What was to be read or written.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Anything else that the system refuses.
    #[error("cannot read or write `{}`", path.display())]
    Io {
        /// What was to be read or written.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// An object store does not do what it is asked, or does not answer.
    #[error("the object store fails at `{name}`")]
    Store {
        /// The object, or what was done.
        name: String,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An object store does not let us.
    #[error(
        "the object store does not let us at `{name}`: check the credentials and what they may do"
    )]
    Denied {
        /// The object.
        name: String,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Somebody else has written at the same time.
    #[error("`{name}` was changed by somebody else at this very moment")]
    Conflict {
        /// The object.
        name: String,
    },
    /// The right to write was lost, since this process was too slow; nothing more is written.
    #[error(
        "another process has taken over the repository, since this one was silent for too long"
    )]
    LockLost,
    /// The right to write cannot be had.
    #[error("cannot lock the repository")]
    Lock(#[source] Box<dyn Error + Send + Sync>),
    /// A manifest is none, so that nobody knows what it names.
    #[error("`manifests/{location}` is no manifest: {why}")]
    NoManifest {
        /// Where it is, relative to `manifests/`.
        location: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file is no pkginfo.
    #[error("`pkgsinfo/{location}` is no pkginfo: {why}")]
    NoPkginfo {
        /// Where it is or goes, relative to `pkgsinfo/`.
        location: String,
        /// What is wrong with it.
        why: String,
    },
    /// A property list cannot be written.
    #[error("cannot write the property list `{kind}/{location}`")]
    Plist {
        /// Of what kind.
        kind: Kind,
        /// Where.
        location: String,
        /// The writer's own words.
        source: proplist::WriteError,
    },
}

impl RepositoryError {
    /// The error for what an object store said of `name`.
    pub(crate) fn store<E: Error + Send + Sync + 'static>(
        name: &str,
    ) -> impl FnOnce(E) -> Self + use<E> {
        let name = name.to_owned();
        move |error| Self::Store {
            name,
            source: Box::new(error),
        }
    }

    /// The error for what the system said of `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, source }
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly { path, source }
            }
            _ => Self::Io { path, source },
        }
    }
}

/// Why a publication failed. But for [`PublishError::Stuck`], the repository is then as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Something else is there already.
    #[error(
        "`{kind}/{location}` is there already with other bytes: SHA-256 {found} instead of {expected}"
    )]
    Occupied {
        /// Of what kind.
        kind: Kind,
        /// Where.
        location: String,
        /// What was to be published.
        expected: Sha256,
        /// What is there.
        found: Sha256,
    },
    /// What is to be replaced, removed or put back is not what it was.
    #[error(
        "`{kind}/{location}` was changed since: {} instead of SHA-256 {expected}; look at what is there now, and make \
         the change anew from it",
        there(found.as_ref())
    )]
    Changed {
        /// Of what kind.
        kind: Kind,
        /// Where.
        location: String,
        /// What was there.
        expected: Sha256,
        /// What is there, if something is.
        found: Option<Sha256>,
    },
    /// Something else is where what was removed is to be put back.
    #[error(
        "`{kind}/{location}` was removed and cannot be put back, since something else is there: {}; remove that first",
        there(found.as_ref())
    )]
    TakenSince {
        /// Of what kind.
        kind: Kind,
        /// Where.
        location: String,
        /// What is there.
        found: Option<Sha256>,
    },
    /// A change set wants two things of one file.
    #[error("the change set names `{kind}/{location}` twice")]
    NamedTwice {
        /// Of what kind.
        kind: Kind,
        /// Where.
        location: String,
    },
    /// A pkginfo that stays names a package that is to go.
    #[error(
        "`pkgs/{location}` cannot be removed, since `pkgsinfo/{pkginfo}` names it; remove that together with it, or \
         let both stay"
    )]
    StillNamed {
        /// Where the package is, relative to `pkgs/`.
        location: String,
        /// Where the pkginfo is, relative to `pkgsinfo/`.
        pkginfo: String,
    },
    /// Nothing is kept that could be put back.
    #[error(
        "nothing is kept of what the change set {id} replaced and removed: there was nothing, or it was purged"
    )]
    NotKept {
        /// The change set's name.
        id: ChangeSetId,
    },
    /// A newer version of this program has written a journal.
    #[error(
        "the journal `{}` has shape {schema}, which this version does not know; let the version that wrote it finish \
         the publication",
        path.display()
    )]
    NewerJournal {
        /// The journal.
        path: PathBuf,
        /// Its shape.
        schema: u32,
    },
    /// A staged file is not what was staged.
    #[error("`{}` was changed after it was staged: SHA-256 {found} instead of {expected}", path.display())]
    Altered {
        /// The staged file.
        path: PathBuf,
        /// What was staged.
        expected: Sha256,
        /// What is there now.
        found: Sha256,
    },
    /// A staged file cannot be read.
    #[error("the staged file `{}` cannot be read", path.display())]
    Staged {
        /// The staged file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The repository cannot be read or written.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The log of publications cannot be read or added to.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A journal of an interrupted publication cannot be understood.
    #[error("the journal `{}` cannot be understood; no publication is possible until it is", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// The reader's own words.
        source: serde_json::Error,
    },
    /// It failed, and could not be undone; the journal stays, and the next recovery tries again.
    #[error(
        "the publication failed ({undo}) and could not be undone; it will be when the cause is gone"
    )]
    Stuck {
        /// Why it failed.
        #[source]
        cause: Box<Self>,
        /// Why it could not be undone, in words.
        undo: String,
    },
}

impl PublishError {
    /// What kind of failure it is.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Altered { .. } => FailureClass::Checksum,
            Self::Changed { .. }
            | Self::Journal { .. }
            | Self::Log(_)
            | Self::NamedTwice { .. }
            | Self::NewerJournal { .. }
            | Self::NotKept { .. }
            | Self::Occupied { .. }
            | Self::Repository(_)
            | Self::Staged { .. }
            | Self::StillNamed { .. }
            | Self::Stuck { .. }
            | Self::TakenSince { .. } => FailureClass::Publish,
        }
    }

    /// Whether trying again may help without anybody doing anything.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Repository(
                RepositoryError::DiskFull { .. }
                | RepositoryError::ReadOnly { .. }
                | RepositoryError::Store { .. }
                | RepositoryError::Denied { .. }
                | RepositoryError::Conflict { .. }
                | RepositoryError::Lock(_)
                | RepositoryError::LockLost
                | RepositoryError::Io { .. },
            )
            | Self::Stuck { .. } => Retry::Later,
            Self::Altered { .. }
            | Self::Changed { .. }
            | Self::Journal { .. }
            | Self::Log(_)
            | Self::NamedTwice { .. }
            | Self::NewerJournal { .. }
            | Self::NotKept { .. }
            | Self::Occupied { .. }
            | Self::Repository(_)
            | Self::Staged { .. }
            | Self::StillNamed { .. }
            | Self::TakenSince { .. } => Retry::Never,
        }
    }
}

/// The system refuses to let read and to let write with the same words, and only a file system that is read-only surely
/// refuses the latter.
fn refused(path: &Path, source: &io::Error) -> String {
    let path = path.display();
    if source.kind() == io::ErrorKind::ReadOnlyFilesystem {
        format!("`{path}` may not be written")
    } else {
        format!("there is no permission to read or write `{path}`")
    }
}

fn there(found: Option<&Sha256>) -> String {
    found.map_or_else(
        || "nothing is there".to_owned(),
        |sha256| format!("SHA-256 {sha256}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_read_is_not_said_to_be_written() {
        for (kind, told) in [
            (
                io::ErrorKind::PermissionDenied,
                "there is no permission to read or write `pkgsinfo/A`",
            ),
            (
                io::ErrorKind::ReadOnlyFilesystem,
                "`pkgsinfo/A` may not be written",
            ),
        ] {
            let error = RepositoryError::io(Path::new("pkgsinfo/A"), kind.into());
            assert_eq!(error.to_string(), told);
        }
    }
}
