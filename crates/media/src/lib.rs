//! Everything Mac vendors ship, opened as one read-only tree.
//!
//! A [`Tree`] is what is in a medium: a disk image, a flat package, an archive, or a folder of the host. Trees
//! nest, so a path may go into a container, and into one inside that. Nothing is mounted and nothing is unpacked
//! to look at it.
//!
//! **Invariants:** knows neither signatures nor recipes; trusts no declared length; never panics; a link is never
//! followed out of its tree.
#![forbid(unsafe_code)]
#![warn(clippy::arithmetic_side_effects)]

pub mod apfs;
mod error;
pub mod hfsplus;
mod tree;
pub mod write;

pub use error::MediaError;
pub use tree::{Entry, Kind, Tree, Xattr};
