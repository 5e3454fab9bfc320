//! Whose signatures a run has verified.

use std::sync::{Mutex, PoisonError};

use codesign::Identity;

/// Whose signatures a run has verified: an entry for each check that passed.
///
/// They take this way rather than that over the environment, where receipts and later steps would see them.
#[derive(Debug, Default)]
pub struct Identities(Mutex<Vec<Identity>>);

impl Identities {
    /// Notes whose signature a step has verified, and found to be whom the recipe pins.
    pub fn note(&self, identity: Identity) {
        self.lock().push(identity);
    }

    /// Everything so far, sorted.
    pub fn all(&self) -> Vec<Identity> {
        let mut all = self.lock().clone();
        all.sort();
        all
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
