//! Archives whose members lie in them as they are.

use std::{io::Read, sync::Arc};

use wire::{Part, ReadAt, SourceReader};

use super::Index;
use crate::{
    Entry, MediaError, Tree,
    extents::{Extents, Run},
};

/// Where contents lie, in bytes from the start of the archive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) start: u64,
    pub(crate) len: u64,
}

/// Where the contents of a member lie.
#[derive(Clone, Debug)]
pub(crate) enum Contents {
    /// In one stretch.
    Whole(Stretch),
    /// In several, with holes between them that read as zeros; together they are that long.
    Sparse(Arc<[Run]>, u64),
}

impl Contents {
    /// How many bytes there are.
    pub(crate) const fn len(&self) -> u64 {
        match self {
            Self::Whole(stretch) => stretch.len,
            Self::Sparse(_, len) => *len,
        }
    }
}

impl From<Stretch> for Contents {
    fn from(stretch: Stretch) -> Self {
        Self::Whole(stretch)
    }
}

/// An archive whose members lie in it as they are.
#[derive(Debug)]
pub(crate) struct StoredTree {
    source: Arc<dyn ReadAt>,
    index: Index<Contents>,
}

impl StoredTree {
    /// The archive in `source` with that index, whose stretches were found to lie inside it.
    pub(crate) const fn new(source: Arc<dyn ReadAt>, index: Index<Contents>) -> Self {
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
        let (_, contents) = self.index.member(path)?;
        let source = Arc::clone(&self.source);
        match contents {
            Contents::Whole(stretch) => Ok(Arc::new(Part::new(source, stretch.start, stretch.len))),
            Contents::Sparse(runs, len) => {
                let extents = Extents::new("file with holes", source, runs.to_vec(), *len)?;
                Ok(Arc::new(extents))
            }
        }
    }

    fn has_twins(&self) -> bool {
        true
    }
}
