//! pbzx and its kin: a stream cut into chunks, each compressed where that makes it smaller.
//!
//! Payloads of flat packages that are made for OS X 10.10 and later only are pbzx, whose chunks are xz; Apple archives
//! are of any kind, which the last byte of the magic names. After the magic comes a chunk length
//! `u64`; then chunks, each `u64` inflated length, `u64` stored length, contents. Numbers are big-endian. A chunk
//! whose lengths are equal is stored as it is.
//!
//! Source: inferred from packages; the chunk's first number is what others call flags, whose bit 24 means that more
//! follows where chunks are 16 MiB long. It is the inflated length.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, ZlibDecoder};
use lzfse_rust::LzfseRingDecoder;

use super::{read_chunk, xz};

/// How the chunks of a stream are compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Algorithm {
    Lzfse,
    Stored,
    Xz,
    /// Deflate, with or without zlib's head.
    Zlib,
}

/// Whether a stream begins like this, with a compression that is known.
pub(crate) fn is_stream(start: &[u8]) -> bool {
    start
        .first_chunk()
        .is_some_and(|start| algorithm(*start).is_some())
}

const fn algorithm(magic: [u8; 4]) -> Option<Algorithm> {
    match &magic {
        b"pbze" => Some(Algorithm::Lzfse),
        b"pbz-" => Some(Algorithm::Stored),
        b"pbzx" => Some(Algorithm::Xz),
        b"pbzz" => Some(Algorithm::Zlib),
        _ => None,
    }
}

/// Longest chunk, stored or inflated: Apple's are 16 MiB.
const LONGEST_CHUNK: u64 = 256 << 20;

/// What a stored chunk that is compressed begins with.
const XZ_MAGIC: [u8; 6] = *b"\xfd7zXZ\0";

/// Inflates a stream chunk by chunk.
#[derive(Debug)]
pub(crate) struct PbzxReader<R> {
    inner: R,
    /// None until the stream has begun.
    algorithm: Option<Algorithm>,
    has_chunks: bool,
    chunk: io::Cursor<Vec<u8>>,
}

impl<R: Read> PbzxReader<R> {
    /// Reads the stream that `inner` begins with.
    pub(crate) const fn new(inner: R) -> Self {
        Self {
            inner,
            algorithm: None,
            has_chunks: false,
            chunk: io::Cursor::new(Vec::new()),
        }
    }

    /// How the chunks are compressed, as the head of the stream says.
    fn algorithm(&mut self) -> io::Result<Algorithm> {
        if let Some(algorithm) = self.algorithm {
            return Ok(algorithm);
        }
        let mut head = [0; 12];
        self.inner.read_exact(&mut head)?;
        let found = head.first_chunk().and_then(|magic| algorithm(*magic));
        self.algorithm = found;
        found.ok_or_else(|| broken("pbzx stream: does not begin with `pbzx`".to_owned()))
    }

    /// The next chunk, inflated; none at the end.
    fn next_chunk(&mut self, algorithm: Algorithm) -> io::Result<Option<Vec<u8>>> {
        let Some(len) = self.number_or_end()? else {
            return Ok(None);
        };
        let stored_len = self.number_or_end()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if len > LONGEST_CHUNK || stored_len > LONGEST_CHUNK {
            let what = format!("pbzx stream: a chunk of {len} bytes, {stored_len} stored");
            return Err(broken(what));
        }
        let mut stored = Vec::new();
        (&mut self.inner)
            .take(stored_len)
            .read_to_end(&mut stored)?;
        if stored.len() as u64 != stored_len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if stored_len == len && !stored.starts_with(&XZ_MAGIC) {
            return Ok(Some(stored));
        }
        let chunk = inflate(algorithm, &stored, len)?;
        if chunk.len() as u64 != len {
            let what = format!("pbzx stream: a chunk of {len} bytes has {}", chunk.len());
            return Err(broken(what));
        }
        Ok(Some(chunk))
    }

    /// The next number; none where the stream ends before it.
    fn number_or_end(&mut self) -> io::Result<Option<u64>> {
        let mut bytes = Vec::new();
        (&mut self.inner).take(8).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        match bytes.first_chunk::<8>() {
            Some(bytes) => Ok(Some(u64::from_be_bytes(*bytes))),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl<R: Read> Read for PbzxReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let algorithm = self.algorithm()?;
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.next_chunk(algorithm)? {
                Some(chunk) => {
                    self.chunk = io::Cursor::new(chunk);
                    self.has_chunks = true;
                }
                None if self.has_chunks => return Ok(0),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

/// What a compressed chunk holds, and a byte more than `len` if it holds more.
fn inflate(algorithm: Algorithm, stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
    match algorithm {
        Algorithm::Lzfse => read_chunk(LzfseRingDecoder::default().reader(stored), len),
        Algorithm::Stored => read_chunk(stored, len),
        Algorithm::Xz => read_chunk(xz::reader(stored), len),
        Algorithm::Zlib if stored.starts_with(&[0x78]) => read_chunk(ZlibDecoder::new(stored), len),
        Algorithm::Zlib => read_chunk(DeflateDecoder::new(stored), len),
    }
}

fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `xz -1` makes of 3000 times `x`.
    const XZ: &str = "
        fd377a585a000004e6d6b4460200210110000000a8708e86e00bb700155d003c6ffbbffea3b15ee5f83fb2aa2655f868
        1efed00000000000917f9896947d3e45000131b817000000262c0ae1b1c467fb020000000004595a
    ";

    fn xz() -> Vec<u8> {
        let digits: String = XZ.split_whitespace().collect();
        hex::decode(digits).unwrap()
    }

    fn stream(chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = b"pbzx".to_vec();
        bytes.extend((16_u64 << 20).to_be_bytes());
        for (contents, stored) in chunks {
            bytes.extend((contents.len() as u64).to_be_bytes());
            bytes.extend((stored.len() as u64).to_be_bytes());
            bytes.extend_from_slice(stored);
        }
        bytes
    }

    fn inflated(stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        PbzxReader::new(stream).read_to_end(&mut contents)?;
        Ok(contents)
    }

    #[test]
    fn reads_compressed_and_stored_chunks() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long, &xz()), (b"tail", b"tail")]);
        let expected = [&long[..], b"tail"].concat();
        assert_eq!(inflated(&bytes).unwrap(), expected);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long, &xz())]);
        for len in 0..bytes.len() {
            assert!(inflated(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn a_lie_about_a_length_is_an_error() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long[1..], &xz())]);
        assert!(inflated(&bytes).is_err());
        let mut bytes = stream(&[(b"tail", b"tail")]);
        bytes[20..28].copy_from_slice(&u64::MAX.to_be_bytes());
        assert!(inflated(&bytes).is_err());
    }
}
