//! bzip2 streams, read.
//!
//! A stream is blocks of at most 900,000 bytes, each on its own: runs are shortened, the bytes are ordered by what follows
//! them (Burrows and Wheeler), moved to the front as they come, and written in prefix codes. Reading is undoing that, and
//! the time goes into following the order back through a table that no cache holds.
//!
//! Source: "bzip2 Format Specification" (Joe Tsai, 2016), which describes what `bzip2` 1.0.6 reads and writes; M. Burrows
//! and D. J. Wheeler, "A Block-sorting Lossless Data Compression Algorithm", SRC Research Report 124.

mod bits;
mod block;
mod order;
mod prefix;
mod runs;

use std::io::{self, Read};

use self::{bits::Bits, block::Block, runs::Runs};

/// How many streams are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Streams {
    /// One; what follows it is left unread, or is lost in a buffer.
    One,
    /// All there are, one after the other.
    All,
}

/// What reading a block takes: some MiB, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Tables(Block);

/// Reads what streams hold. Each block's checksum is compared when its last byte has been read.
#[derive(Debug)]
pub(crate) struct BzReader<R> {
    bits: Bits<R>,
    streams: Streams,
    state: State,
    /// Checksum of the checksums of the blocks of a stream so far.
    combined: u32,
    block: Block,
    runs: Runs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Before the first stream, or one that is not the first.
    Start {
        is_first: bool,
    },
    /// Between two blocks.
    Between,
    /// In a block with that checksum.
    Inside {
        expected: u32,
    },
    Ended,
}

/// What a stream begins with; the size of its blocks follows.
const MAGIC: u32 = 0x42_5a68;
/// What a block begins with: the digits of pi.
const BLOCK: u64 = 0x3141_5926_5359;
/// What ends the blocks: those of its square root.
const END: u64 = 0x1772_4538_5090;

impl<R: Read> BzReader<R> {
    /// Reads what `compressed` holds.
    pub(crate) fn new(compressed: R, streams: Streams) -> Self {
        Self::with_tables(compressed, streams, Tables::default())
    }

    /// As [`Self::new`], with tables that are there already.
    pub(crate) fn with_tables(compressed: R, streams: Streams, tables: Tables) -> Self {
        Self {
            bits: Bits::new(compressed),
            streams,
            state: State::Start { is_first: true },
            combined: 0,
            block: tables.0,
            runs: Runs::default(),
        }
    }

    /// Its tables, for another one.
    pub(crate) fn into_tables(self) -> Tables {
        Tables(self.block)
    }

    /// Goes on to the next block, or to the end.
    fn advance(&mut self) -> io::Result<()> {
        match self.state {
            State::Start { is_first } => {
                if !is_first && (self.streams == Streams::One || self.bits.is_at_end()?) {
                    self.state = State::Ended;
                    return Ok(());
                }
                self.begin_stream()
            }
            State::Between => self.begin_block(),
            State::Inside { expected } => {
                let found = self.runs.checksum();
                if found != expected {
                    return Err(broken("a block's checksum is wrong"));
                }
                self.combined = self.combined.rotate_left(1) ^ found;
                self.state = State::Between;
                Ok(())
            }
            State::Ended => Ok(()),
        }
    }

    fn begin_stream(&mut self) -> io::Result<()> {
        let magic = self.bits.take(24)?;
        let digit = self.bits.take(8)?;
        let hundreds = digit.wrapping_sub(u32::from(b'0'));
        if magic != MAGIC || !(1..=9).contains(&hundreds) {
            return Err(broken("does not begin as one"));
        }
        self.block.begin_stream(hundreds);
        self.combined = 0;
        self.state = State::Between;
        Ok(())
    }

    fn begin_block(&mut self) -> io::Result<()> {
        let magic = u64::from(self.bits.take(24)?) << 24 | u64::from(self.bits.take(24)?);
        let checksum = self.bits.take(16)? << 16 | self.bits.take(16)?;
        match magic {
            BLOCK => {
                self.block.read(&mut self.bits)?;
                self.runs.begin_block();
                self.state = State::Inside { expected: checksum };
                Ok(())
            }
            END if checksum == self.combined => {
                self.bits.align();
                self.state = State::Start { is_first: false };
                Ok(())
            }
            END => Err(broken("the checksum of the stream is wrong")),
            _ => Err(broken("neither a block nor the end")),
        }
    }
}

impl<R: Read> Read for BzReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.state != State::Ended {
            if matches!(self.state, State::Inside { .. }) {
                let read = self.runs.read(self.block.bytes(), buffer);
                if read > 0 {
                    return Ok(read);
                }
            }
            self.advance()?;
        }
        Ok(0)
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("bzip2 stream: {what}"))
}

#[cfg(test)]
pub(crate) mod tests;
