//! Update metadata (TUF) of the repository: whether catalogs are the ones that the service published, all of one time,
//! and not of an old time.
//!
//! What a client does is section 5 of the specification, and nothing else is here: no delegations, no consistent snapshots,
//! keys of Ed25519 only. That is what the service writes; anything else is refused.
//!
//! Source: The Update Framework Specification 1.0.

mod follow;
mod metadata;

pub(crate) use follow::{Memory, Source, Targets, follow};
pub use metadata::UpdateFault;
