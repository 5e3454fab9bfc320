//! Volumes made by hand.

use std::{io::Read as _, sync::Arc};

use proptest::prelude::*;
use wire::ReadAt;

use super::{
    folder::{checksum, items, time},
    open,
    raw::Width,
};
use crate::{Tree, walk};

const CLUSTER: usize = 512;

/// A volume of that width: `README.TXT` of 1,300 bytes in clusters 3, 5, 4; the folder `Folder with a long name é` in
/// cluster 6, with an empty file `small.txt` in it, whose name is short and in small letters.
pub(super) fn volume(width: Width) -> Vec<u8> {
    let (count, entry) = match width {
        Width::Fat12 => (100, 2),
        Width::Fat16 => (5_000, 2),
        Width::Fat32 => (200, 4),
    };
    let table = (count + 2) * entry / 512 + 1;
    let root = usize::from(width != Width::Fat32);
    let data = (1 + table + root) * 512;
    let mut disk = vec![0; data + 20 * CLUSTER];
    let mut put = |at: usize, bytes: &[u8]| disk[at..at + bytes.len()].copy_from_slice(bytes);
    let sectors = u16::try_from(1 + table + root + count).unwrap();
    put(0, b"\xeb\x3c\x90mkfs.fat\x00\x02\x01\x01\x00\x01");
    put(17, &[if root == 1 { 16 } else { 0 }, 0]);
    put(19, &sectors.to_le_bytes());
    put(21, b"\xf8");
    let short_table = if width == Width::Fat32 { 0 } else { table };
    put(22, &u16::try_from(short_table).unwrap().to_le_bytes());
    if width == Width::Fat32 {
        put(36, &u32::try_from(table).unwrap().to_le_bytes());
        put(44, &2_u32.to_le_bytes());
    }
    put(510, b"\x55\xaa");
    let end = 0x0fff_ffff_u32;
    for (cluster, next) in [(2, end), (3, 5), (5, 4), (4, end), (6, end)] {
        let bytes = next.to_le_bytes();
        match width {
            Width::Fat12 => {
                let at = 512 + cluster * 3 / 2;
                let next = u16::try_from(next & 0xfff).unwrap();
                let (keep, bits) = if cluster & 1 == 0 {
                    (0xf000, next)
                } else {
                    (0xf, next << 4)
                };
                let old = u16::from_le_bytes([disk[at], disk[at + 1]]) & keep;
                disk[at..at + 2].copy_from_slice(&(old | bits).to_le_bytes());
            }
            Width::Fat16 => disk[512 + cluster * 2..][..2].copy_from_slice(&bytes[..2]),
            Width::Fat32 => disk[512 + cluster * 4..][..4].copy_from_slice(&bytes),
        }
    }
    let mut put = |at: usize, bytes: &[u8]| disk[at..at + bytes.len()].copy_from_slice(bytes);
    let cluster = |number: usize| data + (number - 2) * CLUSTER;
    let root = if root == 1 { data - 512 } else { cluster(2) };
    put(root, &short(b"SAMPLE     ", 0x08, 0, 0, 0));
    put(root + 32, b"\xe5ELETED TXT");
    put(root + 64, &short(b"README  TXT", 0x20, 0, 3, 1300));
    put(
        root + 96,
        &long("Folder with a long name \u{e9}", b"FOLDER~1   "),
    );
    put(root + 160, &short(b"FOLDER~1   ", 0x10, 0, 6, 0));
    for (number, letter) in [(3, b"a"), (5, b"b"), (4, b"c")] {
        put(cluster(number), &letter.repeat(CLUSTER));
    }
    put(cluster(6), &short(b".          ", 0x10, 0, 6, 0));
    put(cluster(6) + 32, &short(b"..         ", 0x10, 0, 0, 0));
    put(cluster(6) + 64, &short(b"SMALL   TXT", 0x20, 0x18, 0, 0));
    disk
}

/// An entry of a folder; the time is 2020-02-03 04:05:06.
fn short(name: &[u8; 11], attributes: u8, case: u8, cluster: u16, len: u32) -> Vec<u8> {
    let mut entry = name.to_vec();
    entry.extend([attributes, case]);
    entry.extend([0; 9]);
    entry.extend((4_u16 << 11 | 5 << 5 | 3).to_le_bytes());
    entry.extend((40_u16 << 9 | 2 << 5 | 3).to_le_bytes());
    entry.extend(cluster.to_le_bytes());
    entry.extend(len.to_le_bytes());
    entry
}

/// The entries of a long name.
fn long(name: &str, short: &[u8; 11]) -> Vec<u8> {
    let mut units: Vec<u16> = name.encode_utf16().collect();
    if !units.len().is_multiple_of(13) {
        units.push(0);
    }
    let parts: Vec<&[u16]> = units.chunks(13).collect();
    let mut bytes = Vec::new();
    for (number, part) in parts.iter().enumerate().rev() {
        let mut part: Vec<u8> = part.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        part.resize(26, 0xff);
        let last = if number + 1 == parts.len() { 0x40 } else { 0 };
        bytes.push(u8::try_from(number + 1).unwrap() | last);
        bytes.extend(&part[..10]);
        bytes.extend([0x0f, 0, checksum(short)]);
        bytes.extend(&part[10..22]);
        bytes.extend([0, 0]);
        bytes.extend(&part[22..]);
    }
    bytes
}

