//! A tree whose owners and modes are told, and not read.

use std::{io::Read, sync::Arc};

use wire::ReadAt;

use crate::{Entry, Kind, MediaError, Tree};

/// Who owns a part of a package.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    /// A path in the package; everything below it is meant, too.
    pub path: String,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The permission bits of what is below, or of the file itself; as they are, if none are given.
    pub mode: Option<u32>,
}

/// A tree that root owns, but for what the list says; later ones of the list count before earlier ones.
#[derive(Debug)]
pub(super) struct Owned<'a> {
    tree: &'a dyn Tree,
    owners: &'a [Owner],
}

impl<'a> Owned<'a> {
    pub(super) const fn new(tree: &'a dyn Tree, owners: &'a [Owner]) -> Self {
        Self { tree, owners }
    }

    fn owned(&self, mut entry: Entry) -> Entry {
        (entry.uid, entry.gid) = (Some(0), Some(0));
        for owner in self.owners {
            let path = owner.path.trim_matches('/');
            let Some(below) = entry.path.strip_prefix(path) else {
                continue;
            };
            if !below.is_empty() && !below.starts_with('/') {
                continue;
            }
            (entry.uid, entry.gid) = (Some(owner.uid), Some(owner.gid));
            let is_meant = !below.is_empty() || entry.is_file();
            if is_meant && !matches!(entry.kind, Kind::Link { .. }) {
                entry.mode = owner.mode.unwrap_or(entry.mode);
            }
        }
        entry
    }
}

impl Tree for Owned<'_> {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        self.tree.entry(path).map(|entry| self.owned(entry))
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        let children = self.tree.children(path)?.into_iter();
        Ok(children.map(|entry| self.owned(entry)).collect())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        self.tree.open(path)
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        self.tree.source(path)
    }
}
