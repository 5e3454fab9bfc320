//! Runs, made as long as they were: after four bytes that are the same comes the number of those that followed.

use flate2::Crc;

/// How long a run is before its number.
const SHORTENED: u32 = 4;

/// Where in a block the reading is.
#[derive(Debug, Default)]
pub(super) struct Runs {
    at: usize,
    /// The byte before, how often it has come, and how often it is still to come.
    before: u8,
    times: u32,
    left: usize,
    crc: Crc,
}

impl Runs {
    pub(super) fn begin_block(&mut self) {
        *self = Self::default();
    }

    /// The next bytes of `block`; 0 at its end.
    pub(super) fn read(&mut self, block: &[u8], buffer: &mut [u8]) -> usize {
        let mut done = 0_usize;
        while let Some(room) = buffer.get_mut(done..).filter(|room| !room.is_empty()) {
            if self.left > 0 {
                let len = self.left.min(room.len());
                if let Some(same) = room.get_mut(..len) {
                    same.fill(self.before);
                }
                self.left = self.left.saturating_sub(len);
                done = done.saturating_add(len);
                continue;
            }
            let rest = block.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            if self.times == SHORTENED {
                self.left = rest.first().copied().unwrap_or_default().into();
                self.at = self.at.saturating_add(1);
                self.times = 0;
                continue;
            }
            let copied = self.copy(rest, room);
            self.at = self.at.saturating_add(copied);
            done = done.saturating_add(copied);
        }
        self.sum(buffer.get(..done).unwrap_or_default());
        done
    }

    /// Copies bytes up to the end of a run, and says how many.
    fn copy(&mut self, from: &[u8], to: &mut [u8]) -> usize {
        let mut copied = 0_usize;
        let (mut before, mut times) = (self.before, self.times);
        for (from, to) in from.iter().zip(to) {
            times = if *from == before {
                times.wrapping_add(1)
            } else {
                1
            };
            before = *from;
            *to = *from;
            copied = copied.wrapping_add(1);
            if times == SHORTENED {
                break;
            }
        }
        (self.before, self.times) = (before, times);
        copied
    }

    /// The checksum takes the bits of a byte in the other order than that of gzip, and is the same otherwise.
    fn sum(&mut self, bytes: &[u8]) {
        let mut turned = [0; 1024];
        for bytes in bytes.chunks(turned.len()) {
            for (to, from) in turned.iter_mut().zip(bytes) {
                *to = from.reverse_bits();
            }
            self.crc
                .update(turned.get(..bytes.len()).unwrap_or_default());
        }
    }

    /// Of what was read of the block.
    pub(super) fn checksum(&self) -> u32 {
        self.crc.sum().reverse_bits()
    }
}
