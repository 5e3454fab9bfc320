//! APFS containers.
//!
//! The records of a volume are read once, leaf by leaf, when it is opened, as the latest checkpoint has them; contents
//! when they are asked for. Every block that says where something is has a checksum, and it has to be right.
//!
//! Source: Apple File System Reference (2020-06-22).

mod btree;
mod constants;
mod container;
mod object;
mod omap;
mod raw;
mod tree;
mod volume;

pub(crate) use object::seal;

use std::sync::Arc;

use wire::ReadAt;

use crate::{MediaError, Tree};

/// Opens the first volume with contents of the APFS container that fills `source`.
///
/// # Errors
/// If there is none, it is encrypted, or it is damaged.
pub fn open(source: Arc<dyn ReadAt>) -> Result<Arc<dyn Tree>, MediaError> {
    Ok(Arc::new(container::open(source)?))
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
