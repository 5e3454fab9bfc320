//! Partition maps made by hand.

use std::sync::Arc;

use wire::ReadAt;

use super::{
    maps::{Partition, partitions},
    open,
};
use crate::MediaError;

fn put(disk: &mut [u8], at: usize, bytes: &[u8]) {
    disk[at..at + bytes.len()].copy_from_slice(bytes);
}

fn gpt(sector: usize) -> Vec<u8> {
    let mut disk = vec![0; sector * 8];
    put(&mut disk, sector, b"EFI PART");
    put(&mut disk, sector + 72, &2_u64.to_le_bytes());
    put(&mut disk, sector + 80, &[4, 0, 0, 0, 128, 0, 0, 0]);
    put(&mut disk, sector * 2 + 128, &[1; 16]);
    put(&mut disk, sector * 2 + 160, &[5, 0, 0, 0, 0, 0, 0, 0, 6]);
    disk
}

fn apple() -> Vec<u8> {
    let mut disk = vec![0; 512 * 8];
    put(&mut disk, 0, b"ER\x02\x00");
    for (entry, start) in [(1, 1), (2, 6)] {
        put(&mut disk, 512 * entry, b"PM\0\0\0\0\0\x02\0\0\0");
        put(&mut disk, 512 * entry + 11, &[start, 0, 0, 0, 2]);
    }
    disk
}

fn mbr() -> Vec<u8> {
    let mut disk = vec![0; 512 * 8];
    put(&mut disk, 510, b"\x55\xaa");
    put(&mut disk, 446 + 16 + 4, &[0xaf, 0, 0, 0, 4, 0, 0, 0, 3]);
    disk
}

#[test]
fn every_map_gives_its_partitions() {
    let found = |disk: Vec<u8>| partitions(&disk).unwrap();
    let partition = |start, len| Partition { start, len };
    assert_eq!(found(gpt(512)), Some(vec![partition(2560, 1024)]));
    assert_eq!(found(gpt(4096)), Some(vec![partition(20480, 8192)]));
    let expected = vec![partition(512, 1024), partition(3072, 1024)];
    assert_eq!(found(apple()), Some(expected));
    let mut disc = apple();
    disc[2] = 8; // a block is 2048 bytes, it says
    assert_eq!(found(disc).map(|partitions| partitions.len()), Some(2));
    assert_eq!(found(mbr()), Some(vec![partition(2048, 1536)]));
    assert_eq!(found(vec![0; 4096]), None);
    assert_eq!(found(Vec::new()), None);
}

#[test]
fn no_changed_or_missing_byte_panics() {
    for disk in [gpt(512), apple(), mbr()] {
        for at in 0..disk.len() {
            partitions(&disk[..at].to_vec())
                .map(drop)
                .unwrap_or_default();
            let mut disk = disk.clone();
            disk[at] ^= 0xff;
            partitions(&disk).map(drop).unwrap_or_default();
        }
    }
}

#[test]
fn file_systems_that_are_not_read_are_named() {
    let mut disk = mbr();
    put(&mut disk, 2048 + 1024, b"BD");
    let disk: Arc<dyn ReadAt> = Arc::new(disk);
    let error = open(&disk, "x.img").unwrap_err();
    assert!(error.to_string().contains("HFS of `x.img`"), "{error}");
    for (at, magic, name) in [
        (3, &b"EXFAT   "[..], "exFAT"),
        (3, b"NTFS    ", "NTFS"),
        (32_768, b"\0BEA01", "UDF"),
    ] {
        let mut disk = vec![0; 70_000];
        put(&mut disk, at, magic);
        let disk: Arc<dyn ReadAt> = Arc::new(disk);
        let error = open(&disk, "x.img").unwrap_err();
        let wanted = format!("{name} of `x.img`");
        assert!(error.to_string().contains(&wanted), "{error}");
    }
    let nothing: Arc<dyn ReadAt> = Arc::new(vec![0; 70_000]);
    let error = open(&nothing, "x.img").unwrap_err();
    assert!(matches!(error, MediaError::Unknown { .. }), "{error}");
}
