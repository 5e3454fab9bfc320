//! xar archives: what flat packages are.
//!
//! A header, a table of contents in compressed XML, and a heap that everything else lies in. [`Archive`] gives what
//! a judge of signatures needs: digests as declared and as computed, signature blocks, and what was appended.
//!
//! Source: <https://github.com/apple-oss-distributions/xar>, and packages of vendors.

mod archive;
mod constants;
mod digest;
mod fields;
mod raw;
mod toc;
mod tree;
mod verified;

pub use archive::{Archive, TocDigest};
pub(crate) use constants::MAGIC;
pub use digest::{Declared, DigestKind};
pub use toc::{Data, Encoding, Member, MemberKind, Signature, SignatureStyle};
pub(crate) use tree::XarTree;
pub use verified::Unproved;

#[cfg(test)]
mod tests;
