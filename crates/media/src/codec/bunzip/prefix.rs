//! Prefix codes, by the lengths of which they are known.

use std::io::{self, Read};

use super::{bits::Bits, broken};

/// Bytes that a block may have, two kinds of runs, the end of the block, less the byte at the front.
pub(super) const MOST_SYMBOLS: usize = 258;
const LONGEST: u32 = 20;

/// Codes of so many bits are looked up at once.
const SHORT: u32 = 10;
const SHORT_COUNT: usize = 1 << SHORT;

/// A code for each symbol.
#[derive(Clone, Debug)]
pub(super) struct Code {
    /// What a stretch of [`SHORT`] bits begins with: the symbol, and in the low five bits how long its code is. 0 where
    /// it is longer than that.
    short: Box<[u16; SHORT_COUNT]>,
    longer: Vec<Longer>,
    /// By length, then by number.
    symbols: Vec<u16>,
}

/// All codes of one length.
#[derive(Clone, Copy, Debug)]
struct Longer {
    len: u32,
    /// The first one, and the one after the last, as they stand in [`LONGEST`] bits.
    first: u32,
    end: u32,
    /// Where in the list the symbol of the first is.
    place: usize,
}

impl Code {
    /// The code whose lengths are these, by symbol.
    ///
    /// # Errors
    /// If there are more codes of a length than there can be: `bzip2` itself only minds when one of them is used.
    pub(super) fn new(lens: &[u8]) -> io::Result<Self> {
        let mut code = Self {
            short: Box::new([0; SHORT_COUNT]),
            longer: Vec::new(),
            symbols: Vec::with_capacity(lens.len()),
        };
        let mut next = 0_u32;
        for len in 1..=LONGEST {
            let place = code.symbols.len();
            let of_len = (0_u16..)
                .zip(lens)
                .filter(|(_, other)| u32::from(**other) == len);
            code.symbols.extend(of_len.map(|(symbol, _)| symbol));
            let count = u32::try_from(code.symbols.len().saturating_sub(place)).unwrap_or(u32::MAX);
            let width = 1_u32.wrapping_shl(LONGEST.wrapping_sub(len));
            let end = next.saturating_add(count.saturating_mul(width));
            if end > 1 << LONGEST {
                return Err(broken("more codes than there can be"));
            }
            code.enter(Longer {
                len,
                first: next,
                end,
                place,
            });
            next = end;
        }
        Ok(code)
    }

    /// Enters the codes of one length.
    fn enter(&mut self, codes: Longer) {
        if codes.len > SHORT {
            self.longer.push(codes);
            return;
        }
        let begin = |code: u32| code.wrapping_shr(LONGEST.wrapping_sub(SHORT)) as usize;
        let width = 1_usize.wrapping_shl(SHORT.wrapping_sub(codes.len));
        let stretch = self.short.get_mut(begin(codes.first)..begin(codes.end));
        let symbols = self.symbols.get(codes.place..).unwrap_or_default();
        let len = u16::try_from(codes.len).unwrap_or_default();
        for (same, symbol) in stretch.unwrap_or_default().chunks_mut(width).zip(symbols) {
            same.fill(symbol.wrapping_shl(5) | len);
        }
    }

    /// The next symbol. At least 20 bits must wait, or all that are left.
    #[inline]
    pub(super) fn next<R: Read>(&self, bits: &mut Bits<R>) -> io::Result<u16> {
        let peeked = bits.peek();
        let at =
            usize::try_from(peeked.wrapping_shr(u64::BITS.wrapping_sub(SHORT))).unwrap_or_default();
        let found = self.short.get(at).copied().unwrap_or_default();
        if found != 0 {
            bits.pass(u32::from(found & 31))?;
            return Ok(found.wrapping_shr(5));
        }
        let peeked = peeked.wrapping_shr(u64::BITS.wrapping_sub(LONGEST));
        let peeked = u32::try_from(peeked).unwrap_or_default();
        let (symbol, len) = self.long(peeked)?;
        bits.pass(len)?;
        Ok(symbol)
    }

    fn long(&self, peeked: u32) -> io::Result<(u16, u32)> {
        let found = self.longer.iter().find(|codes| peeked < codes.end);
        found
            .and_then(|codes| {
                let number = peeked.checked_sub(codes.first)?;
                let number = number.wrapping_shr(LONGEST.wrapping_sub(codes.len)) as usize;
                let symbol = self.symbols.get(codes.place.saturating_add(number))?;
                Some((*symbol, codes.len))
            })
            .ok_or_else(|| broken("a code that stands for nothing"))
    }
}
