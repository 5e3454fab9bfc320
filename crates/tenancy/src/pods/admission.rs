//! Who was let in, for as long as nobody has changed anything.
//!
//! Most requests are the next one of somebody who was just let in. The state is asked again as soon as its file looks
//! different, so that nobody stays in who was put out. Only who had the credential is remembered: what was refused takes
//! the same time always.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use model::Timestamp;
use sha2::{Sha256, digest::Output};
use store::{Stamp, Tenant};
use subtle::ConstantTimeEq as _;

/// How many are remembered; with more, all are forgotten.
const MOST: usize = 4096;

/// Who was let in.
#[derive(Clone)]
pub(super) struct Admission {
    /// The tenant.
    pub(super) tenant: Tenant,
    /// The catalog that it reads.
    pub(super) catalog: Option<String>,
    /// The digest of the credential.
    pub(super) presented: Output<Sha256>,
    /// From when on one of its credentials is not good any more.
    pub(super) until: Option<Timestamp>,
    /// How the state looked before it was asked.
    pub(super) stamp: Stamp,
}

/// All that are remembered, by the name of the view.
#[derive(Default)]
pub(super) struct Admissions(Mutex<HashMap<String, Admission>>);

impl fmt::Debug for Admissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admissions").finish_non_exhaustive()
    }
}

impl Admissions {
    /// The admission of who presents this to that view, if the state looks as it did then.
    pub(super) fn again(
        &self,
        slug: &str,
        presented: &Output<Sha256>,
        (stamp, now): (Stamp, Timestamp),
    ) -> Option<Admission> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let admission = all.get(slug)?;
        let is_same = bool::from(admission.presented.ct_eq(presented));
        let is_valid = admission.stamp == stamp && admission.until.is_none_or(|until| now < until);
        (is_same && is_valid).then(|| admission.clone())
    }

    /// Remembers it.
    pub(super) fn remember(&self, slug: &str, admission: Admission) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(slug.to_owned(), admission);
    }
}
