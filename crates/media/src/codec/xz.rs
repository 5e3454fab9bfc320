//! xz, with a bound on the memory that a stream may ask for.
//!
//! A stream names the size of its dictionary, up to 4 GiB, and the decoder fills that much memory before the first
//! byte comes out. So the structure is followed on the way into the decoder, and a block that asks for more than
//! any vendor's file is stopped before the decoder sees it.
//!
//! Source: "The .xz File Format" 1.2.1; the chunks of LZMA2 as in `xz-embedded`'s `xz_dec_lzma2.c`.

use std::io::{self, Read};

use lzma_rust2::XzReader;
use wire::{Cursor, ParseError};

/// Largest dictionary, as LZMA2 stores it: 64 MiB, what `xz -9` uses.
const LARGEST_DICTIONARY: u8 = 28;

/// The filter that is LZMA2.
const FILTER_LZMA2: u64 = 0x21;

/// Lengths of the check after a block, by its number.
const CHECK_LEN: [u64; 16] = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/// Inflates the streams that `compressed` holds, one after the other.
pub(crate) fn reader<R: Read>(compressed: R) -> XzReader<Watched<R>> {
    XzReader::new(Watched::new(compressed), true)
}

/// Passes streams on, and follows their structure.
#[derive(Debug)]
pub(crate) struct Watched<R> {
    inner: R,
    state: State,
    /// What was collected of the part that is next.
    part: Vec<u8>,
    /// How many bytes of it are needed.
    needed: usize,
    /// How many bytes are passed over before it.
    skip: u64,
    /// How many bytes the block or the index has so far.
    len: u64,
    check_len: u64,
}

/// Which part is next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The header of a stream, or a part of the padding between streams.
    StreamStart,
    StreamHeader,
    /// The byte that says how long a block's header is, or that the index follows.
    BlockStart,
    BlockHeader,
    /// The byte that says what chunk follows, or that the block ends.
    ChunkStart,
    /// The lengths of a chunk that is stored as it is.
    StoredChunk,
    /// The lengths of a compressed chunk.
    Chunk,
    /// A byte of one of so many numbers of the index.
    Index(u64),
    /// The number of records, so far so many bits of it.
    IndexCount(u64, u32),
}

impl<R: Read> Watched<R> {
    const fn new(inner: R) -> Self {
        Self {
            inner,
            state: State::StreamStart,
            part: Vec::new(),
            needed: 4,
            skip: 0,
            len: 0,
            check_len: 0,
        }
    }

