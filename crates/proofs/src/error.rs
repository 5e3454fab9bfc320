//! Why a proof does not hold.

use std::io;

/// Why a proof does not hold, or cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A key or a signature that is not of the form it must have.
    #[error("the {what} cannot be used: {why}")]
    Malformed {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file, the key and the signature do not belong together.
    #[error("the signature is not this key's, or not of this file")]
    DoesNotHold,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
}

impl ProofError {
    pub(crate) const fn malformed(what: &'static str, why: &'static str) -> Self {
        Self::Malformed { what, why }
    }
}
