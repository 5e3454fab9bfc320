//! The chunks of an image, decoded where they are asked for.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wire::{ReadAt, read_up_to, read_vec};

use super::{
    blockmap::Run,
    cache::{Cache, Claim},
    chunk::{Codec, Decoder},
};

/// How many decoders are kept that nobody uses: as many as threads decode.
const MOST_IDLE: usize = 4;

/// How many damaged chunks are remembered.
const MOST_DAMAGED: usize = 1024;

/// The chunks of an image. Of what is decoded only a few MiB are kept, however large the image is.
#[derive(Debug)]
pub(super) struct Chunks {
    source: Arc<dyn ReadAt>,
    /// Where the data fork begins.
    data_offset: u64,
    /// All chunks, by their place on the disk; none overlaps another.
    runs: Vec<Run>,
    cache: Cache,
    /// Decoders that nobody uses right now.
    idle: Mutex<Vec<Decoder>>,
    /// What is wrong with chunks that cannot be decoded: finding that out costs as much as decoding, and whoever goes
    /// through thousands of files may come to the same one each time.
    damaged: Mutex<BTreeMap<usize, (io::ErrorKind, String)>>,
}

impl Chunks {
    pub(super) fn new(source: Arc<dyn ReadAt>, data_offset: u64, runs: Vec<Run>) -> Self {
        Self {
            source,
            data_offset,
            runs,
            cache: Cache::default(),
            idle: Mutex::default(),
            damaged: Mutex::default(),
        }
    }

    /// The file that the image is.
    pub(super) fn source(&self) -> &dyn ReadAt {
        &*self.source
    }

    /// All chunks, by their place on the disk.
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Reads of the chunk at `position` from `offset` in it on.
    ///
    /// # Errors
    /// If it is cut short or damaged.
    pub(super) fn read(
        &self,
        position: usize,
        offset: u64,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let Some(run) = self.runs.get(position) else {
            return Ok(0);
        };
        match run.codec {
            Codec::Zero => {
                buffer.fill(0);
                Ok(buffer.len())
            }
            Codec::Raw => {
                let start = self.stored_start(run)?.saturating_add(offset);
                let read = read_up_to(&*self.source, start, buffer)?;
                if read < buffer.len() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(read)
            }
            _ => read_up_to(&*self.decoded(position, run)?, offset, buffer),
        }
    }

    /// Whether it is worth while to decode the chunk at `position` before it is asked for.
    pub(super) fn wants_decoding(&self, position: usize, longest: u64) -> bool {
        self.runs.get(position).is_some_and(|run| {
            !matches!(run.codec, Codec::Raw | Codec::Zero)
                && run.len <= longest
                && !self.cache.knows(position)
        })
    }

    /// Decodes the chunk at `position`. What is wrong with it is told when it is read.
    pub(super) fn prepare(&self, position: usize) {
        if let Some(run) = self.runs.get(position) {
            self.decoded(position, run).map(drop).unwrap_or_default();
        }
    }

    fn decoded(&self, position: usize, run: &Run) -> io::Result<Arc<Vec<u8>>> {
        match self.cache.claim(position) {
            Claim::Decoded(chunk) => Ok(chunk),
            Claim::Ours(decoding) => {
                if let Some((kind, text)) = self.damaged().get(&position) {
                    return Err(io::Error::new(*kind, text.clone()));
                }
                let stored = read_vec(&*self.source, self.stored_start(run)?, run.stored_len)?;
                let chunk = self.decode(run, &stored);
                let chunk = Arc::new(chunk.inspect_err(|error| self.remember(position, error))?);
                decoding.done(&chunk);
                Ok(chunk)
            }
        }
    }

    fn decode(&self, run: &Run, stored: &[u8]) -> io::Result<Vec<u8>> {
        let mut decoder = self.idle().pop().unwrap_or_default();
        let chunk = decoder.decode(run.codec, stored, run.len);
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(decoder);
        }
        chunk
    }

    /// The same bytes are wrong the next time, too. That there was no room for them may pass.
    fn remember(&self, position: usize, error: &io::Error) {
        let mut damaged = self.damaged();
        if error.kind() != io::ErrorKind::OutOfMemory && damaged.len() < MOST_DAMAGED {
            damaged.insert(position, (error.kind(), error.to_string()));
        }
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeMap<usize, (io::ErrorKind, String)>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Decoder>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored_start(&self, run: &Run) -> io::Result<u64> {
        self.data_offset
            .checked_add(run.stored_offset)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
