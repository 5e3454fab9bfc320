//! The processors, one file each.

mod end_of_check_phase;

use std::sync::Arc;

use crate::Processor;

/// One of each.
pub(crate) fn all() -> Vec<Arc<dyn Processor>> {
    vec![Arc::new(end_of_check_phase::EndOfCheckPhase)]
}
