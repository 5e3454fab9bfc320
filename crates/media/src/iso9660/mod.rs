//! ISO 9660 volumes: with Rock Ridge names and modes, or Joliet's names, or neither.
//!
//! All folders are read when a volume is opened; contents when they are asked for.
//!
//! Source: ECMA-119, 3rd edition; IEEE P1281 (System Use Sharing Protocol) 1.12; IEEE P1282 (Rock Ridge) 1.12; Joliet
//! Specification of 1995.

mod raw;
mod rock_ridge;
mod tree;
mod volume;

use std::sync::Arc;

use wire::ReadAt;

use crate::{MediaError, Tree};

/// What a volume begins with, at [`DESCRIPTORS`].
pub(crate) const MAGIC: [u8; 6] = *b"\x01CD001";

/// Where the descriptors of a volume begin.
pub(crate) const DESCRIPTORS: u64 = 16 * raw::SECTOR;

/// Opens the volume that fills `source`.
///
/// # Errors
/// If there is none, or it is damaged.
pub(crate) fn open(source: Arc<dyn ReadAt>) -> Result<Arc<dyn Tree>, MediaError> {
    Ok(Arc::new(volume::Volume::open(source)?))
}

/// A volume made by hand.
#[cfg(test)]
pub(crate) fn sample() -> Vec<u8> {
    tests::volume(tests::Names::RockRidge)
}

#[cfg(test)]
mod tests;
