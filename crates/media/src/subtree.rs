//! A folder of a tree as a tree of its own.

use std::{io::Read, sync::Arc};

use wire::ReadAt;

use crate::{Entry, MediaError, Tree, Xattr, path};

/// A folder of a tree as a tree of its own.
#[derive(Debug)]
pub(crate) struct Subtree {
    tree: Arc<dyn Tree>,
    folder: String,
}

impl Subtree {
    /// The folder at `folder` of `tree`.
    pub(crate) const fn new(tree: Arc<dyn Tree>, folder: String) -> Self {
        Self { tree, folder }
    }

    fn outer(&self, inner: &str) -> String {
        if inner.is_empty() {
            return self.folder.clone();
        }
        path::join(&self.folder, inner)
    }

    fn inner(&self, mut entry: Entry) -> Entry {
        let inner = entry
            .path
            .strip_prefix(&self.folder)
            .map(|path| path.trim_start_matches('/').to_owned());
        entry.path = inner.unwrap_or(entry.path);
        entry
    }
}

impl Tree for Subtree {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        let entry = self.tree.entry(&self.outer(path))?;
        Ok(self.inner(entry))
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        let children = self.tree.children(&self.outer(path))?;
        Ok(children
            .into_iter()
            .map(|entry| self.inner(entry))
            .collect())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        self.tree.open(&self.outer(path))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        self.tree.source(&self.outer(path))
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        self.tree.xattrs(&self.outer(path))
    }

    fn holds_entries(&self, entry: &Entry) -> bool {
        let mut outer = entry.clone();
        outer.path = self.outer(&entry.path);
        self.tree.holds_entries(&outer)
    }

    fn has_twins(&self) -> bool {
        self.tree.has_twins()
    }
}
