//! The order of Burrows and Wheeler, undone.

use std::io;

use super::broken;

/// How many walks go on at once: every step waits for memory, and several can wait together.
const LANES: usize = 8;
/// Most stretches that a block is walked in: many, so that all lanes have something to do until the end.
const MOST_STRETCHES: usize = 256;
/// A stretch is not worth beginning for fewer bytes.
const LEAST: usize = 64;
/// How many steps are made before it is asked whether all walks have ended.
const STEPS: usize = 256;

/// Set in a link where a stretch begins. Below it is the byte, above it where the one before it is: a block has at most
/// 900,000.
const BEGINS: u32 = 1 << 8;
const PLACE: u32 = 9;

/// Puts bytes that are ordered by what follows them into the order in which they were.
///
/// The order is followed from every byte to the one before it, beginning in many places: each walk is a stretch of the
/// block, and ends where another one begins. Which ones follow each other is known in the end.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// By place in order; after them [`Self::gate`] and [`Self::idle`].
    links: Vec<u32>,
    /// The bytes of all lanes, a row for each step.
    rows: Vec<[u8; LANES]>,
    stretches: Vec<Stretch>,
}

/// Bytes that one walk passes, the last one first.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    begin: usize,
    lane: usize,
    row: usize,
    len: usize,
    /// The one that goes before it.
    before: usize,
}

/// Who walks where.
struct Walks {
    at: [u32; LANES],
    stretches: [Option<usize>; LANES],
    /// Stretches that nobody walks yet.
    waiting: std::ops::Range<usize>,
    under_way: usize,
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
        self.begin(origin);
        self.walk();
        bytes.clear();
        bytes.resize(ordered.len(), 0);
        self.join(bytes);
        Ok(())
    }

    fn link(&mut self, ordered: &[u8], counts: &[u32; 256]) {
        let mut next = [0_u32; 256];
        let mut sum = 0_u32;
        for ((next, count), byte) in next.iter_mut().zip(counts).zip(0_u32..) {
            *next = link(sum) | byte;
            sum = sum.wrapping_add(*count);
        }
        self.links.clear();
        self.links.reserve(ordered.len().saturating_add(2));
        self.links.extend(ordered.iter().map(|byte| {
            let next = next.get_mut(usize::from(*byte));
            next.map_or(0, |next| {
                let link = *next;
                *next = link.wrapping_add(1 << PLACE);
                link
            })
        }));
        let (gate, idle) = (sum, sum.saturating_add(1));
        self.links.push(link(gate) | BEGINS);
        self.links.push(link(idle));
    }

    /// Where a lane waits for its first stretch.
    fn gate(&self) -> u32 {
        self.idle().wrapping_sub(1)
    }

    /// Where a lane goes round for which there is none any more.
    fn idle(&self) -> u32 {
        u32::try_from(self.links.len().wrapping_sub(1)).unwrap_or_default()
    }

    /// Has stretches begin at `origin`, and here and there.
    fn begin(&mut self, origin: usize) {
        let len = self.links.len().saturating_sub(2);
        let count = len.wrapping_div(LEAST).clamp(1, MOST_STRETCHES);
        let distance = len.div_ceil(count).max(1);
        let others = (0..len).step_by(distance).filter(|at| *at != origin);
        self.stretches.clear();
        self.stretches
            .extend(std::iter::once(origin).chain(others).map(|begin| Stretch {
                begin,
                lane: 0,
                row: 0,
                len: 0,
                before: 0,
            }));
        for stretch in &self.stretches {
            if let Some(link) = self.links.get_mut(stretch.begin) {
                *link |= BEGINS;
            }
        }
    }

    /// Walks all stretches.
    fn walk(&mut self) {
        let mut walks = Walks {
            at: [self.gate(); LANES],
            stretches: [None; LANES],
            waiting: 0..self.stretches.len(),
            under_way: LANES,
        };
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        while walks.under_way > 0 {
            let done = rows.len();
            rows.resize(done.saturating_add(STEPS), [0; LANES]);
            for (number, row) in rows.iter_mut().enumerate().skip(done) {
                let mut links = walks.at.map(|at| self.at(at));
                if links.iter().fold(0, |all, link| all | link) & BEGINS != 0 {
                    self.turn(&mut walks, &mut links, number);
                }
                *row = links.map(low_byte);
                walks.at = links.map(|link| link.wrapping_shr(PLACE));
            }
        }
        self.rows = rows;
    }

    #[inline]
    fn at(&self, at: u32) -> u32 {
        self.links.get(at as usize).copied().unwrap_or_default()
    }

    /// Where some lanes have come to where a stretch begins: theirs ends, and each takes the next one.
    #[cold]
    #[inline(never)]
    fn turn(&mut self, walks: &mut Walks, links: &mut [u32; LANES], row: usize) {
        let lanes = links.iter_mut().zip(walks.at).zip(&mut walks.stretches);
        for (lane, ((link, at), walked)) in lanes.enumerate() {
            if *link & BEGINS == 0 {
                continue;
            }
            let before = self.begun_at(at);
            if let Some(ended) = walked.take().and_then(|at| self.stretches.get_mut(at)) {
                ended.len = row.wrapping_sub(ended.row);
                ended.before = before;
            }
            *walked = walks.waiting.next();
            let next = walked.and_then(|next| self.stretches.get_mut(next));
            *link = if let Some(next) = next {
                (next.lane, next.row) = (lane, row);
                self.links.get(next.begin).copied().unwrap_or_default()
            } else {
                walks.under_way = walks.under_way.saturating_sub(1);
                self.at(self.idle())
            };
        }
    }

    /// Which stretch begins there. The first one is that of the origin, the others come in order.
    fn begun_at(&self, at: u32) -> usize {
        let at = at as usize;
        let (first, others) = self.stretches.split_first().unzip();
        if first.is_some_and(|first: &Stretch| first.begin == at) {
            return 0;
        }
        let found = others
            .unwrap_or_default()
            .binary_search_by_key(&at, |stretch| stretch.begin);
        found.map_or(0, |found| found.saturating_add(1))
    }

    /// Puts the stretches together, from the end on.
    fn join(&self, bytes: &mut [u8]) {
        let all = bytes.len();
        let mut left = all;
        let mut next = 0;
        while let Some(stretch) = self.stretches.get(next).filter(|_| left > 0) {
            let kept = left.saturating_sub(stretch.len);
            let to = bytes.get_mut(kept..left).unwrap_or_default();
            let rows = self.rows.get(stretch.row..).unwrap_or_default();
            for (to, row) in to.iter_mut().rev().zip(rows) {
                *to = row.get(stretch.lane).copied().unwrap_or_default();
            }
            left = kept;
            next = stretch.before;
            if next == 0 {
                break;
            }
        }
        if left == 0 {
            return;
        }
        // The order is a circle that is shorter than the block: it is gone round again and again, forwards.
        bytes.copy_within(left.., 0);
        let (circle, rest) = bytes.split_at_mut(all.saturating_sub(left));
        for again in rest.chunks_mut(circle.len().max(1)) {
            again.copy_from_slice(circle.get(..again.len()).unwrap_or_default());
        }
    }
}

const fn link(place: u32) -> u32 {
    place.wrapping_shl(PLACE)
}

#[inline]
fn low_byte(link: u32) -> u8 {
    link.to_le_bytes()[0]
}
