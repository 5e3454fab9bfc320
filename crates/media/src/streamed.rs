//! An archive that can only be inflated from front to back.

use std::{
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};

use wire::{Budget, BudgetReader, ReadAt, SourceReader};

use crate::{
    Entry, MediaError, Tree, Xattr,
    archive::spool,
    codec::{Codec, ReadAhead},
    cpio,
};

/// A cpio archive in a compressed stream. Nothing of it is read before something is asked for, and then all of it is
/// spooled; who wants everything can have it from front to back instead.
#[derive(Debug)]
pub(crate) struct StreamedArchive {
    name: String,
    source: Arc<dyn ReadAt>,
    codec: Codec,
    budget: Budget,
    spooled: Mutex<Option<Arc<dyn Tree>>>,
}

impl StreamedArchive {
    /// The archive that `source` holds, compressed by `codec`; `name` names it in error messages.
    pub(crate) fn new(name: &str, source: Arc<dyn ReadAt>, codec: Codec, budget: Budget) -> Self {
        Self {
            name: name.to_owned(),
            source,
            codec,
            budget,
            spooled: Mutex::default(),
        }
    }

    fn reader(&self) -> Box<dyn Read + Send> {
        let stored = SourceReader::new(Arc::clone(&self.source));
        self.codec.reader(Box::new(stored))
    }

    fn tree(&self) -> Result<Arc<dyn Tree>, MediaError> {
        let mut spooled = self.spooled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = &*spooled {
            return Ok(Arc::clone(tree));
        }
        let mut budget = self.budget.clone();
        let reader = ReadAhead::new(self.reader()).map_err(MediaError::content(&self.name))?;
        let contents = spool(&self.name, reader, &mut budget)?;
        let tree: Arc<dyn Tree> = Arc::new(cpio::open(contents, &budget)?);
        *spooled = Some(Arc::clone(&tree));
        Ok(tree)
    }
}

impl Tree for StreamedArchive {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        self.tree()?.entry(path)
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        self.tree()?.children(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        Ok(Box::new(SourceReader::new(self.source(path)?)))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        self.tree()?.source(path)
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        self.tree()?.xattrs(path)
    }

    fn has_twins(&self) -> bool {
        true
    }

    fn front_to_back(&self, path: &str) -> Option<Box<dyn Read + Send>> {
        let spooled = self.spooled.lock().unwrap_or_else(PoisonError::into_inner);
        if spooled.is_some() || !path.is_empty() {
            return None;
        }
        let limit = self.budget.bytes_left();
        let reader = BudgetReader::new("compressed archive", limit, self.reader());
        Some(Box::new(reader))
    }
}
