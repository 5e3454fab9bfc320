//! Decodes one chunk.

use std::io::{self, Read as _};

use flate2::{Decompress, FlushDecompress, Status};
use lzfse_rust::LzfseRingDecoder;

use super::adc;
use crate::codec::{
    bunzip::{BzReader, Streams},
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

/// The `len` bytes that `stored` holds.
///
/// # Errors
/// If it is damaged, or holds more or fewer.
pub(super) fn decode(codec: Codec, stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
    let chunk = match codec {
        Codec::Raw => read(stored, len)?,
        Codec::Zero => read(io::repeat(0).take(len), len)?,
        Codec::Adc => adc::decode(stored, len)?,
        Codec::Zlib => zlib(stored, len)?,
        Codec::Bzip2 => read(BzReader::new(stored, Streams::One), len)?,
        Codec::Lzfse => read(LzfseRingDecoder::default().reader(stored), len)?,
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
fn zlib(stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
    let room = usize::try_from(len.saturating_add(1)).unwrap_or(usize::MAX);
    let mut chunk = Vec::with_capacity(room);
    let status =
        Decompress::new(true).decompress_vec(stored, &mut chunk, FlushDecompress::Finish)?;
    let ended = status == Status::StreamEnd;
    if ended || chunk.len() as u64 > len {
        Ok(chunk)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
