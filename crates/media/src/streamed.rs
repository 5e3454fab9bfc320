//! An archive that can only be inflated from front to back.

use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use wire::{Budget, BudgetReader, ReadAt, SourceReader};

use crate::{
    Entry, MediaError, Tree, Xattr,
    archive::spool,
    codec::{Codec, Failed, ReadAhead},
    cpio,
    xar::Unproved,
};

/// Where the stream is.
#[derive(Debug)]
pub(crate) enum Stored {
    Proved(Arc<dyn ReadAt>),
    /// Whether its digest is the declared one turns out when all of it was read.
    Unproved(Unproved),
}

/// A cpio archive in a compressed stream. Nothing of it is read before something is asked for, and then all of it is
/// spooled; who wants everything can have it from front to back instead.
#[derive(Debug)]
pub(crate) struct StreamedArchive {
    name: String,
    stored: Stored,
    codec: Codec,
    budget: Budget,
    spooled: Mutex<Option<Arc<dyn Tree>>>,
}

impl StreamedArchive {
    /// The archive that `stored` holds, compressed by `codec`; `name` names it in error messages.
    pub(crate) fn new(name: &str, stored: Stored, codec: Codec, budget: Budget) -> Self {
        Self {
            name: name.to_owned(),
            stored,
            codec,
            budget,
            spooled: Mutex::default(),
        }
    }

    fn reader(&self) -> Box<dyn Read + Send> {
        let unproved = match &self.stored {
            Stored::Proved(source) => {
                let stored = SourceReader::new(Arc::clone(source));
                return self.codec.reader(Box::new(stored));
            }
            Stored::Unproved(unproved) => unproved.reader(),
        };
        // Hashed by a thread of its own.
        match ReadAhead::new(unproved) {
            Ok(ahead) => Box::new(Whole::new(ahead, self.codec)),
            Err(error) => Box::new(Failed::new(error)),
        }
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

/// What is inflated, up to the end of what is stored: only there it turns out whether that is what was declared.
struct Whole {
    inflated: Box<dyn Read + Send>,
    stored: Shared,
}

impl Whole {
    fn new(stored: ReadAhead, codec: Codec) -> Self {
        let stored = Shared(Arc::new(Mutex::new(stored)));
        Self {
            inflated: codec.reader(Box::new(stored.clone())),
            stored,
        }
    }
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inflated.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            io::copy(&mut self.stored, &mut io::sink())?;
        }
        Ok(read)
    }
}

#[derive(Clone)]
struct Shared(Arc<Mutex<ReadAhead>>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut reader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reader.read(buffer)
    }
}
