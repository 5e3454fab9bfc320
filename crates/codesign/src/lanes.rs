//! SHA-256 of two things side by side.
//!
//! Where a processor has instructions for SHA-256, each of them waits for the one before. Of two digests that are taken
//! forward in turn, block by block, one is worked on while the other waits: together they take a sixth less time.

use sha2::block_api::compress256;

/// What SHA-256 takes in at a time.
pub(crate) type Block = [u8; BLOCK_LEN];

pub(crate) const BLOCK_LEN: usize = 64;
/// Where in the last block the length begins.
const LENGTH_AT: usize = 56;

/// What every digest begins with (FIPS 180-4, 5.3.3).
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A digest in the making.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    state: [u32; 8],
    taken_bytes: u64,
}

impl Lane {
    /// One that has seen nothing yet.
    pub(crate) const fn new() -> Self {
        Self {
            state: START,
            taken_bytes: 0,
        }
    }

    /// Takes `blocks` in.
    fn take(&mut self, blocks: &[Block]) {
        compress256(&mut self.state, blocks);
        self.taken_bytes = self
            .taken_bytes
            .wrapping_add(blocks.as_flattened().len() as u64);
    }

    /// The digest, when nothing but `rest` is to come: less than a block.
    pub(crate) fn finish(mut self, rest: &[u8]) -> [u8; 32] {
        let taken = self.taken_bytes.wrapping_add(rest.len() as u64);
        let mut padded = [0; 2 * BLOCK_LEN];
        for (to, from) in padded.iter_mut().zip(rest.iter().chain(&[0x80])) {
            *to = *from;
        }
        let needed = if rest.len() < LENGTH_AT { 1 } else { 2 };
        let (blocks, _) = padded.as_chunks_mut();
        let blocks = blocks.get_mut(..needed).unwrap_or_default();
        if let Some(length) = blocks.as_flattened_mut().last_chunk_mut() {
            *length = taken.wrapping_mul(8).to_be_bytes();
        }
        self.take(blocks);
        let mut digest = [0; 32];
        for (to, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *to = word.to_be_bytes();
        }
        digest
    }
}

/// Takes blocks into two lanes: in turn as long as there are some for both, and then what is left for one.
pub(crate) fn take(one: (&mut Lane, &[Block]), other: (&mut Lane, &[Block])) {
    let ((one, blocks), (other, others)) = (one, other);
    let both = blocks.len().min(others.len());
    let (now, later) = blocks.split_at(both);
    let (other_now, other_later) = others.split_at(both);
    for (block, other_block) in now.iter().zip(other_now) {
        compress256(&mut one.state, std::slice::from_ref(block));
        compress256(&mut other.state, std::slice::from_ref(other_block));
    }
    for lane in [&mut *one, &mut *other] {
        let taken = now.as_flattened().len() as u64;
        lane.taken_bytes = lane.taken_bytes.wrapping_add(taken);
    }
    one.take(later);
    other.take(other_later);
}

/// The digests of two things.
pub(crate) fn digests(one: &[u8], other: &[u8]) -> [[u8; 32]; 2] {
    let (mut lane, mut other_lane) = (Lane::new(), Lane::new());
    let ((blocks, rest), (others, other_rest)) = (one.as_chunks(), other.as_chunks());
    take((&mut lane, blocks), (&mut other_lane, others));
    [lane.finish(rest), other_lane.finish(other_rest)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn of_two(one: &[u8], other: &[u8]) -> [[u8; 32]; 2] {
        [one, other].map(|bytes| Sha256::digest(bytes).into())
    }

    #[test]
    fn every_length_around_the_ends_of_blocks_has_the_digest_that_it_ought_to_have() {
        let bytes: Vec<u8> = (0..300_u32).map(|n| n.to_le_bytes()[0] ^ 0x5a).collect();
        for len in 0..bytes.len() {
            let (one, other) = (&bytes[..len], &bytes[len / 2..]);
            assert_eq!(digests(one, other), of_two(one, other), "{len}");
        }
    }

    proptest! {
        #[test]
        fn two_things_have_their_own_digests(one: Vec<u8>, other: Vec<u8>, cut in 0_usize..8) {
            prop_assert_eq!(digests(&one, &other), of_two(&one, &other));
            // In several steps, as files are read.
            let (mut lane, mut other_lane) = (Lane::new(), Lane::new());
            let ((blocks, rest), (others, other_rest)) = (one.as_chunks(), other.as_chunks());
            let (first, second) = blocks.split_at(cut.min(blocks.len()));
            take((&mut lane, first), (&mut other_lane, others));
            take((&mut lane, second), (&mut other_lane, &[]));
            let digests = [lane.finish(rest), other_lane.finish(other_rest)];
            prop_assert_eq!(digests, of_two(&one, &other));
        }
    }
}