fn read(tree: &dyn Tree, path: &str) -> Vec<u8> {
    let mut contents = Vec::new();
    tree.open(path).unwrap().read_to_end(&mut contents).unwrap();
    contents
}

const WIDTHS: [Width; 3] = [Width::Fat12, Width::Fat16, Width::Fat32];

#[test]
fn volumes_of_every_width_are_read() {
    for width in WIDTHS {
        let tree = open(Arc::new(volume(width))).unwrap();
        let found = walk(&*tree, "").unwrap();
        let paths: Vec<_> = found.iter().map(|entry| entry.path.as_str()).collect();
        let folder = "Folder with a long name \u{e9}";
        let small = format!("{folder}/small.txt");
        assert_eq!(paths, [folder, &small, "README.TXT"], "{width:?}");
        let expected = ["a".repeat(512), "b".repeat(512), "c".repeat(276)].concat();
        assert_eq!(read(&*tree, "readme.txt"), expected.as_bytes(), "{width:?}");
        assert_eq!(read(&*tree, &small), b"");
        let entry = tree.entry("README.TXT").unwrap();
        assert_eq!(entry.modified.unwrap().to_string(), "2020-02-03T04:05:06Z");
        assert!(tree.open(folder).is_err());
        assert!(tree.children("README.TXT").is_err());
    }
}

#[test]
fn a_long_name_counts_only_with_its_short_one() {
    let name = "A name of more than thirteen characters";
    let entries = |name: &[u8; 11]| {
        let short = short(name, 0x20, 0, 0, 0);
        let bytes = [
            long("A name of more than thirteen characters", b"ANAMEO~1   "),
            short,
        ];
        items(&bytes.concat(), Width::Fat16).unwrap()
    };
    assert_eq!(entries(b"ANAMEO~1   ")[0].name, name);
    assert_eq!(entries(b"OTHER      ")[0].name, "OTHER");
    assert_eq!(
        entries(b"\x05\x81\x82     \xff\xff\xff")[0].name,
        "\u{3c3}\u{fc}\u{e9}.\u{a0}\u{a0}\u{a0}"
    );
    let without_first = long(name, b"ANAMEO~1   ")[32..].to_vec();
    let bytes = [without_first, short(b"ANAMEO~1   ", 0x20, 0, 0, 0)].concat();
    assert_eq!(items(&bytes, Width::Fat16).unwrap()[0].name, "ANAMEO~1");
}

#[test]
fn the_high_half_of_a_cluster_counts_only_on_volumes_of_32_bits() {
    for (width, root) in [(Width::Fat12, 2 * 512), (Width::Fat16, 21 * 512)] {
        let mut disk = volume(width);
        assert_eq!(disk[root + 64..][..11], *b"README  TXT");
        for entry in [64, 160] {
            disk[root + entry + 20..][..2].copy_from_slice(&[0x34, 0x12]);
        }
        let tree = open(Arc::new(disk)).unwrap();
        assert_eq!(read(&*tree, "README.TXT").len(), 1300);
        let folder = tree.children("Folder with a long name \u{e9}").unwrap();
        assert_eq!(folder.len(), 1);
    }
    let mut entry = short(b"OTHER      ", 0x20, 0, 3, 0);
    entry[20] = 1;
    let found = items(&entry, Width::Fat32).unwrap();
    assert_eq!(found[0].short.first_cluster, 0x1_0003);
}

#[test]
fn times_that_are_none_are_left_out() {
    assert!(time((0, 0)).is_none());
    assert!(time((0xffff, 0x21)).is_none());
    assert!(time((0, 0x21)).is_some());
}

/// Opens and reads everything, as far as it goes.
fn read_all(disk: Vec<u8>) -> bool {
    let Ok(tree) = open(Arc::new(disk) as Arc<dyn ReadAt>) else {
        return false;
    };
    let entries = walk(&*tree, "").unwrap();
    entries.iter().filter(|entry| entry.is_file()).all(|entry| {
        tree.open(&entry.path)
            .is_ok_and(|mut reader| reader.read_to_end(&mut Vec::new()).is_ok())
    })
}

#[test]
fn files_and_folders_that_come_back_to_themselves_are_refused() {
    let mut disk = volume(Width::Fat16);
    assert!(read_all(disk.clone()));
    disk[512 + 10] = 3; // cluster 5 is followed by 3 again
    disk[512 + 11] = 0;
    let table = 5002 * 2 / 512 + 1;
    let root = (1 + table) * 512;
    disk[root + 64 + 28..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(!read_all(disk));
    let mut disk = volume(Width::Fat16);
    let inner = root + 512 + 4 * CLUSTER + 64;
    disk[inner + 11] = 0x10;
    disk[inner + 26] = 6; // a folder in itself
    assert!(!read_all(disk));
}

#[test]
fn a_volume_cut_before_its_contents_is_an_error() {
    for width in WIDTHS {
        let disk = volume(width);
        let needed = disk.len() - 15 * CLUSTER;
        for len in (0..needed).step_by(41) {
            assert!(!read_all(disk[..len].to_vec()), "{width:?} cut to {len}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_changed_byte_panics(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut disk = volume(WIDTHS[which]);
        let used: Vec<usize> = (0..disk.len()).filter(|at| disk[*at] != 0 && disk[*at] != b'a').collect();
        for (at, value) in changes {
            disk[used[at.index(used.len())]] = value;
        }
        read_all(disk);
    }
}
