//! Archives whose members lie in them as they are.

use std::{io::Read, sync::Arc};

use wire::{Part, ReadAt, SourceReader};

use super::Index;
use crate::{Entry, MediaError, Tree};

/// Where contents lie, in bytes from the start of the archive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) start: u64,
    pub(crate) len: u64,
}

/// An archive whose members lie in it as they are.
#[derive(Debug)]
pub(crate) struct StoredTree {
    source: Arc<dyn ReadAt>,
    index: Index<Stretch>,
}

impl StoredTree {
    /// The archive in `source` with that index, whose stretches were found to lie inside it.
    pub(crate) const fn new(source: Arc<dyn ReadAt>, index: Index<Stretch>) -> Self {
        Self { source, index }
    }
}

impl Tree for StoredTree {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        self.index.entry(path).cloned()
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        self.index.children(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        Ok(Box::new(SourceReader::new(self.source(path)?)))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        let (_, stretch) = self.index.member(path)?;
        let source = Arc::clone(&self.source);
        Ok(Arc::new(Part::new(source, stretch.start, stretch.len)))
    }

    fn has_twins(&self) -> bool {
        true
    }
}
