//! One block.

use std::io::{self, Read};

use super::{
    bits::Bits,
    broken,
    order::Order,
    prefix::{Code, MOST_SYMBOLS},
};

/// How many symbols one code is used for.
const GROUP: usize = 50;
/// More are written by some encoders, and not needed.
const MOST_GROUPS: usize = 18_002;

/// A block, its runs still shortened.
#[derive(Debug)]
pub(super) struct Block {
    most: usize,
    ordered: Vec<u8>,
    /// How often each byte occurs.
    counts: [u32; 256],
    order: Order,
    bytes: Vec<u8>,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            most: 0,
            ordered: Vec::new(),
            counts: [0; 256],
            order: Order::default(),
            bytes: Vec::new(),
        }
    }
}

impl Block {
    /// From here on blocks have so many times 100,000 bytes at most.
    pub(super) fn begin_stream(&mut self, hundreds: u32) {
        self.most = 100_000_usize.saturating_mul(hundreds as usize);
    }

    /// What the block holds.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a block, from after its checksum on.
    pub(super) fn read<R: Read>(&mut self, bits: &mut Bits<R>) -> io::Result<()> {
        if bits.take(1)? != 0 {
            return Err(broken(
                "a block that was randomised, as before version 0.9.5",
            ));
        }
        let origin = bits.take(24)? as usize;
        let used = used_bytes(bits)?;
        let symbol_count = used.len().saturating_add(2);
        let code_count = bits.take(3)? as usize;
        if !(2..=6).contains(&code_count) {
            return Err(broken("too few codes, or too many"));
        }
        let selectors = selectors(bits, code_count)?;
        let mut codes = Vec::new();
        for _ in 0..code_count {
            codes.push(Code::new(&lens(bits, symbol_count)?)?);
        }
        self.symbols(bits, &selectors, &codes, Front::new(&used))?;
        self.order
            .undo(&self.ordered, &self.counts, origin, &mut self.bytes)
    }

    /// Reads the bytes in their order, and counts them.
    fn symbols<R: Read>(
        &mut self,
        bits: &mut Bits<R>,
        selectors: &[u8],
        codes: &[Code],
        mut front: Front,
    ) -> io::Result<()> {
        self.ordered.clear();
        self.counts.fill(0);
        self.ordered.reserve(self.most);
        let mut run = Run::default();
        for selector in selectors {
            let Some(code) = codes.get(usize::from(*selector)) else {
                return Err(broken("a code that is not there"));
            };
            for _ in 0..GROUP {
                bits.fill()?;
                let symbol = code.next(bits)?;
                if symbol <= 1 {
                    run.longer(symbol)?;
                    continue;
                }
                self.put(front.first(), run.take())?;
                // Positions in the list, from 1 on, and after them the end.
                let position = usize::from(symbol).wrapping_sub(1);
                if position >= front.len {
                    return Ok(());
                }
                self.put(front.fetch(position), 1)?;
            }
        }
        Err(broken("a block without an end"))
    }

    #[inline]
    fn put(&mut self, byte: u8, times: u32) -> io::Result<()> {
        if times == 0 {
            return Ok(());
        }
        let len = self.ordered.len().saturating_add(times as usize);
        if len > self.most {
            return Err(broken("a block that is longer than it may be"));
        }
        if let Some(count) = self.counts.get_mut(usize::from(byte)) {
            *count = count.wrapping_add(times);
        }
        if times == 1 {
            self.ordered.push(byte);
        } else {
            self.ordered.resize(len, byte);
        }
        Ok(())
    }
}

/// How often the byte at the front comes, in a number system without a zero: digits of 1 and 2, the lowest first.
#[derive(Debug, Default)]
struct Run {
    times: u32,
    digits: u32,
}

impl Run {
    #[inline]
    fn longer(&mut self, symbol: u16) -> io::Result<()> {
        if self.digits > 20 {
            return Err(broken("a run that is longer than a block"));
        }
        let digit = u32::from(symbol).wrapping_add(1);
        self.times = self.times.wrapping_add(digit.wrapping_shl(self.digits));
        self.digits = self.digits.wrapping_add(1);
        Ok(())
    }

    #[inline]
    fn take(&mut self) -> u32 {
        let times = self.times;
        *self = Self::default();
        times
    }
}

