//! Zstandard: frames one after the other, with checks that the decoder leaves to whoever calls it.
//!
//! Source: RFC 8878, 3.1.

use std::{
    fmt,
    io::{self, BufReader, Read},
};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Largest window of a file, as the format's own program has it: what must be kept of the contents.
pub(super) const LARGEST_WINDOW: u64 = 128 << 20;

/// What a frame begins with, in the order of the bytes.
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The first byte of what begins a frame that holds no contents, without its last four bits.
const SKIPPABLE: u8 = 0x50;
/// The other bytes of it.
const SKIPPABLE_REST: [u8; 3] = [0x2a, 0x4d, 0x18];

/// Reads frames to the end of the stream.
pub(crate) struct ZstdReader<R> {
    inner: BufReader<R>,
    decoder: FrameDecoder,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nothing was read.
    Start,
    /// In a frame of which so many bytes came out.
    Frame(u64),
    /// After a frame.
    Between,
}

impl<R: Read> ZstdReader<R> {
    /// Reads the frames that `inner` holds, whose windows must not be larger than `largest_window`.
    pub(crate) fn new(inner: R, largest_window: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(largest_window);
        Self {
            inner: BufReader::new(inner),
            decoder,
            state: State::Start,
        }
    }

    /// Goes into the next frame; false at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            let mut magic = [0; 4];
            if (&mut self.inner).take(1).read(&mut magic)? == 0 {
                if self.state == State::Start {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                return Ok(false);
            }
            let [first, rest @ ..] = &mut magic;
            self.inner.read_exact(rest)?;
            if *first & 0xf0 == SKIPPABLE && *rest == SKIPPABLE_REST {
                self.skip_frame()?;
                self.state = State::Between;
                continue;
            }
            self.decoder
                .reset(magic.chain(&mut self.inner))
                .map_err(broken)?;
            self.state = State::Frame(0);
            return Ok(true);
        }
    }

    fn skip_frame(&mut self) -> io::Result<()> {
        let mut len = [0; 4];
        self.inner.read_exact(&mut len)?;
        let len = u64::from(u32::from_le_bytes(len));
        let skipped = io::copy(&mut (&mut self.inner).take(len), &mut io::sink())?;
        if skipped < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// More of the frame; nothing once it is over.
    fn read_frame(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            self.decoder
                .decode_blocks(&mut self.inner, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(broken)?;
        }
        self.decoder.read(buffer)
    }

    /// Compares a frame that is over, and of which `len` bytes came out, with what it says of itself.
    fn check(&self, len: u64) -> io::Result<()> {
        // Zero also stands for a length that is not said.
        let declared = self.decoder.content_size();
        if declared != 0 && declared != len {
            let what = format!("a frame of {declared} bytes has {len}");
            return Err(broken(what));
        }
        let declared = self.decoder.get_checksum_from_data();
        if declared.is_some() && declared != self.decoder.get_calculated_checksum() {
            return Err(broken("the checksum of a frame is wrong"));
        }
        Ok(())
    }
}

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let State::Frame(len) = self.state else {
                if self.next_frame()? {
                    continue;
                }
                return Ok(0);
            };
            let read = self.read_frame(buffer)?;
            if read > 0 {
                self.state = State::Frame(len.saturating_add(read as u64));
                return Ok(read);
            }
            self.check(len)?;
            self.state = State::Between;
        }
    }
}

impl<R> fmt::Debug for ZstdReader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ZstdReader")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

fn broken(error: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("zstd stream: {error}"))
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;
    use crate::samples::bytes;

    /// What `zstd` makes of 200 times `text, ` from a pipe: a frame that does not say how long it is, with a checksum.
    const FROM_PIPE: &str = "28b52ffd04586d000030746578742c200100a7e42f45092fc8c3";

    fn read(stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        ZstdReader::new(stream, LARGEST_WINDOW).read_to_end(&mut contents)?;
        Ok(contents)
    }

    #[test]
    fn a_frame_is_read_and_every_truncation_is_an_error() {
        let stream = bytes(FROM_PIPE);
        assert_eq!(read(&stream).unwrap(), b"text, ".repeat(200));
        for len in 0..stream.len() {
            assert!(read(&stream[..len]).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let mut stream = bytes(FROM_PIPE);
        let last = stream.len() - 1;
        stream[last] ^= 1;
        let error = read(&stream).unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
    }

    #[test]
    fn a_frame_that_lies_about_its_length_is_an_error() {
        // One segment, a length of 5 in one byte; a last raw block of 3 bytes.
        let frame = b"\x28\xb5\x2f\xfd\x20\x03\x19\0\0abc";
        assert_eq!(read(frame).unwrap(), b"abc");
        let mut frame = frame.to_vec();
        frame[5] = 5;
        assert!(read(&frame).is_err());
    }

    #[test]
    fn frames_follow_each_other_and_some_hold_nothing() {
        let frame = compress_to_vec(&b"more"[..], CompressionLevel::Uncompressed);
        let skipped = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
        let stream = [skipped, frame.as_slice(), skipped, &frame].concat();
        assert_eq!(read(&stream).unwrap(), b"moremore");
        assert_eq!(read(skipped).unwrap(), b"");
        assert!(read(&skipped[..10]).is_err());
        assert!(read(&[stream.as_slice(), b"garbage"].concat()).is_err());
    }

    #[test]
    fn a_window_that_is_too_large_is_refused() {
        let error = read(b"\x28\xb5\x2f\xfd\0\xa8\x01\0\0").unwrap_err();
        assert!(error.to_string().contains("window"), "{error}");
    }
}
