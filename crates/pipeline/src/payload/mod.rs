//! What software brings with it that a Mac gives power to, and how that changed since the last version.
//!
//! A vendor's account that was taken over signs malware with the vendor's own key, and every signature holds. What gives
//! such a release away is what it suddenly brings: a launch daemon, a program that runs as root, an installer script
//! that was not there before. An [`Inventory`] lists these things, and [`Inventory::changes_since`] tells what is new.
//!
//! ```no_run
//! # fn main() -> Result<(), media::MediaError> {
//! use std::path::Path;
//!
//! use pipeline::payload::Inventory;
//!
//! let before = Inventory::of(Path::new("Widget-1.0.pkg"))?;
//! let now = Inventory::of(Path::new("Widget-1.1.pkg"))?;
//! for change in now.changes_since(&before) {
//!     println!("{change}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **What is listed.** Property lists for launchd; privileged helpers; extensions of the kernel and the system, and plug-ins
//! of its log-in; files that run as their owner; installer scripts, by digest; the entitlements that the signature of each
//! program claims; how much there is in all. Packages and images inside are looked into. `docs/payload.md` tells
//! the rules.
//!
//! **Invariants:** a version number in a path does not make it another path; what cannot be read is listed as such, so that
//! nothing is hidden by damage; nothing here says that software is good.

mod change;
mod inventory;
mod look;
mod path;
#[cfg(test)]
mod tests;

pub use change::{Change, ChangeKind};
pub use inventory::Inventory;
pub(crate) use look::is_container;
