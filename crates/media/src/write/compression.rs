//! How the chunks of a disk image are compressed.

use std::io::{self, Write as _};

use bzip2::write::BzEncoder;
use flate2::{Compress, FlushCompress, Status};
use lzfse_rust::LzfseRingEncoder;
use lzma_rust2::{CheckType, XzOptions, XzWriter};

use crate::udif::constants::{
    CHUNK_BZIP2, CHUNK_LZFSE, CHUNK_LZMA, CHUNK_RAW, CHUNK_ZERO, CHUNK_ZLIB,
};

/// xz's preset, as its own program has it by default.
const XZ_PRESET: u32 = 6;

/// Dictionary of a chunk's xz stream in bytes: no chunk is longer.
const XZ_DICTIONARY: u32 = 1 << 20;

/// How a disk image is compressed; beside each the name that `hdiutil` has for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compression {
    /// `UDBZ`
    Bzip2,
    /// `ULFO`, since OS X 10.11.
    Lzfse,
    /// `ULMO`, since macOS 10.15.
    Lzma,
    /// `UDRO`
    Stored,
    /// `UDZO`
    Zlib {
        /// From 1, the fastest, to 9, the smallest.
        level: u32,
    },
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zlib { level: 6 }
    }
}

impl Compression {
    /// The kind of a chunk and its stored bytes: none if it is all zeros, itself if compression does not make it
    /// shorter.
    pub(super) fn encode(self, chunk: &[u8]) -> io::Result<(u32, Vec<u8>)> {
        if chunk.iter().all(|byte| *byte == 0) {
            return Ok((CHUNK_ZERO, Vec::new()));
        }
        let (kind, stored) = match self {
            Self::Bzip2 => (CHUNK_BZIP2, bzip2(chunk)?),
            Self::Lzfse => (CHUNK_LZFSE, lzfse(chunk)?),
            Self::Lzma => (CHUNK_LZMA, xz(chunk)?),
            Self::Stored => (CHUNK_RAW, chunk.to_vec()),
            Self::Zlib { level } => (CHUNK_ZLIB, zlib(chunk, level)?),
        };
        if stored.len() < chunk.len() {
            Ok((kind, stored))
        } else {
            Ok((CHUNK_RAW, chunk.to_vec()))
        }
    }
}

fn bzip2(chunk: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(chunk)?;
    encoder.finish()
}

fn lzfse(chunk: &[u8]) -> io::Result<Vec<u8>> {
    let mut stored = Vec::new();
    LzfseRingEncoder::default().encode_bytes(chunk, &mut stored)?;
    Ok(stored)
}

fn xz(chunk: &[u8]) -> io::Result<Vec<u8>> {
    let mut options = XzOptions::with_preset(XZ_PRESET);
    options.lzma_options.dict_size = XZ_DICTIONARY;
    options.set_check_sum_type(CheckType::Crc32);
    let mut encoder = XzWriter::new(Vec::new(), options)?;
    encoder.write_all(chunk)?;
    encoder.finish()
}

/// As long as the chunk itself if it would become longer.
fn zlib(chunk: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut stored = Vec::with_capacity(chunk.len());
    let mut compress = Compress::new(flate2::Compression::new(level.clamp(1, 9)), true);
    match compress.compress_vec(chunk, &mut stored, FlushCompress::Finish) {
        Ok(Status::StreamEnd) => Ok(stored),
        // There was no room for all of it.
        Ok(Status::Ok | Status::BufError) => Ok(chunk.to_vec()),
        Err(error) => Err(io::Error::other(error)),
    }
}
