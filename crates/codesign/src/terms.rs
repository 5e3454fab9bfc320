//! On which terms code is judged.

use model::Timestamp;

use crate::Revocations;

/// What a judgement depends on beside the code itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    /// The time of judgement for signatures without a time stamp.
    pub(crate) now: Timestamp,
    /// Whom the operator does not believe any more.
    pub(crate) revoked: &'a Revocations,
}
