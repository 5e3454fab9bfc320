//! Everything Mac vendors ship, opened as one read-only tree.
//!
//! A [`Tree`] is what is in a medium: a disk image, a flat package, an archive, or a folder of the host. Trees
//! nest, so a path may go into a container, and into one inside that. Nothing is mounted and nothing is unpacked
//! to look at it.
//!
//! **Invariants:** knows neither signatures nor recipes; trusts no declared length; never panics; a link is never
//! followed out of its tree.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod apfs;
mod archive;
mod codec;
#[cfg(test)]
mod conformance;
mod cpio;
mod detect;
mod disk;
mod error;
mod extract;
pub mod hfsplus;
mod host;
mod open;
mod package;
mod path;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod samples;
mod single;
mod subtree;
mod tar;
mod tree;
pub mod udif;
mod walk;
pub mod write;
pub mod xar;
mod zip;

pub use error::MediaError;
pub use extract::{Extracted, extract, extract_within};
pub use host::HostTree;
pub use open::{Location, image, locate, look_into, open, open_source};
pub use tree::{Entry, Kind, Tree, Xattr};
pub use walk::{follow, walk};
