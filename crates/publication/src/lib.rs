//! Change sets applied to a Munki repository: staged, journalled, whole or not at all.
//!
//! - **[`Repository`]**: where packages, pkginfos, icons and catalogs lie, seen as Munki's plug-ins see it.
//!   [`FolderRepository`] is a plain folder that Munki's own tools can use as well.
//! - **[`Staging`]**: the repository as it is, and what a run wants to add to it. Steps stage; only [`publish`]
//!   applies. **[`ChangeSet`]**: what was staged, by place, SHA-256 and length, so that it can wait in a database.
//!   It may also replace what is there, and remove it, each only if it is what it was.
//! - **Journal**: `.auto-update/journal/ID.json` in the repository, written before the first visible change and
//!   removed after the last. [`recover`] finishes or undoes what a crash interrupted.
//! - **Trash**: `.auto-update/trash/ID/`, what a change set has replaced and removed, until it is purged.
//!   [`discarded`] lists it, [`revert_of`] makes the change set that takes the first one back.
//! - **[`Backend`]**: what all this needs of the place where a repository lies.
//!
//! [`publish`] first writes every byte into hidden files beside its place, checking each against the digest that
//! was staged, and only then renames them: packages, icons, evidence, pkginfos, then what is replaced, then catalogs.
//! What is to be removed goes last, pkginfos before their packages, when no catalog names it any more.
//!
//! **Invariants:**
//! - a catalog never names what is not there, at no moment and after no crash;
//! - nothing that is there with other bytes is overwritten, but catalogs, the list of icon hashes, and what a change
//!   set replaces knowing what it was;
//! - what a change set replaces or removes is kept before anything is changed;
//! - no package goes that a pkginfo names which stays;
//! - publishing the same change set again changes nothing;
//! - one process at a time writes (a lock on `.auto-update/lock`);
//! - no link is followed out of the repository;
//! - staged bytes are read once while publishing, and never published under another digest.
//!
//! Sources: Munki 7's `Repo` protocol and `FileRepo`; `rename(2)`, `fsync(2)`, `flock(2)`.
#![forbid(unsafe_code)]

mod backend;
mod beside;
mod carry_out;
mod catalogs;
mod change_set;
mod check;
mod checksum;
mod contents;
mod error;
mod folder;
mod in_order;
mod index;
mod journal;
mod noted;
mod object;
mod plan;
mod point;
mod publish;
mod recover;
mod repair;
mod repository;
mod retention;
mod rings;
mod shelf;
mod staging;
#[cfg(test)]
mod tests;
mod trash;
pub mod tuf;
mod undo;
mod write;

pub use backend::{Backend, Each, Held, Look, Part, Reader, Readers, Seen};
pub use catalogs::{CatalogsMade, make_catalogs};
pub use change_set::{ChangeSet, Removal, Replacement, StagedFile, StagedItem};
pub use check::{Checked, check};
pub use error::{PublishError, RepositoryError};
pub use folder::FolderRepository;
pub use index::Stamp;
pub use object::{Locks, ObjectAddress, ObjectRepository, ObjectSettings, Provider};
pub use plan::Disposition;
pub use point::{Point, PublicationObserver, Unobserved};
pub use publish::{Placement, Published, publish};
pub use recover::{Outcome, Recovered, recover};
pub use repair::{Repairs, repair, repairs};
pub use repository::{Kind, Repository};
pub use retention::{Reason, Retention, Superfluous, superfluous};
pub use rings::{
    Exception, HandError, Move, Ring, Rings, RingsError, Rule, RuleKind, Why, due, pinned,
    promoted, rolled_back,
};
pub use shelf::{Shelf, ShelfItem};
pub use staging::Staging;
pub use trash::{AddedFile, Discarded, DiscardedFile, discarded, purge, revert_of};
