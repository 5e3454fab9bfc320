//! Change sets applied to a Munki repository: staged, journalled, whole or not at all.
//!
//! - **[`Repository`]**: where packages, pkginfos, icons and catalogs lie, seen as Munki's plug-ins see it.
//!   [`FolderRepository`] is a plain folder that Munki's own tools can use as well.
//! - **[`Staging`]**: the repository as it is, and what a run wants to add to it. Steps stage; only [`publish`]
//!   applies. **[`ChangeSet`]**: what was staged, by place, SHA-256 and length, so that it can wait in a database.
//! - **Journal**: `.auto-update/journal/ID.json` in the repository, written before the first visible change and
//!   removed after the last. [`recover`] finishes or undoes what a crash interrupted.
//!
//! [`publish`] first writes every byte into hidden files beside its place, checking each against the digest that
//! was staged, and only then renames them: packages, icons, evidence, pkginfos, catalogs,
//! in this order.
//!
//! **Invariants:**
//! - a catalog never names what is not there, at no moment and after no crash;
//! - nothing that is there with other bytes is overwritten, but catalogs and the list of icon hashes;
//! - publishing the same change set again changes nothing;
//! - one process at a time writes (a lock on `.auto-update/lock`);
//! - no link is followed out of the repository;
//! - staged bytes are read once while publishing, and never published under another digest.
//!
//! Sources: Munki 7's `Repo` protocol and `FileRepo`; `rename(2)`, `fsync(2)`, `flock(2)`.
#![forbid(unsafe_code)]

mod catalogs;
mod change_set;
mod check;
mod error;
mod folder;
mod journal;
mod lock;
mod plan;
mod publish;
mod recover;
mod repair;
mod repository;
mod staging;
#[cfg(test)]
mod tests;
pub mod tuf;
mod write;

pub use catalogs::{CatalogsMade, make_catalogs};
pub use change_set::{ChangeSet, StagedFile, StagedItem};
pub use check::{Checked, check};
pub use error::{PublishError, RepositoryError};
pub use folder::FolderRepository;
pub use plan::Disposition;
pub use publish::{Placement, Point, PublicationObserver, Published, Unobserved, publish};
pub use recover::{Outcome, Recovered, recover};
pub use repair::{Repairs, repair, repairs};
pub use repository::{Kind, Repository};
pub use staging::Staging;
