//! What a run has downloaded.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use fetch::{Commit, Downloaded, FetchError};
use model::Sha256;
use redact::{SafeUrl, Secret};

/// One file that a run got from a vendor, or found unchanged.
#[derive(Clone, Debug)]
pub struct Download {
    /// Where it lies.
    pub path: PathBuf,
    /// Where it was asked for; nothing for a file that was given with `PKG`.
    pub url: Option<SafeUrl>,
    /// The same in full; secrets may stand in it.
    pub address: Option<Secret<String>>,
    /// Where it was sent to from there, in order.
    pub redirects: Vec<SafeUrl>,
    /// Its digest, if it was read in this run; an unchanged file is not.
    pub sha256: Option<Sha256>,
    /// Its length in bytes, if it was read in this run.
    pub len_bytes: Option<u64>,
    /// Whether it is another file than in the last good run.
    pub changed: bool,
}

/// What a run has downloaded, in order.
///
/// A file's `ETag` and `Last-Modified` are stored only by [`Downloads::commit`], after the whole run has succeeded:
/// otherwise a run that failed after its download would make the next one find the file unchanged, and the title
/// would wait for the vendor's next release.
#[derive(Debug, Default)]
pub struct Downloads(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    all: Vec<Download>,
    uncommitted: Vec<Downloaded>,
}

impl Downloads {
    /// Everything so far.
    pub fn all(&self) -> Vec<Download> {
        self.lock().all.clone()
    }

    /// Whether nothing new came.
    pub fn all_unchanged(&self) -> bool {
        self.lock().all.iter().all(|download| !download.changed)
    }

    /// What was downloaded after the first `count`.
    pub(crate) fn after(&self, count: usize) -> Vec<Download> {
        self.lock().all.iter().skip(count).cloned().collect()
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// Remembers all files as good, and forgets them here. Blocking.
    ///
    /// # Errors
    /// [`FetchError::File`] if one cannot be remembered; the others are. Nothing worse follows than that the file
    /// is downloaded again.
    pub fn commit(&self) -> Result<(), FetchError> {
        let uncommitted = std::mem::take(&mut self.lock().uncommitted);
        let mut outcome = Ok(());
        for downloaded in uncommitted {
            outcome = outcome.and(downloaded.commit());
        }
        outcome
    }

    /// What [`Downloads::commit`] does, to be done later, perhaps by another process.
    pub fn commits(&self) -> Vec<Commit> {
        let lists = self.lock();
        lists
            .uncommitted
            .iter()
            .map(Downloaded::to_commit)
            .collect()
    }

    /// Notes a new file from `address`.
    pub(crate) fn note_new(&self, downloaded: Downloaded, address: &str) {
        let mut lists = self.lock();
        lists.all.push(Download {
            path: downloaded.path.clone(),
            url: Some(downloaded.url.clone()),
            address: Some(Secret::new(address.to_owned())),
            redirects: downloaded.redirects.clone(),
            sha256: Some(downloaded.sha256),
            len_bytes: Some(downloaded.len_bytes),
            changed: true,
        });
        lists.uncommitted.push(downloaded);
    }

    /// Notes a file from `address` that did not change since the last good run.
    pub(crate) fn note_unchanged(&self, path: &Path, address: &str) {
        self.lock().all.push(Download {
            path: path.to_owned(),
            url: Some(SafeUrl::of_text(address.trim())),
            address: Some(Secret::new(address.to_owned())),
            redirects: Vec::new(),
            sha256: None,
            len_bytes: None,
            changed: false,
        });
    }

    /// Notes a file that was given by hand.
    pub(crate) fn note_given(&self, path: &Path) {
        self.lock().all.push(Download {
            path: path.to_owned(),
            url: None,
            address: None,
            redirects: Vec::new(),
            sha256: None,
            len_bytes: None,
            changed: true,
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
