//! The headers of LZFSE blocks, as far as it takes to know what they hold before they are decoded.
//!
//! Source: `lzfse_internal.h` of <https://github.com/lzfse/lzfse>.

use wire::{Cursor, ParseError};

/// Room beyond what is decoded that the decoder copies into: the longest match, and the width of its copies.
pub(super) const MARGIN: u64 = 4 << 10;

const STRUCTURE: &str = "LZFSE block";

const RAW: [u8; 4] = *b"bvx-";
const LZVN: [u8; 4] = *b"bvxn";
const COMPRESSED: [u8; 4] = *b"bvx2";
const END: [u8; 4] = *b"bvx$";

/// How many bytes all blocks of `stored` together are declared to hold; none if they do not lie one after the other up
/// to the end, or one is of a kind that nobody writes any more.
pub(super) fn declared_len(stored: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(STRUCTURE, stored);
    let mut len = 0_u64;
    while let Some(block_len) = pass(&mut cursor).ok()? {
        len = len.saturating_add(block_len.into());
    }
    cursor.is_empty().then_some(len)
}

/// Passes over a block and says how many bytes it holds; none at the end.
fn pass(cursor: &mut Cursor<'_>) -> Result<Option<u32>, ParseError> {
    let magic = cursor.array()?;
    if magic == END {
        return Ok(None);
    }
    let len = cursor.u32_le()?;
    let stored_len = match magic {
        RAW => len.into(),
        LZVN => cursor.u32_le()?.into(),
        COMPRESSED => {
            let [literals, commands, header_len] = [long(cursor)?, long(cursor)?, long(cursor)?];
            // What was read of the header so far.
            let left = (header_len & 0xffff_ffff).checked_sub(32);
            let left = left.ok_or_else(|| cursor.invalid("a header that is too short"))?;
            let payload_len = |fields: u64, at: u32| fields.wrapping_shr(at) & 0xf_ffff;
            left.saturating_add(payload_len(literals, 20))
                .saturating_add(payload_len(commands, 40))
        }
        _ => return Err(cursor.unsupported("another kind of block")),
    };
    cursor.skip(stored_len)?;
    Ok(Some(len))
}

fn long(cursor: &mut Cursor<'_>) -> Result<u64, ParseError> {
    cursor.array().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use lzfse_rust::encode_bytes;
    use proptest::prelude::*;

    use super::*;

    fn encoded(contents: &[u8]) -> Vec<u8> {
        let mut stored = Vec::new();
        encode_bytes(contents, &mut stored).unwrap();
        stored
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn blocks_say_what_they_hold(unit in prop::collection::vec(any::<u8>(), 0..200), times in 0_usize..2000) {
            let contents = unit.repeat(times);
            prop_assert_eq!(declared_len(&encoded(&contents)), Some(contents.len() as u64));
        }

        #[test]
        fn nothing_makes_it_panic(kind in 0_usize..4, stored in prop::collection::vec(any::<u8>(), 0..100)) {
            let magic = [RAW, LZVN, COMPRESSED, END][kind];
            let stored = [&magic[..], &stored].concat();
            prop_assert!(declared_len(&stored).is_none_or(|_| stored.ends_with(&END)));
        }
    }

    #[test]
    fn blocks_that_are_cut_or_followed_by_something_say_nothing() {
        let contents: Vec<u8> = (0..100_000_u32)
            .flat_map(|number| (number.wrapping_mul(number) % 9973).to_le_bytes())
            .collect();
        let stored = encoded(&contents);
        assert!(stored.starts_with(&COMPRESSED));
        assert_eq!(declared_len(&stored), Some(400_000));
        for len in 0..stored.len() {
            assert_eq!(declared_len(&stored[..len]), None);
        }
        assert_eq!(declared_len(&[&stored[..], b"x"].concat()), None);
        assert_eq!(declared_len(b"bvx1"), None);
    }
}
