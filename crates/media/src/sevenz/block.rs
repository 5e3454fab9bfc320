//! A block: streams, and the coders that make contents of them.

use std::{
    io::{Empty, Read},
    sync::Arc,
};

use wire::{ParseError, Part, ReadAt, SourceReader};

use super::{coder, constants::AES, streams::Content};
use crate::{MediaError, codec::Checked};

/// Something that can be read from front to back.
pub(super) type Reader = Box<dyn Read + Send>;

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) coders: Vec<Coder>,
    /// Which stream into a coder is what comes out of which coder.
    pub(super) bonds: Vec<(u64, u64)>,
    /// Which stream into a coder is which stretch of the archive: start and length.
    pub(super) packed: Vec<(u64, u64, u64)>,
    pub(super) crc32: Option<u32>,
}

/// A method, and how it is set up.
#[derive(Clone, Debug)]
pub(super) struct Coder {
    pub(super) method: u64,
    pub(super) properties: Vec<u8>,
    /// The number of the first stream that goes into it, counted over all coders of the block.
    pub(super) first_way_in: u64,
    pub(super) ways_in: u64,
    /// How many bytes come out of it.
    pub(super) len: u64,
}

/// What is decoded, and how far that is.
struct Decoding<'a> {
    block: &'a Block,
    source: &'a Arc<dyn ReadAt>,
    /// Which coders are in use: each gives out its contents once.
    used: Vec<bool>,
    /// How much memory the coders may still ask for.
    memory: u64,
}

impl Block {
    /// A block whose coders are not yet connected.
    pub(super) const fn new(coders: Vec<Coder>) -> Self {
        Self {
            coders,
            bonds: Vec::new(),
            packed: Vec::new(),
            crc32: None,
        }
    }

    /// The number of the coder whose contents nobody takes: they are those of the block.
    fn last(&self) -> Option<usize> {
        let taken = |number: &usize| {
            let mut taken = self.bonds.iter().map(|(_, coder)| *coder);
            taken.any(|coder| coder == *number as u64)
        };
        (0..self.coders.len()).find(|number| !taken(number))
    }

    /// How long its contents are.
    pub(super) fn len(&self) -> u64 {
        let last = self.last().and_then(|last| self.coders.get(last));
        last.map_or(0, |coder| coder.len)
    }

    /// All of it, as the contents of one file; `number` is its own.
    pub(super) fn whole(&self, number: usize) -> Content {
        Content {
            block: number,
            start: 0,
            len: self.len(),
            crc32: self.crc32,
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.coders.iter().any(|coder| coder.method == AES)
    }

    /// Reads its contents, whose length and checksum are compared, from the archive in `source`.
    ///
    /// # Errors
    /// [`MediaError::Locked`] if they are encrypted; if the coders are unknown, want too much memory, or do not fit
    /// together.
    pub(super) fn reader(&self, source: &Arc<dyn ReadAt>) -> Result<Reader, MediaError> {
        if self.is_encrypted() {
            return Err(MediaError::Locked {
                what: "what is in the 7z archive".to_owned(),
                how: "AES-256",
            });
        }
        let mut decoding = Decoding {
            block: self,
            source,
            used: vec![false; self.coders.len()],
            memory: coder::MOST_MEMORY,
        };
        let last = self.last().ok_or_else(|| broken("coders in a circle"))?;
        let reader = decoding.out_of(last)?;
        if decoding.used.contains(&false) {
            return Err(broken("a coder whose contents nobody takes"));
        }
        Ok(Box::new(Checked::new(reader, self.len(), self.crc32)))
    }
}

impl Decoding<'_> {
    /// What comes out of the coder of that number.
    fn out_of(&mut self, number: usize) -> Result<Reader, MediaError> {
        let block = self.block;
        let (Some(coder), Some(used)) = (block.coders.get(number), self.used.get_mut(number))
        else {
            return Err(broken("a coder that is not there"));
        };
        if std::mem::replace(used, true) {
            return Err(broken("a coder whose contents are taken twice"));
        }
        let mut inputs = Vec::new();
        let end = coder.first_way_in.saturating_add(coder.ways_in);
        for way_in in coder.first_way_in..end {
            inputs.push(self.input(way_in)?);
        }
        let reader = coder::reader(coder, inputs, &mut self.memory)?;
        Ok(Box::new(reader.take(coder.len)))
    }

    /// What goes into the way of that number.
    fn input(&mut self, number: u64) -> Result<Reader, MediaError> {
        let block = self.block;
        if let Some((_, coder)) = block.bonds.iter().find(|(way_in, _)| *way_in == number) {
            return self.out_of(usize::try_from(*coder).unwrap_or(usize::MAX));
        }
        let packed = block.packed.iter().find(|(way_in, ..)| *way_in == number);
        let Some((_, start, len)) = packed else {
            return Err(broken("a coder that nothing goes into"));
        };
        let end = start.checked_add(*len);
        if end.is_none_or(|end| end > self.source.len()) {
            return Err(broken("a stream that lies outside the archive"));
        }
        if *len == 0 {
            return Ok(Box::new(Empty::default()));
        }
        let part = Part::new(Arc::clone(self.source), *start, *len);
        Ok(Box::new(SourceReader::new(Arc::new(part))))
    }
}

fn broken(what: &str) -> MediaError {
    MediaError::Parse(ParseError::Invalid {
        structure: "7z block",
        what: what.to_owned(),
        offset: 0,
    })
}
