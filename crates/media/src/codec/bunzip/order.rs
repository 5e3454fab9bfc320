//! The order of Burrows and Wheeler, undone.

use std::io;

use super::broken;

/// Puts bytes that are ordered by what follows them into the order in which they were.
///
/// From the place of the first byte the order can be followed forwards, and from that of the last one backwards. Every
/// step waits for memory, so both are done at once.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// By place in order: where the byte that follows is, and above the low eight bits, the byte before it.
    forwards: Vec<u32>,
    /// Where the byte is that goes before, and the byte itself.
    backwards: Vec<u32>,
}

impl Order {
    /// Puts `ordered` in order. `counts` says how often each byte occurs, `origin` where the last one is.
    ///
    /// # Errors
    /// If `origin` is none.
    pub(super) fn undo(
        &mut self,
        ordered: &[u8],
        counts: &[u32; 256],
        origin: usize,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        if origin >= ordered.len() {
            return Err(broken("an origin outside of the block"));
        }
        self.link(ordered, counts);
        bytes.clear();
        bytes.resize(ordered.len(), 0);
        let (first, last) = bytes.split_at_mut(ordered.len().wrapping_shr(1));
        let (mut next, mut before) = (origin, origin);
        let mut last = last.iter_mut().rev();
        for (from_start, from_end) in first.iter_mut().zip(&mut last) {
            (*from_start, next) = step(&self.forwards, next);
            (*from_end, before) = step(&self.backwards, before);
        }
        for from_end in last {
            (*from_end, before) = step(&self.backwards, before);
        }
        if next == before {
            return Ok(());
        }
        // They do not meet, so this is no order that an encoder made. Other readers go forwards, come what may.
        next = origin;
        for byte in bytes {
            (*byte, next) = step(&self.forwards, next);
        }
        Ok(())
    }

    fn link(&mut self, ordered: &[u8], counts: &[u32; 256]) {
        let mut places = [0_u32; 256];
        let mut sum = 0_u32;
        for (place, count) in places.iter_mut().zip(counts) {
            *place = sum;
            sum = sum.wrapping_add(*count);
        }
        self.forwards.resize(ordered.len(), 0);
        self.backwards.resize(ordered.len(), 0);
        for ((at, byte), backwards) in (0_u32..).zip(ordered).zip(&mut self.backwards) {
            let Some(place) = places.get_mut(usize::from(*byte)) else {
                continue;
            };
            *backwards = place.wrapping_shl(8) | u32::from(*byte);
            if let Some(forwards) = self.forwards.get_mut(*place as usize) {
                *forwards = at.wrapping_shl(8) | u32::from(*byte);
            }
            *place = place.wrapping_add(1);
        }
    }
}

#[inline]
fn step(links: &[u32], at: usize) -> (u8, usize) {
    let link = links.get(at).copied().unwrap_or_default();
    let byte = u8::try_from(link & 0xff).unwrap_or_default();
    (byte, link.wrapping_shr(8) as usize)
}
