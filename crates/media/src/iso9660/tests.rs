//! Volumes made by hand.

use std::{io::Read as _, sync::Arc};

use proptest::prelude::*;
use wire::ReadAt;

use super::{DESCRIPTORS, open, raw::time};
use crate::{Kind, Tree, disk, walk};

const SECTOR: usize = 2048;
const ROOT: u8 = 20;
const FOLDER: u8 = 21;
const MOVED: u8 = 22;
const JOLIET_ROOT: u8 = 24;
const AREA: u8 = 25;
const CONTENTS: u8 = 26;

/// Which names a volume has besides the plain ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Names {
    Joliet,
    Plain,
    RockRidge,
}

const ALL: [Names; 3] = [Names::Plain, Names::Joliet, Names::RockRidge];

/// A record of something in that block.
fn record(name: &[u8], block: u8, len: u32, flags: u8, system_use: &[u8]) -> Vec<u8> {
    let pad = (name.len() + 1) % 2;
    let size = 33 + name.len() + pad + system_use.len();
    let mut bytes = vec![
        u8::try_from(size).unwrap(),
        0,
        block,
        0,
        0,
        0,
        0,
        0,
        0,
        block,
    ];
    bytes.extend(len.to_le_bytes());
    bytes.extend(len.to_be_bytes());
    bytes.extend([120, 2, 3, 4, 5, 6, 4, flags, 0, 0, 1, 0, 0, 1]);
    bytes.push(u8::try_from(name.len()).unwrap());
    bytes.extend(name);
    bytes.resize(bytes.len() + pad, 0);
    bytes.extend(system_use);
    bytes
}

fn folder(name: &[u8], block: u8, system_use: &[u8]) -> Vec<u8> {
    record(name, block, 2048, 2, system_use)
}

fn entry(kind: [u8; 2], contents: &[u8]) -> Vec<u8> {
    let len = u8::try_from(contents.len() + 4).unwrap();
    [&kind[..], &[len, 1], contents].concat()
}

/// The `PX` entry for that mode.
fn mode(mode: u32) -> Vec<u8> {
    let both = |number: u32| [number.to_le_bytes(), number.to_be_bytes()].concat();
    entry(*b"PX", &[mode, 1, 501, 20].map(both).concat())
}

fn name(name: &str) -> Vec<u8> {
    entry(*b"NM", &[b"\0", name.as_bytes()].concat())
}

