//! Blocks that are objects, each with a checksum.

use std::sync::Arc;

use wire::{Cursor, ParseError, ReadAt, read_vec};

use super::{constants::TYPE_MASK, raw::ObjectHeader};
use crate::MediaError;

/// Length of a block in all containers of today, in bytes.
const SEALED_BLOCK: usize = 4096;

/// The blocks of a container.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    pub(super) source: Arc<dyn ReadAt>,
    pub(super) block_len: u64,
    pub(super) block_count: u64,
}

impl Blocks {
    /// The object at `address`, in blocks, which has to be of one of these kinds.
    ///
    /// # Errors
    /// If it lies outside, is of another kind, or is not what its checksum says.
    pub(super) fn object(
        &self,
        address: u64,
        kinds: &[u32],
    ) -> Result<(ObjectHeader, Vec<u8>), MediaError> {
        if address >= self.block_count {
            return Err(invalid("a block beyond the end", address).into());
        }
        let offset = address.saturating_mul(self.block_len);
        let block = read_vec(&*self.source, offset, self.block_len)
            .map_err(MediaError::content("the APFS container"))?;
        if !is_sound(&block) {
            return Err(invalid("a block that is not what its checksum says", address).into());
        }
        let header = ObjectHeader::parse(&mut Cursor::new("APFS object", &block))?;
        if !kinds.contains(&(header.kind & TYPE_MASK)) {
            let what = format!("an object of kind {:#x}", header.kind);
            return Err(invalid(&what, address).into());
        }
        Ok((header, block))
    }
}

/// Whether the block is what its checksum says: that of Fletcher over words of 32 bits, made so that with the checksum
/// both sums are 0.
pub(super) fn is_sound(block: &[u8]) -> bool {
    let Some((stored, rest)) = block.split_first_chunk::<8>() else {
        return false;
    };
    u64::from_le_bytes(*stored) == checksum(rest)
}

/// The checksum of a block whose first eight bytes are left out.
pub(super) fn checksum(rest: &[u8]) -> u64 {
    const MODULUS: u64 = 0xffff_ffff;
    let (mut first, mut second) = (0_u64, 0_u64);
    for part in rest.chunks(4) {
        let mut word = [0; 4];
        for (to, from) in word.iter_mut().zip(part) {
            *to = *from;
        }
        let word = u64::from(u32::from_le_bytes(word));
        first = first.saturating_add(word).rem_euclid(MODULUS);
        second = second.saturating_add(first).rem_euclid(MODULUS);
    }
    let sum = first.saturating_add(second).rem_euclid(MODULUS);
    let low = MODULUS.saturating_sub(sum);
    let sum = first.saturating_add(low).rem_euclid(MODULUS);
    let high = MODULUS.saturating_sub(sum);
    high << 32 | low
}

/// Gives every block of a container that holds something the right checksum, so that what is damaged on purpose is
/// read further.
pub(crate) fn seal(container: &mut [u8]) {
    for block in container.chunks_exact_mut(SEALED_BLOCK) {
        let Some((stored, rest)) = block.split_first_chunk_mut::<8>() else {
            continue;
        };
        if rest.iter().any(|byte| *byte != 0) {
            *stored = checksum(rest).to_le_bytes();
        }
    }
}

pub(super) fn invalid(what: &str, address: u64) -> ParseError {
    ParseError::Invalid {
        structure: "APFS container",
        what: format!("{what}, in block {address}"),
        offset: 0,
    }
}
