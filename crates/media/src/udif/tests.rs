//! Images made by hand.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use flate2::Crc;
use proplist::{Dict, KeyOrder, Value, to_xml};
use proptest::prelude::*;
use wire::{ReadAt, read_vec};

use super::{
    Image,
    blockmap::BlockMap,
    constants::{CHUNK_END, CHUNK_IGNORE, CHUNK_RAW, CHUNK_ZERO, CHUNK_ZLIB},
    resources,
};
use crate::MediaError;

/// Kind, first sector, sectors, start in the data fork, length there.
type Chunk = (u32, u64, u64, u64, u64);

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn checksum(value: u32) -> Vec<u8> {
    let mut bytes = [0, 0, 0, 2, 0, 0, 0, 32].to_vec();
    bytes.extend(value.to_be_bytes());
    bytes.resize(136, 0);
    bytes
}

fn map(first: u64, sectors: u64, crc: u32, chunks: &[Chunk]) -> Vec<u8> {
    let mut bytes = b"mish\0\0\0\x01".to_vec();
    bytes.extend(first.to_be_bytes());
    bytes.extend(sectors.to_be_bytes());
    bytes.extend([0; 40]);
    bytes.extend(checksum(crc));
    bytes.extend(u32::try_from(chunks.len()).unwrap().to_be_bytes());
    for (kind, sector, sectors, offset, len) in chunks {
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0; 4]);
        for number in [sector, sectors, offset, len] {
            bytes.extend(number.to_be_bytes());
        }
    }
    bytes
}

/// An image with 3 bytes before its data fork.
fn image(fork: &[u8], sectors: u64, maps: Vec<Vec<u8>>) -> Vec<u8> {
    let maps = maps.into_iter().map(|map| {
        let map = Dict::from_iter([("Data".to_owned(), Value::Data(map))]);
        Value::Dict(map)
    });
    let maps = Dict::from_iter([("blkx".to_owned(), Value::Array(maps.collect()))]);
    let plist = Dict::from_iter([("resource-fork".to_owned(), Value::Dict(maps))]);
    let plist = to_xml(&Value::Dict(plist), KeyOrder::AsIs).unwrap();
    let mut bytes = [b"xyz", fork].concat();
    bytes.extend(plist.as_bytes());
    let mut trailer = b"koly\0\0\0\x04\0\0\x02\0\0\0\0\x01".to_vec();
    for number in [0, 3, fork.len() as u64, 0, 0] {
        trailer.extend(number.to_be_bytes());
    }
    trailer.extend([0, 0, 0, 1, 0, 0, 0, 1]);
    trailer.resize(80, 0);
    trailer.extend(checksum(crc(fork)));
    trailer.extend((3 + fork.len() as u64).to_be_bytes());
    trailer.extend((plist.len() as u64).to_be_bytes());
    trailer.resize(492, 0);
    trailer.extend(sectors.to_be_bytes());
    trailer.resize(512, 0);
    bytes.extend(trailer);
    bytes
}

#[test]
fn block_maps_in_a_resource_fork_are_found() {
    let chunks = [(CHUNK_RAW, 0, 1, 0, 512), (CHUNK_END, 1, 0, 512, 0)];
    let sector = [7; 512];
    let fork = resources::tests::fork(&[map(0, 1, crc(&sector), &chunks)]);
    let mut bytes = image(&sector, 1, Vec::new());
    let trailer = bytes.split_off(bytes.len() - 512);
    let start = bytes.len() as u64;
    bytes.extend(&fork);
    bytes.extend(trailer);
    let at = bytes.len() - 512;
    bytes[at + 40..at + 48].copy_from_slice(&start.to_be_bytes());
    bytes[at + 48..at + 56].copy_from_slice(&(fork.len() as u64).to_be_bytes());
    bytes[at + 216..at + 232].fill(0);
    let image = open(bytes).unwrap();
    assert_eq!(read_vec(&image, 0, 512).unwrap(), sector);
    image.verify().unwrap();
}

fn open(bytes: Vec<u8>) -> Result<Image, MediaError> {
    Image::open(Arc::new(bytes))
}

/// Two sectors as they are, two of zeros, one that nobody wrote, and one that no map knows.
fn sample() -> Vec<u8> {
    let fork: Vec<u8> = (0..=255).cycle().take(1024).collect();
    let mut covered = fork.clone();
    covered.extend([0; 1024]);
    let chunks = [
        (CHUNK_RAW, 0, 2, 0, 1024),
        (CHUNK_ZERO, 2, 2, 0, 0),
        (CHUNK_IGNORE, 4, 1, 0, 0),
        (CHUNK_END, 5, 0, 0, 0),
    ];
    let map = map(0, 5, crc(&covered), &chunks);
    image(&fork, 6, vec![map])
}

