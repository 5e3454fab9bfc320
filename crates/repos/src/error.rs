//! Why something could not be done with a repository.

use std::{io, path::PathBuf, time::Duration};

use redact::SafeUrl;

use crate::RepoAddress;

/// Why something could not be done with a repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepoError {
    /// What was given is no address of a repository.
    #[error("{given} is no address of a repository")]
    Address {
        /// What may be shown of it.
        given: SafeUrl,
    },
    /// The server wants to know who is asking. GitHub says so too of repositories that do not exist.
    #[error(
        "{address} does not exist, or asks for credentials that were not given or not accepted"
    )]
    Credentials {
        /// Where.
        address: RepoAddress,
    },
    /// The server is not the one that it says it is, or one that nobody has vouched for.
    #[error("{address} cannot be trusted to be what it says: {what}")]
    Certificate {
        /// Where.
        address: RepoAddress,
        /// What git says.
        what: String,
    },
    /// Both sides have commits that the other has not.
    #[error(
        "`{}` cannot be moved forward: it has {ahead} commits that its origin has not, and lacks {behind}",
        folder.display()
    )]
    Diverged {
        /// The repository.
        folder: PathBuf,
        /// How many commits only this side has.
        ahead: usize,
        /// How many commits only the origin has.
        behind: usize,
    },
    /// It has no commit yet, and so no branch to follow.
    #[error("{address} has no commits yet")]
    Empty {
        /// Where.
        address: RepoAddress,
    },
    /// Something else lies where the repository should be kept.
    #[error("{} exists and is not a git repo!", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder could not be read, written or removed.
    #[error("cannot use `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Git could not do it for another reason.
    #[error("git failed on {what}: {why}")]
    Git {
        /// The folder or the address.
        what: String,
        /// What git says.
        why: String,
    },
    /// An update would overwrite what was changed by hand.
    #[error("`{}` has local changes that an update would overwrite: {}", folder.display(), files.join(", "))]
    LocalChanges {
        /// The repository.
        folder: PathBuf,
        /// Some of the files, relative to it.
        files: Vec<String>,
    },
    /// Somebody else is changing it, or was stopped while doing so.
    #[error("`{}` is locked by another git: {why}", folder.display())]
    Locked {
        /// The repository.
        folder: PathBuf,
        /// What git says, the lock's path included.
        why: String,
    },
    /// There is no repository.
    #[error("`{}` is no git repository", folder.display())]
    NotARepository {
        /// The folder.
        folder: PathBuf,
    },
    /// It does not follow a branch of another repository.
    #[error("`{}` does not follow a branch of another repository", folder.display())]
    NoUpstream {
        /// The repository.
        folder: PathBuf,
    },
    /// It belongs to another user, who could make git do things in our name.
    #[error("`{}` belongs to another user", folder.display())]
    Owner {
        /// The repository.
        folder: PathBuf,
    },
    /// The proxy that leads there refused.
    #[error("cannot reach {address}: {why}")]
    Proxy {
        /// Where.
        address: RepoAddress,
        /// What git says.
        why: String,
    },
    /// More is sent than any recipe repository holds.
    #[error("{address} sends more than {limit_bytes} bytes")]
    TooLarge {
        /// Where.
        address: RepoAddress,
        /// The limit.
        limit_bytes: u64,
    },
    /// Nothing came for too long, or everything together took too long.
    #[error("{address} did not answer, or did not finish, within {} s", waited.as_secs())]
    TimedOut {
        /// Where.
        address: RepoAddress,
        /// How long was waited.
        waited: Duration,
    },
    /// It could not be reached.
    #[error("cannot reach {address}: {why}")]
    Unreachable {
        /// Where.
        address: RepoAddress,
        /// What git says.
        why: String,
    },
}

impl RepoError {
    /// What to do next, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Certificate { address, .. } if address.expose().starts_with("ssh://") => {
                "connect to the host once with `ssh` and accept its key, then try again".to_owned()
            }
            Self::Credentials { address } if address.expose().starts_with("ssh://") => {
                "load your key into `ssh-agent`; keys with a passphrase cannot be used without it"
                    .to_owned()
            }
            Self::Credentials { .. } => {
                "check the spelling; for a private repository use its ssh address".to_owned()
            }
            Self::Diverged { folder, .. } => format!(
                "its history was rewritten, or somebody committed here: look at it, then `repo-delete` and `repo-add` `{}`",
                folder.display()
            ),
            Self::LocalChanges { folder, .. } => {
                format!(
                    "undo them with `git -C {} checkout -- .`, or commit them elsewhere",
                    folder.display()
                )
            }
            Self::Locked { .. } => "if no other git is running, remove the lock file".to_owned(),
            Self::Proxy { .. } => {
                "which proxy is asked, and its user and password, say `https_proxy` and git's `http.proxy`; `no_proxy` says for which hosts none is"
                    .to_owned()
            }
            Self::Owner { folder } => format!(
                "change its owner, or declare it safe: `git config --global --add safe.directory {}`",
                folder.display()
            ),
            _ => return None,
        })
    }
}
