//! One compression each.

use std::io::{self, Read};

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use super::{
    bunzip::{BzReader, Streams},
    lzma,
    lzw::LzwReader,
    pbzx::PbzxReader,
    xz,
    zstd::{self, ZstdReader},
};

/// Bytes that room is made for at once, since a declared length may be a lie: chunks of disk images are no longer.
const LIKELY_CHUNK: u64 = 1 << 20;

/// A compression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Codec {
    /// bzip2, possibly several streams one after the other.
    Bzip2,
    /// gzip, possibly several members one after the other.
    Gzip,
    /// The older `.lzma` format.
    Lzma,
    /// What `compress` writes.
    Lzw,
    /// Apple's chunks of xz, as in payloads of flat packages.
    Pbzx,
    /// xz, possibly several streams one after the other.
    Xz,
    /// zlib.
    Zlib,
    /// Zstandard, possibly several frames one after the other.
    Zstd,
}

impl Codec {
    /// Its name, for people.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Bzip2 => "bzip2 stream",
            Self::Gzip => "gzip stream",
            Self::Lzma => "lzma stream",
            Self::Lzw => "compress stream",
            Self::Pbzx => "pbzx stream",
            Self::Xz => "xz stream",
            Self::Zlib => "zlib stream",
            Self::Zstd => "zstd stream",
        }
    }

    /// Reads what `compressed` holds. Damage is an error, and so is an end that comes too early.
    pub(crate) fn reader(self, compressed: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let reader: Box<dyn Read + Send> = match self {
            Self::Bzip2 => Box::new(BzReader::new(compressed, Streams::All)),
            Self::Gzip => Box::new(MultiGzDecoder::new(compressed)),
            Self::Lzma => match lzma::file(compressed) {
                Ok(reader) => Box::new(reader),
                Err(error) => Box::new(Failed::new(error)),
            },
            Self::Lzw => Box::new(LzwReader::new(compressed)),
            Self::Pbzx => Box::new(PbzxReader::new(compressed)),
            Self::Xz => Box::new(xz::reader(compressed)),
            Self::Zlib => Box::new(ZlibDecoder::new(compressed)),
            Self::Zstd => Box::new(ZstdReader::new(compressed, zstd::LARGEST_WINDOW)),
        };
        Box::new(Fused::new(reader))
    }
}

/// What `reader` yields, and a byte more than `len` if it yields more.
///
/// # Errors
/// Those of `reader`.
pub(crate) fn read_chunk(reader: impl Read, len: u64) -> io::Result<Vec<u8>> {
    let likely = len.saturating_add(1).min(LIKELY_CHUNK);
    let mut chunk = Vec::with_capacity(usize::try_from(likely).unwrap_or(0));
    reader.take(len.saturating_add(1)).read_to_end(&mut chunk)?;
    Ok(chunk)
}

/// Ends after an error: not every decoder bears being asked again.
#[derive(Debug)]
struct Fused<R> {
    inner: Option<R>,
}

impl<R: Read> Fused<R> {
    const fn new(inner: R) -> Self {
        Self { inner: Some(inner) }
    }
}

impl<R: Read> Read for Fused<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else {
            return Err(io::Error::other("the reader failed before"));
        };
        match inner.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.inner = None;
                Err(error)
            }
            result => result,
        }
    }
}

/// A reader that could not begin.
#[derive(Debug)]
pub(crate) struct Failed(Option<io::Error>);

impl Failed {
    /// A reader that could not begin because of `error`.
    pub(crate) const fn new(error: io::Error) -> Self {
        Self(Some(error))
    }
}

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self
            .0
            .take()
            .unwrap_or_else(|| io::Error::other("the reader failed before")))
    }
}
