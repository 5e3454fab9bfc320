//! Who was let in, remembered for exactly as long as nothing has changed in who may read what.
//!
//! Only those with the right credential are remembered, by a digest of it: how long an answer takes tells nothing to
//! anybody else.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use model::Timestamp;
use sha2::{Digest as _, Sha256, digest::Output};
use store::{Db, Tenant};

/// How many are remembered; with more, all are forgotten, and known again when they come.
const REMEMBERED: usize = 16_384;

/// The digest of a view's name and of the credential that somebody presented.
pub(super) type Who = Output<Sha256>;

/// Whom somebody stands for who presents `credential` (its digest) at the view `slug`.
pub(super) fn who(slug: &str, credential: &Output<Sha256>) -> Who {
    // The digest has one length, so nothing of a name can pass for part of it.
    Sha256::new()
        .chain_update(credential)
        .chain_update(slug)
        .finalize()
}

/// As whom somebody was let in.
#[derive(Clone)]
pub(super) struct Admitted {
    pub(super) tenant: Arc<Tenant>,
    /// The catalog that it reads.
    pub(super) catalog: Option<String>,
    /// When the credential ends.
    pub(super) until: Option<Timestamp>,
}

/// The mark of the tenants, which was asked for the `number`th time.
#[derive(Default)]
struct Asked {
    number: u64,
    mark: Option<Arc<str>>,
}

#[derive(Default)]
struct Remembered {
    /// The mark under which all of them were let in.
    mark: Option<Arc<str>>,
    admitted: HashMap<Who, Admitted>,
}

/// Who was let in.
#[derive(Default)]
pub(super) struct Admissions {
    begun: AtomicU64,
    asked: tokio::sync::Mutex<Asked>,
    remembered: Mutex<Remembered>,
}

impl fmt::Debug for Admissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admissions").finish_non_exhaustive()
    }
}

impl Admissions {
    /// The mark of the tenants, as it was at some moment after this was called; nothing if the database fails.
    ///
    /// Those who come while one question is under way wait for the next, and share its answer: an answer to a question
    /// that was asked before somebody came says nothing of what has changed since.
    pub(super) async fn mark(&self, db: &Db) -> Option<Arc<str>> {
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut asked = self.asked.lock().await;
        if asked.number <= begun_before {
            let number = self.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
            let mark = db.tenancy_mark().await.ok().map(Arc::from);
            *asked = Asked { number, mark };
        }
        asked.mark.clone()
    }

    /// As whom `who` was let in, if that was under this `mark`, and the credential has not ended at `now`.
    pub(super) fn find(&self, mark: &str, who: &Who, now: Timestamp) -> Option<Admitted> {
        let remembered = self.remembered();
        if remembered.mark.as_deref() != Some(mark) {
            return None;
        }
        let admitted = remembered.admitted.get(who)?;
        let has_ended = admitted.until.is_some_and(|until| until <= now);
        (!has_ended).then(|| admitted.clone())
    }

    /// Remembers that `who` was let in. The `mark` is from before it was known who that is.
    pub(super) fn remember(&self, mark: &Arc<str>, who: Who, admitted: Admitted) {
        let mut remembered = self.remembered();
        if remembered.mark.as_ref() != Some(mark) || remembered.admitted.len() >= REMEMBERED {
            remembered.admitted.clear();
            remembered.mark = Some(Arc::clone(mark));
        }
        remembered.admitted.insert(who, admitted);
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
