//! Contents whose length and CRC-32 were declared.

use std::io::{self, Read};

use flate2::Crc;

/// Passes contents on, and fails where they turn out to be longer, shorter or other than declared.
#[derive(Debug)]
pub(crate) struct Checked<R> {
    inner: R,
    crc: Crc,
    left: u64,
    crc32: Option<u32>,
}

impl<R: Read> Checked<R> {
    /// Expects `len` bytes with the CRC-32 `crc32`, if one was declared, from `inner`.
    pub(crate) fn new(inner: R, len: u64, crc32: impl Into<Option<u32>>) -> Self {
        Self {
            inner,
            crc: Crc::new(),
            left: len,
            crc32: crc32.into(),
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(broken("more contents than declared"));
        };
        self.left = left;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        if read > 0 {
            return Ok(read);
        }
        if left > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{left} bytes fewer than declared"),
            ));
        }
        if self.crc32.is_some_and(|crc32| crc32 != self.crc.sum()) {
            return Err(broken("the CRC-32 is not the declared one"));
        }
        Ok(0)
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_declared_passes() {
        let read = |len, crc32| {
            let mut text = String::new();
            Checked::new(&b"123456789"[..], len, crc32)
                .read_to_string(&mut text)
                .map(|_| text)
        };
        assert_eq!(read(9, 0xcbf4_3926).unwrap(), "123456789");
        assert!(read(9, 0xcbf4_3927).is_err());
        assert!(read(8, 0xcbf4_3926).is_err());
        assert!(read(10, 0xcbf4_3926).is_err());
    }
}