fn wide(name: &str) -> Vec<u8> {
    name.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn descriptor(kind: u8, escape: &[u8], root: u8) -> Vec<u8> {
    let mut bytes = [&[kind][..], b"CD001\x01"].concat();
    bytes.resize(88, 0);
    bytes.extend(escape);
    bytes.resize(128, 0);
    bytes.extend([0, 8, 8, 0]);
    bytes.resize(156, 0);
    bytes.extend(folder(b"\0", root, b""));
    bytes
}

fn dots(block: u8, system_use: &[u8]) -> [Vec<u8>; 2] {
    let above = folder(b"\x01", ROOT, b"");
    [folder(b"\0", block, system_use), above]
}

/// The file in two stretches, and the fork that belongs to it.
fn file(name: &[u8], system_use: &[u8]) -> [Vec<u8>; 3] {
    [
        record(name, CONTENTS, 2048, 0x80, system_use),
        record(name, CONTENTS + 1, 10, 0, b""),
        record(name, CONTENTS, 9, 4, b""),
    ]
}

fn plain_root() -> Vec<u8> {
    let folder = folder(b"FOLDER", FOLDER, b"");
    [&dots(ROOT, b"")[..], &[folder], &file(b"README.TXT;1", b"")]
        .concat()
        .concat()
}

fn joliet_root() -> Vec<u8> {
    let folder = folder(&wide("Folder"), FOLDER, b"");
    let file = file(&wide("R\u{e9}ad me.txt;1"), b"");
    [&dots(JOLIET_ROOT, b"")[..], &[folder], &file]
        .concat()
        .concat()
}

fn rock_ridge_root() -> Vec<u8> {
    let numbers = |numbers: &[u32]| -> Vec<u8> {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
        bytes.collect()
    };
    let goes_on = entry(*b"CE", &numbers(&[AREA.into(), 0, 8, 0, 9, 0]));
    let long = [name("Read me"), goes_on, mode(0o100_755)].concat();
    let target = b"\0\x04\0\x01\x06Fold\xc3\xa9\0\x01s\0\x03txt";
    let link = [name("link"), mode(0o120_777), entry(*b"SL", target)].concat();
    let moved = entry(*b"CL", &numbers(&[MOVED.into(), 0]));
    let moved = [name("deep"), moved].concat();
    let place = [name("rr_moved"), entry(*b"RE", b"")].concat();
    let marker = entry(*b"SP", b"\xbe\xef\0");
    let folder_entries = [name("Folder"), mode(0o40_700)].concat();
    let rest = [
        folder(b"FOLDER", FOLDER, &folder_entries),
        record(b"LINK.;1", 0, 0, 0, &link),
        record(b"DEEP.;1", 0, 0, 0, &moved),
        folder(b"RR_MOVED", MOVED, &place),
    ];
    let file = file(b"README.TXT;1", &long);
    [&dots(ROOT, &marker)[..], &file, &rest].concat().concat()
}

/// A volume with a file in two stretches, a folder with a file in it, and as Rock Ridge can, a link, and a folder that
/// was moved to another place.
pub(super) fn volume(names: Names) -> Vec<u8> {
    let mut disk = vec![0; SECTOR * 30];
    let mut put = |sector: u8, at: usize, bytes: &[u8]| {
        let at = usize::from(sector) * SECTOR + at;
        disk[at..at + bytes.len()].copy_from_slice(bytes);
    };
    let end = b"\xffCD001\x01";
    put(16, 0, &descriptor(1, b"", ROOT));
    let inner = match names {
        Names::Joliet => {
            put(17, 0, &descriptor(2, b"%/E", JOLIET_ROOT));
            put(18, 0, end);
            put(JOLIET_ROOT, 0, &joliet_root());
            wide("inner")
        }
        Names::Plain | Names::RockRidge => {
            put(17, 0, end);
            b"INNER.;1".to_vec()
        }
    };
    if names == Names::RockRidge {
        put(ROOT, 0, &rock_ridge_root());
        put(AREA, 8, &name(".txt"));
        let lost = record(b"LOST", CONTENTS, 1, 0, b"");
        put(MOVED, 0, &[dots(MOVED, b"").concat(), lost].concat());
    } else {
        put(ROOT, 0, &plain_root());
    }
    let inner = record(&inner, CONTENTS + 1, 3, 0, b"");
    put(FOLDER, 0, &[dots(FOLDER, b"").concat(), inner].concat());
    put(CONTENTS, 0, &[b'a'; SECTOR]);
    put(CONTENTS + 1, 0, b"0123456789");
    disk
}

fn paths(tree: &dyn Tree) -> Vec<String> {
    let found = walk(tree, "").unwrap().into_iter();
    found.map(|entry| entry.path).collect()
}

fn read(tree: &dyn Tree, path: &str) -> Vec<u8> {
    let mut contents = Vec::new();
    tree.open(path).unwrap().read_to_end(&mut contents).unwrap();
    contents
}

#[test]
fn volumes_with_every_kind_of_names_are_read() {
    for (names, expected) in [
        (Names::Plain, &["FOLDER", "FOLDER/INNER", "README.TXT"][..]),
        (
            Names::Joliet,
            &["Folder", "Folder/inner", "R\u{e9}ad me.txt"],
        ),
        (
            Names::RockRidge,
            &[
                "Folder",
                "Folder/INNER",
                "Read me.txt",
                "deep",
                "deep/LOST",
                "link",
            ],
        ),
    ] {
        let tree = open(Arc::new(volume(names))).unwrap();
        assert_eq!(paths(&*tree), expected, "{names:?}");
        let file = expected
            .iter()
            .find(|path| path.ends_with("xt") || path.ends_with("XT"));
        let contents = read(&*tree, file.unwrap());
        assert_eq!(contents.len(), 2058, "{names:?}");
        assert!(contents.ends_with(b"aa0123456789"));
        assert_eq!(read(&*tree, expected[1]), b"012");
        assert!(tree.open(expected[0]).is_err());
    }
}

#[test]
fn rock_ridge_has_modes_owners_and_links() {
    let tree = open(Arc::new(volume(Names::RockRidge))).unwrap();
    let file = tree.entry("Read me.txt").unwrap();
    assert_eq!(
        (file.mode, file.uid, file.gid),
        (0o755, Some(501), Some(20))
    );
    assert_eq!(file.modified.unwrap().to_string(), "2020-02-03T03:05:06Z");
    assert_eq!(tree.entry("Folder").unwrap().mode, 0o700);
    let target = "../Fold\u{e9}s/txt".to_owned();
    assert_eq!(tree.entry("link").unwrap().kind, Kind::Link { target });
    assert!(tree.open("link").is_err());
}

#[test]
fn times_have_a_zone() {
    let text = |bytes| time(bytes).map(|time| time.to_string());
    let expected = Some("2000-01-01T00:00:00Z".to_owned());
    assert_eq!(text([100, 1, 1, 0, 0, 0, 0]), expected);
    assert_eq!(text([99, 12, 31, 16, 0, 0, 0xe0]), expected);
    assert_eq!(text([0; 7]), None);
}

#[test]
fn a_disc_is_found_and_its_firmware_volume_passed_over() {
    let mut bytes = volume(Names::Plain);
    let fat = crate::fat::sample();
    let start = bytes.len() / 512;
    bytes.extend(&fat);
    let mut entry = vec![0, 0, 0, 0, 0xef, 0, 0, 0];
    entry.extend(u32::try_from(start).unwrap().to_le_bytes());
    entry.extend(u32::try_from(fat.len() / 512).unwrap().to_le_bytes());
    bytes[446..462].copy_from_slice(&entry);
    bytes[510..512].copy_from_slice(b"\x55\xaa");
    let source: Arc<dyn ReadAt> = Arc::new(bytes.clone());
    let tree = disk::open(&source, "x.iso").unwrap();
    assert!(tree.entry("FOLDER/INNER").is_ok());
    // Without a disc, the volume in the partition is what is shown.
    let at = usize::try_from(DESCRIPTORS).unwrap();
    bytes[at] = 0;
    let source: Arc<dyn ReadAt> = Arc::new(bytes);
    assert!(
        disk::open(&source, "x.img")
            .unwrap()
            .entry("README.TXT")
            .is_ok()
    );
}

#[test]
fn a_disc_that_is_the_older_hfs_too_is_read_as_iso_9660() {
    let mut bytes = volume(Names::Plain);
    bytes[1024..1026].copy_from_slice(b"BD");
    let source: Arc<dyn ReadAt> = Arc::new(bytes.clone());
    assert!(disk::is_disk(&source).unwrap());
    let tree = disk::open(&source, "x.iso").unwrap();
    assert!(tree.entry("FOLDER/INNER").is_ok());
    // So is one with Apple's map, in which the older HFS has a partition.
    bytes[..4].copy_from_slice(b"ER\x02\x00");
    bytes[512..523].copy_from_slice(b"PM\0\0\0\0\0\x01\0\0\0");
    bytes[523..528].copy_from_slice(&[50, 0, 0, 0, 4]);
    bytes[50 * 512 + 1024..50 * 512 + 1026].copy_from_slice(b"BD");
    let source: Arc<dyn ReadAt> = Arc::new(bytes.clone());
    let tree = disk::open(&source, "x.iso").unwrap();
    assert!(tree.entry("FOLDER/INNER").is_ok());
    // Without the descriptor, what is there is named.
    let at = usize::try_from(DESCRIPTORS).unwrap();
    bytes[at] = 0;
    let source: Arc<dyn ReadAt> = Arc::new(bytes);
    let error = disk::open(&source, "x.img").unwrap_err().to_string();
    assert!(error.contains("HFS of `x.img`"), "{error}");
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
fn a_volume_cut_before_its_contents_is_an_error() {
    for names in ALL {
        let disk = volume(names);
        let last = (usize::from(CONTENTS) + 1) * SECTOR + 10;
        assert!(read_all(disk[..last].to_vec()), "{names:?}");
        for len in (0..last).step_by(997) {
            assert!(!read_all(disk[..len].to_vec()), "{names:?} cut to {len}");
        }
    }
}

#[test]
fn a_folder_in_itself_is_refused() {
    let mut disk = volume(Names::Plain);
    let at = usize::from(FOLDER) * SECTOR + 68;
    let inner = folder(b"INNER", FOLDER, b"");
    disk[at..at + inner.len()].copy_from_slice(&inner);
    assert!(!read_all(disk));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_changed_byte_panics(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut disk = volume(ALL[which]);
        let used: Vec<usize> = (0..disk.len()).filter(|at| disk[*at] != 0 && disk[*at] != b'a').collect();
        for (at, value) in changes {
            disk[used[at.index(used.len())]] = value;
        }
        read_all(disk);
    }
}