/// The bytes, the ones that came last at the front.
#[derive(Debug)]
struct Front {
    /// The first eight, the first one lowest.
    head: u64,
    tail: [u8; 248],
    len: usize,
}

impl Front {
    fn new(used: &[u8]) -> Self {
        let mut all = [0; 256];
        for (to, from) in all.iter_mut().zip(used) {
            *to = *from;
        }
        let (head, rest) = all.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let mut tail = [0; 248];
        for (to, from) in tail.iter_mut().zip(rest) {
            *to = *from;
        }
        Self {
            head: u64::from_le_bytes(*head),
            tail,
            len: used.len(),
        }
    }

    #[inline]
    fn first(&self) -> u8 {
        low_byte(self.head)
    }

    /// Moves the byte at `position` to the front.
    #[inline]
    fn fetch(&mut self, position: usize) -> u8 {
        if let Some(in_tail) = position.checked_sub(8) {
            return self.fetch_from_tail(in_tail);
        }
        let shift = u32::try_from(position).unwrap_or_default().wrapping_mul(8);
        let byte = self.head.wrapping_shr(shift) & 0xff;
        let before = 1_u64.wrapping_shl(shift).wrapping_sub(1);
        let moved = (self.head & before).wrapping_shl(8) | byte;
        let others = self.head & !(before.wrapping_shl(8) | 0xff);
        self.head = others | moved;
        low_byte(byte)
    }

    fn fetch_from_tail(&mut self, at: usize) -> u8 {
        let byte = self.tail.get(at).copied().unwrap_or_default();
        let last_of_head = low_byte(self.head.wrapping_shr(56));
        self.head = self.head.wrapping_shl(8) | u64::from(byte);
        if at < self.tail.len() {
            self.tail.copy_within(..at, 1);
        }
        if let Some(first) = self.tail.first_mut() {
            *first = last_of_head;
        }
        byte
    }
}

fn low_byte(bytes: u64) -> u8 {
    u8::try_from(bytes & 0xff).unwrap_or_default()
}

/// Which bytes the block has: a map of sixteen maps of sixteen.
fn used_bytes<R: Read>(bits: &mut Bits<R>) -> io::Result<Vec<u8>> {
    let maps = bits.take(16)?;
    let mut used = Vec::with_capacity(256);
    for high in 0..16_u8 {
        if maps.wrapping_shl(high.into()) & 0x8000 == 0 {
            continue;
        }
        let map = bits.take(16)?;
        let of_map = (0..16_u8).filter(|low| map.wrapping_shl((*low).into()) & 0x8000 != 0);
        used.extend(of_map.map(|low| high.wrapping_shl(4) | low));
    }
    if used.is_empty() {
        return Err(broken("a block without bytes"));
    }
    Ok(used)
}

/// Which code each group of symbols is in, moved to the front as they come.
fn selectors<R: Read>(bits: &mut Bits<R>, code_count: usize) -> io::Result<Vec<u8>> {
    let count = bits.take(15)? as usize;
    if count == 0 {
        return Err(broken("a block without symbols"));
    }
    let mut front = [0, 1, 2, 3, 4, 5];
    let mut selectors = Vec::with_capacity(count.min(MOST_GROUPS));
    for _ in 0..count {
        let mut position = 0_usize;
        while bits.take(1)? != 0 {
            position = position.saturating_add(1);
        }
        let Some(moved) = front.get_mut(..=position).filter(|_| position < code_count) else {
            return Err(broken("a code that is not there"));
        };
        moved.rotate_right(1);
        if selectors.len() < MOST_GROUPS {
            selectors.extend(front.first());
        }
    }
    Ok(selectors)
}

/// The lengths of a code, each told by its difference from the one before.
fn lens<R: Read>(bits: &mut Bits<R>, symbol_count: usize) -> io::Result<Vec<u8>> {
    let mut lens = Vec::with_capacity(MOST_SYMBOLS);
    let mut len = bits.take(5)?;
    for _ in 0..symbol_count {
        loop {
            if !(1..=20).contains(&len) {
                return Err(broken("a code that is too long"));
            }
            if bits.take(1)? == 0 {
                break;
            }
            len = match bits.take(1)? {
                0 => len.wrapping_add(1),
                _ => len.wrapping_sub(1),
            };
        }
        lens.push(u8::try_from(len).unwrap_or_default());
    }
    Ok(lens)
}