    /// Follows the structure over `bytes`.
    fn watch(&mut self, mut bytes: &[u8]) -> Result<(), ParseError> {
        while !bytes.is_empty() {
            let skipped = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            self.skip = self.skip.saturating_sub(skipped as u64);
            bytes = bytes.get(skipped..).unwrap_or_default();
            let missing = self.needed.saturating_sub(self.part.len());
            let (taken, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.part.extend_from_slice(taken);
            bytes = rest;
            if self.part.len() == self.needed {
                let part = std::mem::take(&mut self.part);
                self.len = self.len.saturating_add(part.len() as u64);
                self.next(&mut Cursor::new("xz stream", &part))?;
            }
        }
        Ok(())
    }

    /// Takes in the part that was collected.
    fn next(&mut self, part: &mut Cursor<'_>) -> Result<(), ParseError> {
        match self.state {
            State::StreamStart if part.rest() == [0; 4] => self.expect(State::StreamStart, 4),
            State::StreamStart => self.expect(State::StreamHeader, 8),
            State::StreamHeader => {
                part.skip(3)?;
                let check = usize::from(part.u8()? & 15);
                self.check_len = CHECK_LEN.get(check).copied().unwrap_or_default();
                self.expect(State::BlockStart, 1);
            }
            State::BlockStart => match usize::from(part.u8()?) {
                0 => {
                    self.len = 1;
                    self.expect(State::IndexCount(0, 0), 1);
                }
                len => self.expect(State::BlockHeader, len.saturating_mul(4).saturating_add(3)),
            },
            State::BlockHeader => {
                check_filters(part)?;
                self.len = 0;
                self.expect(State::ChunkStart, 1);
            }
            State::ChunkStart => match part.u8()? {
                0 => {
                    self.skip = padding(self.len).saturating_add(self.check_len);
                    self.expect(State::BlockStart, 1);
                }
                1 | 2 => self.expect(State::StoredChunk, 2),
                0x80..=0xbf => self.expect(State::Chunk, 4),
                0xc0.. => self.expect(State::Chunk, 5),
                _ => return Err(part.invalid("a chunk of an unknown kind")),
            },
            State::StoredChunk => self.contents(u64::from(part.u16_be()?)),
            State::Chunk => {
                part.skip(2)?;
                self.contents(u64::from(part.u16_be()?));
            }
            State::IndexCount(count, shift) => self.index_count(part.u8()?, count, shift),
            State::Index(numbers) => self.index(part.u8()?, numbers),
        }
        Ok(())
    }

    const fn expect(&mut self, state: State, needed: usize) {
        self.state = state;
        self.needed = needed;
    }

    /// Passes over the contents of a chunk, whose length less one is stored.
    const fn contents(&mut self, len_less_one: u64) {
        self.skip = len_less_one.saturating_add(1);
        self.len = self.len.saturating_add(self.skip);
        self.expect(State::ChunkStart, 1);
    }

    /// Numbers have 7 bits a byte, the low ones first; each record has two of them.
    fn index_count(&mut self, byte: u8, count: u64, shift: u32) {
        let bits = u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        let count = count | bits;
        if byte & 0x80 != 0 {
            self.expect(State::IndexCount(count, shift.saturating_add(7)), 1);
        } else if count == 0 {
            self.end_of_index();
        } else {
            self.expect(State::Index(count.saturating_mul(2)), 1);
        }
    }

    fn index(&mut self, byte: u8, numbers: u64) {
        let left = numbers.saturating_sub(u64::from(byte & 0x80 == 0));
        if left == 0 {
            self.end_of_index();
        } else {
            self.expect(State::Index(left), 1);
        }
    }

    /// Passes over padding and CRC-32 of the index, and the footer.
    const fn end_of_index(&mut self) {
        self.skip = padding(self.len).saturating_add(16);
        self.expect(State::StreamStart, 4);
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.watch(buffer.get(..read).unwrap_or_default()) {
            Ok(()) => Ok(read),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}

/// How many bytes fill up to a multiple of four.
const fn padding(len: u64) -> u64 {
    len.wrapping_neg() & 3
}

/// Looks for the dictionary among the filters of a block's header, whose length was read before.
fn check_filters(header: &mut Cursor<'_>) -> Result<(), ParseError> {
    let flags = header.u8()?;
    for has_len in [0x40, 0x80] {
        if flags & has_len != 0 {
            number(header)?;
        }
    }
    for _ in 0..=(flags & 3) {
        let filter = number(header)?;
        let len = number(header)?;
        let mut properties = header.part("xz filter", len)?;
        if filter != FILTER_LZMA2 {
            continue;
        }
        let dictionary = properties.u8()?;
        if dictionary > LARGEST_DICTIONARY {
            return Err(ParseError::Budget {
                structure: "xz dictionary",
                limit: 64 << 20,
                unit: "bytes",
            });
        }
    }
    Ok(())
}

/// A number of 7 bits a byte, the low ones first.
fn number(cursor: &mut Cursor<'_>) -> Result<u64, ParseError> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = cursor.u8()?;
        number |= u64::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(cursor.invalid("a number that is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::bytes;

    /// What `xz -0 --check=sha256` makes of 200 times `x`, then 30 bytes that cannot be compressed; two streams of
    /// it with padding between them.
    const TWO_STREAMS: &str = "
        fd377a585a00000ae1fb0ca1020021010c0000008f98419ce000e500285d003c6f66441020879055bc34c62ec0e49f1a
        8405f606c31d2b8879a9b68dbb3d69791f827bfb3270000097ecb2b36534aaaf7478884b3623dae915d0d4bf13232f01
        f79aaaf83ad691d800015ce6010000004b4931a7b6e9df1c02000000000a595a0000000000000000fd377a585a00000a
        e1fb0ca1020021010c0000008f98419ce000e500285d003c6f66441020879055bc34c62ec0e49f1a8405f606c31d2b88
        79a9b68dbb3d69791f827bfb3270000097ecb2b36534aaaf7478884b3623dae915d0d4bf13232f01f79aaaf83ad691d8
        00015ce6010000004b4931a7b6e9df1c02000000000a595a
    ";

    /// What `xz --block-size=1000 -T2 -0` makes of 2500 times `x`: three blocks that say how long they are.
    const THREE_BLOCKS: &str = "
        fd377a585a000004e6d6b44603c013e80721010c000000006224368de003e7000b5d003c6ffbbffea3b0b9a656000000
        8558cd6b4dd7f2c103c013e80721010c000000006224368de003e7000b5d003c6ffbbffea3b0b9a6560000008558cd6b
        4dd7f2c103c010f40321010c00000000fe20bfa8e001f300085d003c6ffbbe492be00000512332116b30805700032be8
        072be80728f4030024554aa714173b30030000000004595a
    ";

    fn inflate(compressed: impl Read) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        reader(compressed).read_to_end(&mut contents)?;
        Ok(contents)
    }

    /// Yields one byte at a time, so that every part is cut everywhere.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(1);
            self.0.read(&mut buffer[..len])
        }
    }

    #[test]
    fn the_structure_is_followed_to_the_end() {
        for (digits, len) in [(TWO_STREAMS, 460), (THREE_BLOCKS, 2500)] {
            let bytes = bytes(digits);
            assert_eq!(inflate(bytes.as_slice()).unwrap().len(), len);
            let mut watched = Watched::new(Slowly(&bytes));
            io::copy(&mut watched, &mut io::sink()).unwrap();
            assert_eq!(watched.state, State::StreamStart);
            assert_eq!((watched.skip, watched.part.len()), (0, 0));
        }
    }

    #[test]
    fn a_dictionary_of_any_block_is_bounded() {
        let sound = bytes(THREE_BLOCKS);
        let filters: Vec<_> = sound
            .windows(2)
            .enumerate()
            .filter(|(_, bytes)| *bytes == [0x21, 1])
            .map(|(at, _)| at)
            .collect();
        assert_eq!(filters.len(), 3);
        for at in filters {
            let mut bytes = sound.clone();
            bytes[at + 2] = 40;
            let mut watched = Watched::new(bytes.as_slice());
            let error = io::copy(&mut watched, &mut io::sink()).unwrap_err();
            assert!(error.to_string().contains("xz dictionary"), "{error}");
        }
    }

    #[test]
    fn every_truncation_is_an_error_and_no_changed_byte_panics() {
        let sound = bytes(THREE_BLOCKS);
        for at in 0..sound.len() {
            assert!(inflate(&sound[..at]).is_err(), "{at}");
            let mut bytes = sound.clone();
            bytes[at] ^= 0x55;
            inflate(bytes.as_slice()).map(drop).unwrap_or_default();
        }
    }
}
