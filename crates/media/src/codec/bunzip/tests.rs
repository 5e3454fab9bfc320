//! Held against the program's own writer, and against another reader.

use std::io::{self, Read as _, Write as _};

use bzip2::{Compression, read::MultiBzDecoder, write::BzEncoder};
use proptest::prelude::*;

use super::{BzReader, Streams, order::Order, prefix::Code};
use crate::{robustness::XorShift, samples::bytes};

/// What `bzip2` 1.0.8 makes of 300 times `a` and `bc`.
const OF_BZIP2: &str = "
    425a6839314159265359f04e89cc0000029100802038000008200030cd00c1a4482bc5e2ee48a70a121e09d13980
";

fn read(stream: &[u8]) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    BzReader::new(stream, Streams::All).read_to_end(&mut contents)?;
    Ok(contents)
}

pub(crate) fn compressed(contents: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

/// Text, runs of every length up to the longest that one number tells and beyond it, and noise.
fn contents(len: usize) -> Vec<u8> {
    let mut random = XorShift(9);
    let mut contents = Vec::new();
    while contents.len() < len {
        let byte = u8::try_from(random.below(256)).unwrap();
        match random.below(3) {
            0 => contents.extend_from_slice(b"some text, some text"),
            1 => contents.resize(contents.len() + random.below(1024), byte),
            _ => contents.extend((0..8).map(|_| u8::try_from(random.below(256)).unwrap())),
        }
    }
    contents.truncate(len);
    contents
}

#[test]
fn what_was_written_is_read() {
    for len in [
        0, 1, 3, 4, 5, 258, 259, 260, 5_000, 99_999, 100_000, 350_000,
    ] {
        let contents = contents(len);
        for level in [1, 9] {
            assert_eq!(
                read(&compressed(&contents, level)).unwrap(),
                contents,
                "{len}"
            );
        }
    }
    let runs = vec![7; 3_000_000];
    assert_eq!(read(&compressed(&runs, 1)).unwrap(), runs);
    // Blocks whose rotations are all alike, or alike in groups: the order goes round in several circles.
    for period in [1, 2, 5, 10] {
        let again: Vec<u8> = (0..period).collect::<Vec<u8>>().repeat(5_000);
        assert_eq!(read(&compressed(&again, 9)).unwrap(), again, "{period}");
    }
}

#[test]
fn several_streams_are_one_and_only_the_first_where_one_is_wanted() {
    let streams = [
        compressed(b"one, ", 1),
        compressed(b"", 9),
        compressed(b"two", 9),
    ]
    .concat();
    assert_eq!(read(&streams).unwrap(), b"one, two");
    let mut first = Vec::new();
    let mut reader = BzReader::new(&streams[..], Streams::One);
    reader.read_to_end(&mut first).unwrap();
    assert_eq!(first, b"one, ");
    assert!(read(&[&streams[..], b"x"].concat()).is_err());
    assert!(read(b"").is_err());
}

#[test]
fn it_does_not_matter_how_the_bytes_come_and_go() {
    /// Gives a byte at a time.
    struct Slow<'a>(&'a [u8]);
    impl io::Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(1);
            self.0.read(&mut buffer[..len])
        }
    }
    let contents = contents(30_000);
    let stream = compressed(&contents, 1);
    let mut reader = BzReader::new(Slow(&stream), Streams::All);
    let mut read = Vec::new();
    let mut buffer = [0; 7];
    loop {
        match reader.read(&mut buffer).unwrap() {
            0 => break,
            len => read.extend_from_slice(&buffer[..len]),
        }
    }
    assert_eq!(read, contents);
}

#[test]
fn a_stream_that_is_cut_is_an_error() {
    let stream = compressed(&contents(3_000), 9);
    for len in 0..stream.len() {
        assert!(
            read(&stream[..len]).is_err(),
            "cut to {len} of {}",
            stream.len()
        );
    }
}

#[test]
fn a_block_that_was_randomised_is_refused_by_name() {
    let mut stream = compressed(b"text", 9);
    // After the magics and the checksum of the block.
    stream[14] |= 0x80;
    let error = read(&stream).unwrap_err();
    assert!(error.to_string().contains("randomised"), "{error}");
}

