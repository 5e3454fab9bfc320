//! APFS containers.

use std::sync::Arc;

use wire::ReadAt;

use crate::{MediaError, Tree};

/// Opens the first volume with contents of the APFS container that fills `source`.
///
/// # Errors
/// If there is none, it is encrypted, or it is damaged.
pub fn open(source: Arc<dyn ReadAt>) -> Result<Arc<dyn Tree>, MediaError> {
    Err(MediaError::Unknown {
        what: format!("a volume of {} bytes", source.len()),
    })
}