#[test]
fn chunks_and_gaps_make_a_disk() {
    let image = open(sample()).unwrap();
    assert_eq!(image.len(), 6 * 512);
    let mut expected: Vec<u8> = (0..=255).cycle().take(1024).collect();
    expected.resize(6 * 512, 0);
    assert_eq!(read_vec(&image, 0, 3072).unwrap(), expected);
    assert_eq!(read_vec(&image, 1000, 100).unwrap(), expected[1000..1100]);
    assert_eq!(image.read_at(3072, &mut [0; 4]).unwrap(), 0);
    image.verify().unwrap();
}

#[test]
fn a_changed_byte_of_the_data_fork_is_noticed() {
    let mut bytes = sample();
    bytes[100] ^= 1;
    let error = open(bytes).unwrap().verify().unwrap_err();
    assert!(error.to_string().contains("CRC-32"), "{error}");
}

#[test]
fn the_length_of_the_disk_may_be_missing_but_not_too_short() {
    let chunks = [(CHUNK_ZERO, 0, 8, 0, 0)];
    let with = |sectors| open(image(b"", sectors, vec![map(0, 8, 0, &chunks)]));
    assert_eq!(with(0).unwrap().len(), 8 * 512);
    assert_eq!(with(9).unwrap().len(), 9 * 512);
    assert!(with(7).is_err());
}

#[test]
fn chunks_that_lie_are_refused() {
    let far = u64::MAX / 512;
    for chunk in [
        (CHUNK_ZERO, u64::MAX, 1, 0, 0),
        (CHUNK_ZERO, 1, far, 0, 0),
        (CHUNK_RAW, 0, 2, 0, 1023),
        (CHUNK_ZLIB, 0, 1 << 20, 0, 10),
        (CHUNK_ZLIB, 0, 1, 0, 1 << 40),
        (0x8000_0009, 0, 1, 0, 0),
    ] {
        let opened = open(image(b"", 0, vec![map(1, 1, 0, &[chunk])]));
        assert!(opened.is_err(), "{chunk:x?}");
    }
    let twice = [(CHUNK_ZERO, 0, 2, 0, 0), (CHUNK_ZERO, 1, 2, 0, 0)];
    assert!(open(image(b"", 0, vec![map(0, 3, 0, &twice)])).is_err());
}

#[test]
fn contents_that_are_not_there_are_an_error_and_not_zeros() {
    let chunks = [
        (CHUNK_RAW, 0, 1, 1 << 30, 512),
        (CHUNK_RAW, 1, 1, u64::MAX, 512),
        (CHUNK_ZLIB, 2, 1, 0, 4),
    ];
    let image = open(image(b"junk", 0, vec![map(0, 3, 0, &chunks)])).unwrap();
    assert!(read_vec(&image, 0, 512).is_err());
    assert!(read_vec(&image, 512, 512).is_err());
    assert!(read_vec(&image, 1024, 512).is_err());
    assert!(image.verify().is_err());
}

/// A file that counts how often it is read.
#[derive(Debug)]
struct Counted(Vec<u8>, AtomicUsize);

impl ReadAt for Counted {
    fn len(&self) -> u64 {
        ReadAt::len(&self.0)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_at(offset, buffer)
    }
}

#[test]
fn a_damaged_chunk_is_decoded_once() {
    let chunks = [(CHUNK_ZLIB, 0, 1, 0, 4), (CHUNK_RAW, 1, 1, 0, 512)];
    let fork = [&b"junk"[..], &[7; 512]].concat();
    let bytes = image(&fork, 0, vec![map(0, 2, 0, &chunks)]);
    let file = Arc::new(Counted(bytes, AtomicUsize::new(0)));
    let image = Image::open(Arc::clone(&file) as Arc<dyn ReadAt>).unwrap();
    let read = || {
        let before = file.1.load(Ordering::Relaxed);
        let error = read_vec(&image, 0, 512).unwrap_err();
        let reads = file.1.load(Ordering::Relaxed) - before;
        ((error.kind(), error.to_string()), reads)
    };
    let (first, reads) = read();
    assert_eq!(reads, 1);
    assert_eq!(read(), (first, 0));
    assert!(read_vec(&image, 512, 512).is_ok());
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = sample();
    for len in 0..bytes.len() {
        assert!(open(bytes[..len].to_vec()).is_err(), "image cut to {len}");
    }
    let bytes = map(0, 5, 0, &[(CHUNK_RAW, 0, 2, 0, 1024)]);
    for len in 0..bytes.len() {
        assert!(BlockMap::parse(&bytes[..len]).is_err(), "map cut to {len}");
    }
}

#[test]
fn split_images_are_said_to_be() {
    let mut bytes = sample();
    let at = bytes.len() - 512 + 63;
    assert_eq!(bytes[at], 1);
    bytes[at] = 2;
    let error = open(bytes).unwrap_err();
    assert!(error.to_string().contains("several files"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn changed_bytes_do_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = sample();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(image) = open(bytes) {
            let len = image.len().min(8192);
            read_vec(&image, 0, len).map(drop).unwrap_or_default();
        }
    }
}
