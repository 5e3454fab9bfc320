//! What the operator decides about signatures.

use std::path::PathBuf;

use codesign::Revocations;
use model::{Title, chain};

use crate::{AskedProof, StepError};

/// What the operator decides about signatures; recipes cannot.
#[derive(Clone, Debug, Default)]
pub struct SignaturePolicy {
    /// Whether a recipe, an override or a preference may switch the check off with
    /// `DISABLE_CODE_SIGNATURE_VERIFICATION`.
    pub may_disable: bool,
    /// The list of certificates and teams that are not believed any more.
    pub revoked: Option<PathBuf>,
    /// The proofs without which nothing is taken for a title.
    pub proofs: Vec<AskedProof>,
}

impl SignaturePolicy {
    /// The proofs without which nothing is taken for `title`.
    pub fn proofs_of(&self, title: &Title) -> Vec<AskedProof> {
        let proofs = self.proofs.iter();
        proofs
            .filter(|proof| proof.title == *title)
            .cloned()
            .collect()
    }

    /// The list as it is now: it is read for each check, so that a change counts at once. Blocking.
    ///
    /// # Errors
    /// If there is to be a list, and it cannot be read or understood: then nothing can be believed.
    pub fn revocations(&self) -> Result<Revocations, StepError> {
        let Some(path) = &self.revoked else {
            return Ok(Revocations::default());
        };
        let wrong = |why: String| {
            StepError::configuration(format!(
                "the list of revoked certificates `{}` cannot be used: {why}",
                path.display()
            ))
        };
        let text = fs_err::read_to_string(path).map_err(|error| wrong(chain(&error)))?;
        text.parse()
            .map_err(|error: codesign::RevocationsError| wrong(error.to_string()))
    }
}
