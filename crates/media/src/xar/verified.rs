//! Contents whose length and digests were declared.

use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use wire::{Part, ReadAt};

use super::{
    digest::{Declared, Hasher},
    toc::Data,
};

/// Stored bytes on their way into an inflater, which need not read them all.
#[derive(Clone, Debug)]
pub(super) struct Tap {
    stored: Arc<Part>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    offset: u64,
    hasher: Option<Hasher>,
}

impl Tap {
    /// Taps `stored`, which is declared to have that digest.
    pub(super) fn new(stored: Arc<Part>, declared: Option<&Declared>) -> Self {
        let state = State {
            offset: 0,
            hasher: declared.map(|declared| Hasher::new(declared.kind)),
        };
        Self {
            stored,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The digest of all stored bytes, those that nobody asked for included.
    fn finish(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut rest = vec![0; 64 << 10];
        while self.read(&mut rest)? > 0 {}
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(state.hasher.take().map(Hasher::finish))
    }
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let read = self.stored.read_at(state.offset, buffer)?;
        state.offset = state.offset.saturating_add(read as u64);
        if let (Some(hasher), Some(bytes)) = (&mut state.hasher, buffer.get(..read)) {
            hasher.update(bytes);
        }
        Ok(read)
    }
}

/// Passes inflated contents on, and fails where they are not what was declared.
#[derive(Debug)]
pub(super) struct Verified<R> {
    inflated: R,
    tap: Tap,
    hasher: Option<Hasher>,
    left: u64,
    archived: Option<Vec<u8>>,
    extracted: Option<Vec<u8>>,
    is_done: bool,
}

impl<R: Read> Verified<R> {
    /// Expects from `inflated`, which `tap` feeds, what `data` declares.
    pub(super) fn new(inflated: R, tap: Tap, data: &Data) -> Self {
        // Stored as it is, it has one digest under two names.
        let extracted = data
            .extracted
            .as_ref()
            .filter(|extracted| data.archived.as_ref() != Some(extracted));
        Self {
            inflated,
            tap,
            hasher: extracted.map(|declared| Hasher::new(declared.kind)),
            left: data.len,
            archived: data
                .archived
                .as_ref()
                .map(|declared| declared.value.clone()),
            extracted: extracted.map(|declared| declared.value.clone()),
            is_done: false,
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.left > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{} bytes fewer than declared", self.left),
            ));
        }
        if self.tap.finish()? != self.archived {
            return Err(broken("the stored bytes do not have the declared digest"));
        }
        if self.hasher.take().map(Hasher::finish) != self.extracted {
            return Err(broken("the contents do not have the declared digest"));
        }
        self.is_done = true;
        Ok(())
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.is_done {
            return Ok(0);
        }
        let read = self.inflated.read(buffer)?;
        if read == 0 {
            self.finish()?;
            return Ok(0);
        }
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(broken("more contents than declared"));
        };
        self.left = left;
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, buffer.get(..read)) {
            hasher.update(bytes);
        }
        Ok(read)
    }
}

/// Contents that are stored as they are, and were not compared with what is declared of them.
#[derive(Clone, Debug)]
pub struct Unproved {
    stored: Arc<Part>,
    data: Data,
}

impl Unproved {
    /// What is stored, of which `data` tells.
    pub(super) const fn new(stored: Arc<Part>, data: Data) -> Self {
        Self { stored, data }
    }

    /// The bytes, to be looked at before they are believed.
    pub(crate) fn source(&self) -> Arc<dyn ReadAt> {
        Arc::<Part>::clone(&self.stored)
    }

    /// Reads them. Where length or digests are not the declared ones, reading ends with an error.
    pub(crate) fn reader(&self) -> Box<dyn Read + Send> {
        let tap = Tap::new(Arc::clone(&self.stored), self.data.archived.as_ref());
        Box::new(Verified::new(tap.clone(), tap, &self.data))
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