#[test]
fn damage_is_an_error_or_changes_nothing() {
    let contents = contents(20_000);
    let stream = compressed(&contents, 1);
    let mut random = XorShift(11);
    for _ in 0..2_000 {
        let mut damaged = stream.clone();
        let at = random.below(damaged.len());
        damaged[at] ^= 1 << random.below(8);
        if let Ok(read) = read(&damaged) {
            assert_eq!(read, contents);
        }
    }
}

#[test]
fn codes_that_cannot_be_are_refused_even_if_nothing_is_written_in_them() {
    let lens = |lens: &[u8]| Code::new(lens).map(drop).map_err(|error| error.to_string());
    assert_eq!(lens(&[1, 2, 2]), Ok(()));
    assert_eq!(lens(&[1, 3]), Ok(()), "fewer codes than there can be");
    assert!(lens(&[1, 1, 1]).unwrap_err().contains("more codes"));
}

/// The bytes one after the other, each step the other way round than [`Order`] goes.
fn undone_forwards(ordered: &[u8], origin: usize) -> Vec<u8> {
    let mut forwards: Vec<_> = (0..ordered.len()).collect();
    forwards.sort_by_key(|at| ordered[*at]);
    let mut next = origin;
    let steps = ordered.iter().map(|_| {
        next = forwards[next];
        ordered[next]
    });
    steps.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_is_undone_even_one_that_no_encoder_makes(
        seed in 1_u64.., kinds in 1_usize..256, len in 1_usize..20_000, origin in any::<prop::sample::Index>()
    ) {
        let mut random = XorShift(seed);
        let ordered: Vec<u8> = (0..len).map(|_| u8::try_from(random.below(kinds)).unwrap()).collect();
        let mut counts = [0; 256];
        for byte in &ordered {
            counts[usize::from(*byte)] += 1;
        }
        let origin = origin.index(len);
        let mut bytes = Vec::new();
        Order::default().undo(&ordered, &counts, origin, &mut bytes).unwrap();
        prop_assert_eq!(bytes, undone_forwards(&ordered, origin));
    }

    #[test]
    fn streams_of_all_block_sizes_are_read_one_after_the_other(
        parts in prop::collection::vec((1_u32..=9, 0_usize..250_000, 0_usize..250_000), 1..3)
    ) {
        let all = contents(500_000);
        let parts = parts.iter().map(|(level, from, len)| (*level, &all[*from..][..*len]));
        let streams: Vec<u8> = parts.clone().flat_map(|(level, part)| compressed(part, level)).collect();
        let expected: Vec<u8> = parts.flat_map(|(_, part)| part).copied().collect();
        prop_assert!(read(&streams).unwrap() == expected);
    }

    #[test]
    fn another_reader_reads_the_same(contents in prop::collection::vec(0_u8..4, 0..3000), at in any::<usize>(), bit in 0..8) {
        let mut stream = compressed(&contents, 9);
        prop_assert_eq!(&read(&stream).unwrap(), &contents);
        let at = at % stream.len();
        stream[at] ^= 1_u8 << bit;
        let mut other = Vec::new();
        let ours = read(&stream);
        let theirs = MultiBzDecoder::new(&stream[..]).read_to_end(&mut other);
        match (ours, theirs) {
            (Ok(ours), Ok(_)) => prop_assert_eq!(ours, other),
            // It does not look at codes that no symbol is written in.
            (Err(error), Ok(_)) => prop_assert!(error.to_string().contains("more codes"), "{}", error),
            (ours, Err(_)) => prop_assert!(ours.is_err()),
        }
    }

    #[test]
    fn nothing_makes_it_panic(stream in prop::collection::vec(any::<u8>(), 0..300)) {
        let stream = [b"BZh9\x31\x41\x59\x26\x53\x59\0\0\0\0".as_slice(), &stream].concat();
        prop_assert!(read(&stream).is_err());
    }
}

#[test]
fn what_bzip2_wrote_is_read() {
    let expected = [&[b'a'; 300][..], b"bc"].concat();
    assert_eq!(read(&bytes(OF_BZIP2)).unwrap(), expected);
}
