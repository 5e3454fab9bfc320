//! Contents in blocks in the resource fork.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use wire::{Cursor, ParseError, ReadAt, read_vec};

use super::{
    codec::{Codec, decode},
    header::Header,
};
use crate::MediaError;

/// Bytes of a block when decompressed; the last one may have fewer.
const BLOCK: u64 = 64 << 10;

/// Longest block as it is stored, in bytes: a marker may come before what is not compressed.
const LONGEST_STORED: u64 = BLOCK * 2;

const STRUCTURE: &str = "compressed resource fork";

/// Contents in blocks, each decoded where it is read.
#[derive(Debug)]
pub(super) struct Blocks {
    fork: Arc<dyn ReadAt>,
    codec: Codec,
    /// Start and length of each block in the fork.
    places: Vec<(u64, u64)>,
    len: u64,
    /// The block that was decoded last.
    cached: Mutex<Option<(u64, Arc<Vec<u8>>)>>,
}

impl Blocks {
    /// The contents that `header` speaks of.
    ///
    /// # Errors
    /// If the table of the blocks is damaged.
    pub(super) fn open(
        fork: Arc<dyn ReadAt>,
        codec: Codec,
        header: Header,
    ) -> Result<Self, MediaError> {
        let count = header.len.div_ceil(BLOCK);
        let places = match codec {
            Codec::Zlib => resource_table(&*fork, count)?,
            Codec::Lzfse | Codec::Lzvn | Codec::Raw => offset_table(&*fork, count)?,
        };
        for (start, len) in &places {
            let end = start.checked_add(*len);
            if *len > LONGEST_STORED || end.is_none_or(|end| end > fork.len()) {
                return Err(invalid("a block that is too long", *start).into());
            }
        }
        Ok(Self {
            fork,
            codec,
            places,
            len: header.len,
            cached: Mutex::new(None),
        })
    }

    fn block(&self, number: u64) -> io::Result<Arc<Vec<u8>>> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, block)) = cached.as_ref().filter(|(known, _)| *known == number) {
            return Ok(Arc::clone(block));
        }
        let place = usize::try_from(number)
            .ok()
            .and_then(|number| self.places.get(number));
        let (start, stored_len) = place.ok_or(io::ErrorKind::UnexpectedEof)?;
        let stored = read_vec(&*self.fork, *start, *stored_len)?;
        let left = self.len.saturating_sub(number.saturating_mul(BLOCK));
        let block = Arc::new(decode(self.codec, &stored, left.min(BLOCK))?);
        *cached = Some((number, Arc::clone(&block)));
        Ok(block)
    }
}

impl ReadAt for Blocks {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(done as u64);
            if at >= self.len {
                break;
            }
            let block = self.block(at.div_euclid(BLOCK))?;
            let start = usize::try_from(at.rem_euclid(BLOCK)).unwrap_or(usize::MAX);
            let from = block.get(start..).unwrap_or_default();
            let len = from.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..len), from.get(..len)) {
                to.copy_from_slice(from);
            }
            if len == 0 {
                break;
            }
            done = done.saturating_add(len);
        }
        Ok(done)
    }
}

/// The table of a fork that is a well-formed one: a resource, in which the blocks follow their table.
fn resource_table(fork: &dyn ReadAt, count: u64) -> Result<Vec<(u64, u64)>, MediaError> {
    let start = bytes(fork, 0, 4)?;
    let data = u64::from(Cursor::new(STRUCTURE, &start).u32_be()?);
    let table_at = data.saturating_add(4);
    let head = bytes(fork, table_at, 4)?;
    let declared = Cursor::new(STRUCTURE, &head).u32_le()?;
    if u64::from(declared) != count {
        let what = format!("{declared} blocks where {count} are needed");
        return Err(invalid(&what, table_at).into());
    }
    let table = bytes(fork, table_at.saturating_add(4), count.saturating_mul(8))?;
    let mut cursor = Cursor::new(STRUCTURE, &table);
    let mut places = Vec::new();
    for _ in 0..count {
        let start = table_at.saturating_add(cursor.u32_le()?.into());
        places.push((start, cursor.u32_le()?.into()));
    }
    Ok(places)
}

/// The table of a fork that begins with the offsets of the blocks and of their end.
fn offset_table(fork: &dyn ReadAt, count: u64) -> Result<Vec<(u64, u64)>, MediaError> {
    let table = bytes(fork, 0, count.saturating_add(1).saturating_mul(4))?;
    let mut cursor = Cursor::new(STRUCTURE, &table);
    let mut start = u64::from(cursor.u32_le()?);
    let mut places = Vec::new();
    for _ in 0..count {
        let end = u64::from(cursor.u32_le()?);
        let Some(len) = end.checked_sub(start) else {
            return Err(cursor.invalid("a block that ends before it begins").into());
        };
        places.push((start, len));
        start = end;
    }
    Ok(places)
}

fn bytes(fork: &dyn ReadAt, offset: u64, len: u64) -> Result<Vec<u8>, MediaError> {
    read_vec(fork, offset, len).map_err(MediaError::content(STRUCTURE))
}

fn invalid(what: &str, offset: u64) -> ParseError {
    ParseError::Invalid {
        structure: STRUCTURE,
        what: what.to_owned(),
        offset,
    }
}
