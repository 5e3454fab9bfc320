//! Where the blocks lie, how they are compressed, and what files they are cut into.

use wire::{Cursor, ParseError};

use super::{
    block::{Block, Coder},
    constants::{
        CRC, END, FOLDER, NUM_UNPACK_STREAM, PACK_INFO, SIZE, START_LEN, SUBSTREAMS, UNPACK_INFO,
        UNPACK_SIZE,
    },
};

/// Most blocks. Archives have as many as files at most, and mostly one.
const MOST_BLOCKS: u64 = 1 << 18;

/// Most files.
pub(super) const MOST_FILES: u64 = 1 << 20;

/// Most coders of a block, and most streams that go into one: as many as 7-Zip reads.
const MOST_CODERS: u64 = 32;

/// The blocks of an archive, in order.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) blocks: Vec<Block>,
    /// The contents that lie in them, one after the other: those of the files that are not empty.
    pub(super) contents: Vec<Content>,
}

/// The contents of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Content {
    /// The number of the block.
    pub(super) block: usize,
    /// Where they begin in it.
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) crc32: Option<u32>,
}

/// A number whose first byte says by its highest bits how many follow.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Result<u64, ParseError> {
    let first = cursor.u8()?;
    let more = first.leading_ones();
    let mut number = 0_u64;
    for at in 0..more {
        number |= u64::from(cursor.u8()?).wrapping_shl(at.wrapping_mul(8));
    }
    let bits_here = 0x7f_u8.checked_shr(more).unwrap_or(0);
    let here = u64::from(first & bits_here);
    Ok(number | here.checked_shl(more.wrapping_mul(8)).unwrap_or(0))
}

/// A number of things, which is not larger than `most`: they need more memory than they have bytes.
pub(super) fn count(cursor: &mut Cursor<'_>, most: u64) -> Result<u64, ParseError> {
    let count = number(cursor)?;
    if count > most {
        return Err(ParseError::Budget {
            structure: "7z header",
            limit: most,
            unit: "entries",
        });
    }
    Ok(count)
}

/// So many yes and no, the highest bit of a byte first.
pub(super) fn bits(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<bool>, ParseError> {
    let bytes = cursor.take(count.div_ceil(8))?;
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte & (1_u8 << bit) != 0));
    Ok(bits.take(usize::try_from(count).unwrap_or(0)).collect())
}

