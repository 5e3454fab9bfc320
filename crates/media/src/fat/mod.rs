//! FAT volumes of 12, 16 and 32 bits, with long names.
//!
//! All folders are read when a volume is opened; contents when they are asked for.
//!
//! Source: "Microsoft Extensible Firmware Initiative FAT32 File System Specification" 1.03.

mod folder;
mod raw;
mod table;
mod tree;
mod volume;

use std::sync::Arc;

use wire::ReadAt;

pub(crate) use raw::is_boot_sector;

use crate::{MediaError, Tree};

/// Opens the FAT volume that fills `source`.
///
/// # Errors
/// If there is none, or it is damaged.
pub(crate) fn open(source: Arc<dyn ReadAt>) -> Result<Arc<dyn Tree>, MediaError> {
    Ok(Arc::new(volume::Volume::open(source)?))
}

/// A volume made by hand.
#[cfg(test)]
pub(crate) fn sample() -> Vec<u8> {
    tests::volume(raw::Width::Fat12)
}

#[cfg(test)]
mod tests;
