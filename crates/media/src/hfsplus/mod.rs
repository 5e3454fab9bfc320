//! HFS+ and HFSX volumes.
//!
//! The catalog is read once, leaf by leaf, when a volume is opened; contents and attributes when they are asked for.
//! A mount's view: hard links are files, compressed files are decompressed, the journal and the private folders that
//! hold what hard links lead to are not shown.
//!
//! Source: TN1150; `<hfs/hfs_format.h>`.

mod attributes;
mod btree;
pub(crate) mod constants;
mod forks;
pub(crate) mod names;
mod raw;
mod tree;
mod volume;

use std::sync::Arc;

use wire::ReadAt;

use crate::{MediaError, Tree};

/// Opens the HFS+ or HFSX volume that fills `source`, or that an HFS volume there is wrapped around.
///
/// # Errors
/// If there is none, or it is damaged.
pub fn open(source: Arc<dyn ReadAt>) -> Result<Arc<dyn Tree>, MediaError> {
    Ok(Arc::new(volume::Volume::open(source)?))
}

#[cfg(test)]
mod tests;