/// As [`bits`], with a byte before that says whether all of them are yes.
pub(super) fn bits_or_all(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<bool>, ParseError> {
    if cursor.u8()? == 0 {
        return bits(cursor, count);
    }
    // Each yes is followed by 4 bytes or more.
    if count > cursor.rest().len() as u64 {
        return Err(cursor.invalid("properties of more things than there is room for"));
    }
    Ok(vec![true; usize::try_from(count).unwrap_or(0)])
}

/// A checksum for each of `count` things, or none.
fn checksums(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<Option<u32>>, ParseError> {
    let defined = bits_or_all(cursor, count)?;
    let checksums = defined.into_iter();
    checksums
        .map(|defined| defined.then(|| cursor.u32_le()).transpose())
        .collect()
}

fn expect(cursor: &mut Cursor<'_>, id: u8) -> Result<(), ParseError> {
    cursor.magic([id])
}

impl Streams {
    /// Reads what stands between the property's number and its end.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let mut packed = Vec::new();
        let mut streams = Self::default();
        let mut is_cut = false;
        loop {
            match cursor.u8()? {
                END => break,
                PACK_INFO => packed = pack_info(cursor)?,
                UNPACK_INFO => streams.blocks = blocks(cursor, &packed)?,
                SUBSTREAMS => {
                    streams.contents = contents(cursor, &streams.blocks)?;
                    is_cut = true;
                }
                other => return Err(cursor.invalid(format!("property {other:#x} among streams"))),
            }
        }
        if !is_cut {
            let whole = streams.blocks.iter().enumerate();
            streams.contents = whole.map(|(number, block)| block.whole(number)).collect();
        }
        Ok(streams)
    }
}

/// Start and length of each packed stream.
fn pack_info(cursor: &mut Cursor<'_>) -> Result<Vec<(u64, u64)>, ParseError> {
    let mut start = number(cursor)?.checked_add(START_LEN);
    let count = count(cursor, MOST_FILES)?;
    let mut packed = Vec::new();
    loop {
        match cursor.u8()? {
            END => return Ok(packed),
            SIZE => {
                for _ in 0..count {
                    let len = number(cursor)?;
                    let this = start.ok_or_else(|| cursor.invalid("a stream beyond all bounds"))?;
                    packed.push((this, len));
                    start = this.checked_add(len);
                }
            }
            CRC => drop(checksums(cursor, count)?),
            other => return Err(cursor.invalid(format!("property {other:#x} of packed streams"))),
        }
    }
}

fn blocks(cursor: &mut Cursor<'_>, packed: &[(u64, u64)]) -> Result<Vec<Block>, ParseError> {
    expect(cursor, FOLDER)?;
    let count = count(cursor, MOST_BLOCKS)?;
    if cursor.u8()? != 0 {
        return Err(cursor.unsupported("blocks that are described elsewhere"));
    }
    let mut packed = packed.iter().copied();
    let mut blocks = Vec::new();
    for _ in 0..count {
        blocks.push(block(cursor, &mut packed)?);
    }
    expect(cursor, UNPACK_SIZE)?;
    for block in &mut blocks {
        for coder in &mut block.coders {
            coder.len = number(cursor)?;
        }
    }
    loop {
        match cursor.u8()? {
            END => return Ok(blocks),
            CRC => {
                let checksums = checksums(cursor, count)?;
                for (block, crc32) in blocks.iter_mut().zip(checksums) {
                    block.crc32 = crc32;
                }
            }
            other => return Err(cursor.invalid(format!("property {other:#x} of blocks"))),
        }
    }
}

/// The graph of coders; every one has one stream that comes out, so that its number is also the coder's.
fn block(
    cursor: &mut Cursor<'_>,
    packed: &mut impl Iterator<Item = (u64, u64)>,
) -> Result<Block, ParseError> {
    let count = number(cursor)?;
    if count == 0 || count > MOST_CODERS {
        return Err(cursor.invalid(format!("a block of {count} coders")));
    }
    let (mut coders, mut inputs) = (Vec::new(), 0_u64);
    for _ in 0..count {
        let coder = coder(cursor, inputs)?;
        inputs = inputs.saturating_add(coder.ways_in);
        coders.push(coder);
    }
    let bonds = count.saturating_sub(1);
    let Some(from_outside) = inputs.checked_sub(bonds).filter(|_| inputs <= MOST_CODERS) else {
        return Err(cursor.invalid(format!("{count} coders with {inputs} streams into them")));
    };
    let mut block = Block::new(coders);
    for _ in 0..bonds {
        let way_in = number(cursor)?;
        block.bonds.push((way_in, number(cursor)?));
    }
    for _ in 0..from_outside {
        let way_in = if from_outside == 1 {
            let bound = |way: &u64| block.bonds.iter().any(|(way_in, _)| way_in == way);
            (0..inputs).find(|way| !bound(way))
        } else {
            Some(number(cursor)?)
        };
        match (way_in, packed.next()) {
            (Some(way_in), Some((start, len))) => block.packed.push((way_in, start, len)),
            _ => return Err(cursor.invalid("a block with fewer packed streams than it needs")),
        }
    }
    Ok(block)
}

fn coder(cursor: &mut Cursor<'_>, first_way_in: u64) -> Result<Coder, ParseError> {
    const IS_COMPLEX: u8 = 0x10;
    const HAS_PROPERTIES: u8 = 0x20;
    let flags = cursor.u8()?;
    let id = cursor.take(u64::from(flags & 0x0f))?;
    if flags & 0xc0 != 0 || id.len() > 8 {
        return Err(cursor.invalid("a coder with unknown flags"));
    }
    let method = id
        .iter()
        .fold(0, |method, byte| method << 8 | u64::from(*byte));
    let (ways_in, ways_out) = if flags & IS_COMPLEX == 0 {
        (1, 1)
    } else {
        (number(cursor)?, number(cursor)?)
    };
    if ways_out != 1 || ways_in == 0 || ways_in > MOST_CODERS {
        let what = format!("a coder with {ways_in} streams into it and {ways_out} out of it");
        return Err(cursor.unsupported(what));
    }
    let properties = if flags & HAS_PROPERTIES == 0 {
        Vec::new()
    } else {
        let len = number(cursor)?;
        cursor.take(len)?.to_vec()
    };
    Ok(Coder {
        method,
        properties,
        first_way_in,
        ways_in,
        len: 0,
    })
}

/// What the blocks are cut into.
fn contents(cursor: &mut Cursor<'_>, blocks: &[Block]) -> Result<Vec<Content>, ParseError> {
    let mut counts = vec![1; blocks.len()];
    let mut id = cursor.u8()?;
    if id == NUM_UNPACK_STREAM {
        for in_block in &mut counts {
            *in_block = count(cursor, MOST_FILES)?;
        }
        id = cursor.u8()?;
    }
    let has_sizes = id == SIZE;
    let mut contents: Vec<Content> = Vec::new();
    for (block_number, (block, count)) in blocks.iter().zip(&counts).enumerate() {
        let (mut start, block_len) = (0_u64, block.len());
        if contents.len() as u64 >= MOST_FILES {
            return Err(cursor.invalid("contents of more files than there are"));
        }
        for left in (0..*count).rev() {
            let len = match left {
                0 => block_len.checked_sub(start),
                _ if has_sizes => Some(number(cursor)?),
                _ => None,
            };
            let end = len.and_then(|len| start.checked_add(len));
            let (Some(len), Some(end)) = (len, end.filter(|end| *end <= block_len)) else {
                return Err(cursor.invalid("a block that is shorter than what is in it"));
            };
            let crc32 = block.crc32.filter(|_| *count == 1);
            contents.push(Content {
                block: block_number,
                start,
                len,
                crc32,
            });
            start = end;
        }
    }
    if has_sizes {
        id = cursor.u8()?;
    }
    loop {
        match id {
            END => return Ok(contents),
            CRC => set_checksums(cursor, &mut contents)?,
            other => return Err(cursor.invalid(format!("property {other:#x} of contents"))),
        }
        id = cursor.u8()?;
    }
}

/// Gives a checksum to all contents that do not have that of their block.
fn set_checksums(cursor: &mut Cursor<'_>, contents: &mut [Content]) -> Result<(), ParseError> {
    let without: Vec<_> = contents
        .iter_mut()
        .filter(|content| content.crc32.is_none())
        .collect();
    let checksums = checksums(cursor, without.len() as u64)?;
    for (content, crc32) in without.into_iter().zip(checksums) {
        content.crc32 = crc32;
    }
    Ok(())
}
