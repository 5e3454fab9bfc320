//! Block maps in a resource fork, as images of before 2003 have them.
//!
//! Source: "Inside Macintosh: More Macintosh Toolbox", chapter 1, "Resource File Format". All numbers are big-endian.

use wire::{Cursor, ParseError};

const STRUCTURE: &str = "disk image resource fork";

/// The type of the resources that are block maps.
const BLOCK_MAP: [u8; 4] = *b"blkx";

/// Most resources of the type.
const MOST: u16 = 4096;

/// What the resources of `fork` that are block maps hold, in their order.
///
/// # Errors
/// If the fork is damaged, or a resource lies outside it.
pub(super) fn block_maps(fork: &[u8]) -> Result<Vec<&[u8]>, ParseError> {
    let mut head = cursor(fork, 0)?;
    let (data, map) = (u64::from(head.u32_be()?), u64::from(head.u32_be()?));
    let mut head = cursor(fork, map)?;
    head.skip(24)?; // a copy of the fork's head, and what the system keeps there
    let types = map.saturating_add(u64::from(head.u16_be()?));
    let mut list = cursor(fork, types)?;
    let count = count(&mut list)?;
    let mut maps = Vec::new();
    for _ in 0..count {
        let kind: [u8; 4] = list.array()?;
        let count = self::count(&mut list)?;
        let references = types.saturating_add(u64::from(list.u16_be()?));
        if kind != BLOCK_MAP {
            continue;
        }
        let mut references = cursor(fork, references)?;
        for _ in 0..count {
            references.skip(4)?; // number, name
            let place = u64::from(references.u32_be()? & 0x00ff_ffff); // without attributes
            references.skip(4)?;
            let mut resource = cursor(fork, data.saturating_add(place))?;
            let len = u64::from(resource.u32_be()?);
            maps.push(resource.take(len)?);
        }
    }
    Ok(maps)
}

/// A number that is stored as one less.
fn count(cursor: &mut Cursor<'_>) -> Result<u16, ParseError> {
    let count = cursor.u16_be()?.wrapping_add(1);
    if count > MOST {
        return Err(ParseError::Budget {
            structure: STRUCTURE,
            limit: MOST.into(),
            unit: "resources",
        });
    }
    Ok(count)
}

fn cursor(fork: &[u8], start: u64) -> Result<Cursor<'_>, ParseError> {
    let mut cursor = Cursor::new(STRUCTURE, fork);
    cursor.skip(start)?;
    Ok(cursor)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A fork with a resource of another type, and those block maps.
    pub(in super::super) fn fork(maps: &[Vec<u8>]) -> Vec<u8> {
        let mut data = Vec::new();
        let mut references = Vec::new();
        for map in [&b"other".to_vec()].into_iter().chain(maps) {
            references.extend([0, 128, 0xff, 0xff]);
            references.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            references.extend([0; 4]);
            data.extend(u32::try_from(map.len()).unwrap().to_be_bytes());
            data.extend(map);
        }
        let map_start = 256 + data.len();
        let mut fork = Vec::new();
        for number in [256, map_start, data.len(), 50 + references.len()] {
            fork.extend(u32::try_from(number).unwrap().to_be_bytes());
        }
        fork.resize(256, 0);
        fork.extend(data);
        fork.resize(map_start + 24, 0);
        fork.extend([0, 28, 0, 0]); // the list of types, from the start of the map
        let last = u8::try_from(maps.len()).unwrap().wrapping_sub(1);
        fork.extend(
            [
                &[0, 1],
                &b"plst"[..],
                &[0, 0, 0, 18],
                b"blkx",
                &[0, last, 0, 30],
            ]
            .concat(),
        );
        fork.extend(references);
        fork
    }

    #[test]
    fn every_block_map_is_found_and_every_truncation_is_an_error() {
        let maps = [b"one".to_vec(), b"three".to_vec()];
        let fork = fork(&maps);
        assert_eq!(block_maps(&fork).unwrap(), [b"one".as_slice(), b"three"]);
        for len in 0..fork.len() - 8 {
            assert!(block_maps(&fork[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn no_changed_byte_panics() {
        let fork = fork(&[b"one".to_vec()]);
        for at in 0..fork.len() {
            let mut fork = fork.clone();
            fork[at] ^= 0xff;
            block_maps(&fork).map(drop).unwrap_or_default();
        }
    }
}
