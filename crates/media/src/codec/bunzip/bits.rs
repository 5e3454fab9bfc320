//! Bits, the highest of a byte first.

use std::io::{self, Read};

const BUFFER_LEN: usize = 32 << 10;

/// Bits that are read from `inner`.
#[derive(Debug)]
pub(super) struct Bits<R> {
    inner: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// The next bits, the first one highest; below `count` of them only what is read again.
    waiting: u64,
    count: u32,
}

impl<R: Read> Bits<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: vec![0; BUFFER_LEN].into(),
            start: 0,
            end: 0,
            waiting: 0,
            count: 0,
        }
    }

    /// Sees to it that at least 56 bits wait, or all that are left.
    #[inline]
    pub(super) fn fill(&mut self) -> io::Result<()> {
        if self.count >= 32 {
            return Ok(());
        }
        let unread = self.buffer.get(self.start..self.end);
        if let Some(word) = unread.and_then(<[u8]>::first_chunk) {
            // What does not fit is read again the next time: it is written over itself.
            self.waiting |= u64::from_be_bytes(*word).wrapping_shr(self.count);
            let bytes = 63_u32.wrapping_sub(self.count).wrapping_shr(3);
            self.start = self.start.wrapping_add(bytes as usize);
            self.count = self.count.wrapping_add(bytes.wrapping_mul(8));
            return Ok(());
        }
        self.fill_at_the_edge()
    }

    /// Where fewer than eight bytes are in the buffer.
    #[cold]
    fn fill_at_the_edge(&mut self) -> io::Result<()> {
        // The bits below `count` are those of bytes that are read again here.
        self.waiting &= !u64::MAX.checked_shr(self.count).unwrap_or(0);
        while self.count <= 56 {
            if self.start == self.end && !self.read_more()? {
                break;
            }
            let byte = self.buffer.get(self.start).copied().unwrap_or_default();
            self.start = self.start.saturating_add(1);
            let place = 56_u32.saturating_sub(self.count);
            self.waiting |= u64::from(byte).wrapping_shl(place);
            self.count = self.count.saturating_add(8);
        }
        Ok(())
    }

    /// False at the end.
    fn read_more(&mut self) -> io::Result<bool> {
        loop {
            match self.inner.read(&mut self.buffer) {
                Ok(read) => {
                    (self.start, self.end) = (0, read);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The bits that wait, the first one highest; zeros follow the last of them.
    #[inline]
    pub(super) const fn peek(&self) -> u64 {
        self.waiting
    }

    /// Passes over `count` of the bits that [`Self::fill`] saw to, 32 at most.
    ///
    /// # Errors
    /// If fewer are left.
    #[inline]
    pub(super) fn pass(&mut self, count: u32) -> io::Result<()> {
        let Some(left) = self.count.checked_sub(count) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        self.count = left;
        self.waiting = self.waiting.wrapping_shl(count);
        Ok(())
    }

    /// The next `count` bits as a number; 24 at most.
    ///
    /// # Errors
    /// If fewer are left.
    pub(super) fn take(&mut self, count: u32) -> io::Result<u32> {
        self.fill()?;
        let bits = self
            .peek()
            .wrapping_shr(32)
            .wrapping_shr(32_u32.wrapping_sub(count));
        self.pass(count)?;
        Ok(u32::try_from(bits).unwrap_or_default())
    }

    /// Passes over what is left of a byte.
    pub(super) fn align(&mut self) {
        let odd = self.count & 7;
        self.count = self.count.saturating_sub(odd);
        self.waiting = self.waiting.wrapping_shl(odd);
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&mut self) -> io::Result<bool> {
        self.fill()?;
        Ok(self.count == 0)
    }
}
