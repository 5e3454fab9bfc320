//! pbzx: a stream cut into chunks, each compressed with xz where that makes it smaller.
//!
//! Payloads of flat packages that are made for OS X 10.10 and later only. After the magic comes a chunk length
//! `u64`; then chunks, each `u64` inflated length, `u64` stored length, contents. Numbers are big-endian. A chunk
//! whose lengths are equal is stored as it is.
//!
//! Source: inferred from packages; the chunk's first number is what others call flags, whose bit 24 means that more
//! follows where chunks are 16 MiB long. It is the inflated length.

use std::io::{self, Read};

use super::xz;

/// What a stream begins with.
pub(crate) const MAGIC: [u8; 4] = *b"pbzx";

/// Longest chunk, stored or inflated: Apple's are 16 MiB.
const LONGEST_CHUNK: u64 = 256 << 20;

/// What a stored chunk that is compressed begins with.
const XZ_MAGIC: [u8; 6] = *b"\xfd7zXZ\0";

/// Inflates a stream chunk by chunk.
#[derive(Debug)]
pub(crate) struct PbzxReader<R> {
    inner: R,
    begun: bool,
    has_chunks: bool,
    chunk: io::Cursor<Vec<u8>>,
}

impl<R: Read> PbzxReader<R> {
    /// Reads the stream that `inner` begins with.
    pub(crate) const fn new(inner: R) -> Self {
        Self {
            inner,
            begun: false,
            has_chunks: false,
            chunk: io::Cursor::new(Vec::new()),
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        let mut head = [0; 12];
        self.inner.read_exact(&mut head)?;
        if head.first_chunk() != Some(&MAGIC) {
            return Err(broken("pbzx stream: does not begin with `pbzx`".to_owned()));
        }
        self.begun = true;
        Ok(())
    }

    /// The next chunk, inflated; none at the end.
    fn next_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
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
        let mut chunk = Vec::new();
        xz::reader(stored.as_slice())
            .take(len.saturating_add(1))
            .read_to_end(&mut chunk)?;
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
        if !self.begun {
            self.begin()?;
        }
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.next_chunk()? {
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
        let mut bytes = MAGIC.to_vec();
        bytes.extend((16_u64 << 20).to_be_bytes());
        for (contents, stored) in chunks {
            bytes.extend((contents.len() as u64).to_be_bytes());
            bytes.extend((stored.len() as u64).to_be_bytes());
            bytes.extend_from_slice(stored);
        }
        bytes
    }

    fn inflate(stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        PbzxReader::new(stream).read_to_end(&mut contents)?;
        Ok(contents)
    }

    #[test]
    fn reads_compressed_and_stored_chunks() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long, &xz()), (b"tail", b"tail")]);
        let expected = [&long[..], b"tail"].concat();
        assert_eq!(inflate(&bytes).unwrap(), expected);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long, &xz())]);
        for len in 0..bytes.len() {
            assert!(inflate(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn a_lie_about_a_length_is_an_error() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long[1..], &xz())]);
        assert!(inflate(&bytes).is_err());
        let mut bytes = stream(&[(b"tail", b"tail")]);
        bytes[20..28].copy_from_slice(&u64::MAX.to_be_bytes());
        assert!(inflate(&bytes).is_err());
    }
}
