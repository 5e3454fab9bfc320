//! What the operator insists on.

use crate::{Requirement, Revocations};

/// What a signature must be, beyond being intact and Apple's: the operator's own knowledge of the vendor.
///
/// A valid signature without pins says only that *somebody* with an Apple account signed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pins {
    /// A requirement that the code, in each of its architectures, must meet.
    pub requirement: Option<Requirement>,
    /// The names of the certificates from the signer's up to the root, all of them and in this order; empty if not
    /// pinned.
    pub authorities: Vec<String>,
    /// Whom the operator does not believe any more, whatever Apple says.
    pub revoked: Revocations,
}

impl Pins {
    /// No pins at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether anything is pinned. A requirement that every code meets (`always`) pins nothing.
    pub fn is_empty(&self) -> bool {
        let requirement = self.requirement.as_ref();
        self.authorities.is_empty() && requirement.is_none_or(Requirement::is_always_met)
    }
}
