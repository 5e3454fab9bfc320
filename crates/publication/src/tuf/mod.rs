//! Update metadata (TUF) of a repository: what a client needs to tell that catalogs, manifests, client resources and
//! the list of icon hashes are the ones that this service published, all of one time, and not an old time.
//!
//! # Words
//! - [`Tuf`] keeps the metadata: four files `root`, `targets`, `snapshot` and `timestamp` in `tuf/` of the repository.
//! - A **role** signs one of them with a key of its own. The [`Online`] roles sign by themselves, at every publication
//!   and before their word expires; `root` says which keys those are, and its own key may lie where no network is.
//! - **Roots** form a chain: each is signed by the keys of the one before it. A client that knows any of them finds the
//!   last one.
//! - [`verify`] does what a client does, step by step.
//!
//! # Why so
//! Snapshots are not *consistent* ones, in the word's meaning of the specification: Munki asks for files by fixed
//! names, so that what is signed must lie under these. A client that reads in the middle of a publication finds that
//! things do not belong together, keeps what it has, and asks again.
//!
//! Packages are no targets. Their digests stand in the catalogs, which are.
//!
//! # Invariants
//! - No version of a role is ever signed twice with other contents, nor is an older one signed after a newer: the last
//!   versions are kept beside the keys, so that a repository that was restored from a backup does not go back.
//! - What lies in `tuf/` is not believed: a root is taken from beside the keys, everything else by its signature.
//! - `timestamp.json` is written last, so that nothing is named before it is there.
//!
//! # Sources
//! The Update Framework Specification 1.0, sections 4 (formats) and 5 (client); metadata is written and read with the
//! crate `tough`. Keys are Ed25519 and are named by the SHA-256 of their canonical JSON (section 4.2).

mod client;
mod digests;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod metadata;
mod refresh;
mod roots;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use self::keys::Keys;
pub use self::{
    client::{FolderSource, Problem, Source, Verified, VerifyError, verify},
    error::TufError,
    keys::Online,
    refresh::{Refreshed, Signed},
    roots::{Adopted, Draft, RootDescription, RootPlan, SignedRoot, describe_root, sign_root},
};

/// The folder of the metadata, relative to the repository.
pub const FOLDER: &str = "tuf";

/// Keeps the update metadata of a repository.
#[derive(Clone, Debug)]
pub struct Tuf {
    keys: Keys,
    lifetimes: Lifetimes,
}

impl Tuf {
    /// Metadata that is signed with the keys in `folder`. None is made for this.
    pub fn new(folder: PathBuf, lifetimes: Lifetimes) -> Self {
        Self {
            keys: Keys::new(folder),
            lifetimes,
        }
    }
}

/// How long what a role signs may be believed. It is signed anew when half of that is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    /// Of `root`, which names the keys.
    pub root: Duration,
    /// Of `targets`, which names the files.
    pub targets: Duration,
    /// Of `snapshot`, which names the last `targets`.
    pub snapshot: Duration,
    /// Of `timestamp`, which names the last `snapshot`: how long nobody can be kept from something newer unnoticed.
    pub timestamp: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            root: Duration::from_hours(365 * 24),
            targets: Duration::from_hours(90 * 24),
            snapshot: Duration::from_hours(7 * 24),
            timestamp: Duration::from_hours(48),
        }
    }
}
