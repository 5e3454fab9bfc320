//! Decodes one chunk.

use std::io::{self, Read as _};

use flate2::{Decompress, FlushDecompress, Status};
use lzfse_rust::LzfseRingDecoder;

use super::{adc, lzfse};
use crate::codec::{
    bunzip::{BzReader, Streams, Tables},
    read_chunk as read, xz,
};

/// How a chunk is stored.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Codec {
    /// Apple Data Compression.
    Adc,
    /// bzip2
    Bzip2,
    /// LZFSE
    Lzfse,
    /// LZMA, as xz.
    Lzma,
    /// As it is.
    Raw,
    /// Not at all: it is all zeros.
    Zero,
    /// zlib
    Zlib,
}

impl Codec {
    /// Its name, for people.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Adc => "ADC",
            Self::Bzip2 => "bzip2",
            Self::Lzfse => "LZFSE",
            Self::Lzma => "LZMA",
            Self::Raw => "none",
            Self::Zero => "zeros",
            Self::Zlib => "zlib",
        }
    }
}

/// Decodes one chunk after the other, and keeps what that takes.
#[derive(Debug)]
pub(super) struct Decoder {
    bzip2: Tables,
    lzfse: LzfseRingDecoder,
    zlib: Decompress,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            bzip2: Tables::default(),
            lzfse: LzfseRingDecoder::default(),
            zlib: Decompress::new(true),
        }
    }
}

impl Decoder {
    /// The `len` bytes that `stored` holds.
    ///
    /// # Errors
    /// If it is damaged, or holds more or fewer.
    pub(super) fn decode(&mut self, codec: Codec, stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
        let chunk = match codec {
            Codec::Raw => read(stored, len)?,
            Codec::Zero => read(io::repeat(0).take(len), len)?,
            Codec::Adc => adc::decode(stored, len)?,
            Codec::Zlib => self.zlib(stored, len)?,
            Codec::Bzip2 => self.bzip2(stored, len)?,
            Codec::Lzfse => self.lzfse(stored, len)?,
            Codec::Lzma => read(xz::reader(stored), len)?,
        };
        if chunk.len() as u64 != len {
            let found = chunk.len();
            let what = format!("a chunk of the disk image has {found} bytes or more, not {len}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(chunk)
    }

    /// At once, without a buffer between: most images are compressed like this.
    fn zlib(&mut self, stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
        let room = usize::try_from(len.saturating_add(1)).unwrap_or(usize::MAX);
        let mut chunk = Vec::with_capacity(room);
        self.zlib.reset(true);
        let finish = FlushDecompress::Finish;
        let status = self.zlib.decompress_vec(stored, &mut chunk, finish)?;
        let ended = status == Status::StreamEnd;
        if ended || chunk.len() as u64 > len {
            Ok(chunk)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn bzip2(&mut self, stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
        let tables = std::mem::take(&mut self.bzip2);
        let mut reader = BzReader::with_tables(stored, Streams::One, tables);
        let chunk = read(&mut reader, len);
        self.bzip2 = reader.into_tables();
        chunk
    }

    /// At once where the blocks say that they hold no more than the chunk, else as far as the chunk goes.
    fn lzfse(&mut self, stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
        if lzfse::declared_len(stored) != Some(len) {
            return read(self.lzfse.reader(stored), len);
        }
        // Every match asks for as much room again as was written: what nobody writes to costs nothing.
        let room = len.saturating_mul(2).saturating_add(lzfse::MARGIN);
        let mut chunk = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
        self.lzfse.decode_bytes(stored, &mut chunk)?;
        Ok(chunk)
    }
}
