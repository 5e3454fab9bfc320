//! What is known of objects, so that what has not changed is not read again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use model::Sha256;
use object_store::{ObjectMeta, PutResult, UpdateVersion};

/// What was seen of objects, by name.
///
/// The store's own checksum (`ETag`) is never taken for a digest, and neither is what somebody has written beside an
/// object: only bytes that this process has read have a digest. The checksum only tells that they are the same still.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    read: HashMap<String, Seen>,
    looked: HashMap<String, Looked>,
}

/// An object that was read or written.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    e_tag: Option<String>,
    pub(super) sha256: Sha256,
    /// Kept of small objects only.
    pub(super) contents: Option<Bytes>,
}

/// What was found when an object was last looked at.
#[derive(Clone, Debug)]
pub(super) enum Looked {
    Missing,
    At(UpdateVersion),
}

impl Seen {
    pub(super) fn new(meta: &ObjectMeta, sha256: Sha256, contents: Option<Bytes>) -> Self {
        Self {
            e_tag: meta.e_tag.clone(),
            sha256,
            contents,
        }
    }
}

impl Known {
    /// Notes that this is what `name` holds in this version.
    pub(super) fn read(&self, name: &str, meta: &ObjectMeta, seen: Seen) {
        self.look(name, meta);
        self.inner().read.insert(name.to_owned(), seen);
    }

    /// Notes that `name` is there in this version.
    pub(super) fn look(&self, name: &str, meta: &ObjectMeta) {
        let looked = Looked::At(version_of(meta));
        self.inner().looked.insert(name.to_owned(), looked);
    }

    /// Notes that `name` is not there.
    pub(super) fn missing(&self, name: &str) {
        let mut inner = self.inner();
        inner.read.remove(name);
        inner.looked.insert(name.to_owned(), Looked::Missing);
    }

    /// Forgets what was known of `name`, which is being changed.
    pub(super) fn forget(&self, name: &str) {
        let mut inner = self.inner();
        inner.read.remove(name);
        inner.looked.remove(name);
    }

    /// Notes that `name` holds what was written, as long as it has the checksum that the store has answered.
    pub(super) fn wrote(
        &self,
        name: &str,
        answer: &PutResult,
        sha256: Sha256,
        contents: Option<Bytes>,
    ) {
        let seen = Seen {
            e_tag: answer.e_tag.clone(),
            sha256,
            contents,
        };
        self.inner().read.insert(name.to_owned(), seen);
    }

    /// What `name` holds in this version, if it was read or written.
    pub(super) fn seen(&self, name: &str, meta: &ObjectMeta) -> Option<Seen> {
        let inner = self.inner();
        let seen = inner.read.get(name)?;
        (seen.e_tag.is_some() && seen.e_tag == meta.e_tag).then(|| seen.clone())
    }

    /// What was found when `name` was last looked at, if it was.
    pub(super) fn looked(&self, name: &str) -> Option<Looked> {
        self.inner().looked.get(name).cloned()
    }

    /// What a panicking thread has left is only less than could be known.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn version_of(meta: &ObjectMeta) -> UpdateVersion {
    UpdateVersion {
        e_tag: meta.e_tag.clone(),
        version: meta.version.clone(),
    }
}
