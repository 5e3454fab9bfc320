//! Containers made by hand, and what becomes of them when they are changed.

use std::{io, sync::Arc};

use proptest::prelude::*;
use wire::read_vec;

use super::{
    constants::{CASE_INSENSITIVE, INODE_SPARSE, NORMALIZATION_INSENSITIVE, SEALED},
    open,
    samples::{BLOCK, FIRST_DATA, Volume, container, seal},
};
use crate::{Kind, MediaError, Tree, decmpfs, walk};

fn sample() -> Volume {
    let mut volume = Volume::new();
    volume.name(2, "App.app", 16);
    volume.inode(16, 0o040_750, 0);
    volume.name(16, "run", 17);
    volume.name(2, "another name", 17);
    volume.inode(17, 0o104_755, 5000);
    volume.extent(17, 0, 4096, FIRST_DATA);
    volume.extent(17, 4096, 4096, FIRST_DATA + 1);
    volume.xattr(17, "com.apple.quarantine", 2, b"0001;x");
    volume.name(2, "link", 18);
    volume.inode(18, 0o120_755, 0);
    volume.xattr(18, "com.apple.fs.symlink", 6, b"App.app/run\0");
    volume.name(2, "text", 19);
    volume.inode(19, 0o100_644, 0);
    volume.set(68, &[0x20]);
    let attribute = [&b"fpmc\x01\0\0\0\x05\0\0\0\0\0\0\0"[..], b"hello"].concat();
    volume.xattr(19, decmpfs::NAME, 2, &attribute);
    volume.name(2, "sparse", 20);
    volume.inode(20, 0o100_600, 3 * 4096);
    volume.set(48, &INODE_SPARSE.to_le_bytes());
    volume.extent(20, 4096, 4096, FIRST_DATA + 1);
    let stream = [21_u64, 3, 0, 0, 0, 0].map(u64::to_le_bytes).concat();
    volume.xattr(17, "long", 1, &stream);
    volume.extent(21, 0, 4096, FIRST_DATA + 2);
    volume
}

const DATA: [&[u8]; 3] = [&[1; 4096], &[2; 4096], b"abc"];

fn tree(bytes: &[u8]) -> Result<Arc<dyn Tree>, MediaError> {
    open(Arc::new(bytes.to_vec()))
}

fn contents(tree: &dyn Tree, path: &str) -> Vec<u8> {
    let source = tree.source(path).unwrap();
    read_vec(&*source, 0, source.len()).unwrap()
}

/// Opens and reads everything, as far as it goes.
fn read_all(bytes: &[u8]) -> Result<(), MediaError> {
    let tree = tree(bytes)?;
    for entry in walk(&*tree, "")? {
        // A file of declared zeros may be as long as it likes.
        if entry.len_bytes().is_some_and(|len| len < 1 << 20) {
            let mut reader = tree.open(&entry.path)?;
            io::copy(&mut reader, &mut io::sink()).map_err(MediaError::content(&entry.path))?;
        }
        tree.xattrs(&entry.path)?;
    }
    Ok(())
}

#[test]
fn everything_is_found() {
    let tree = tree(&container(&[sample()], &DATA)).unwrap();
    let found = walk(&*tree, "").unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|entry| (entry.path.as_str(), entry.mode, entry.len_bytes()))
        .collect();
    let expected = [
        ("App.app", 0o750, None),
        ("App.app/run", 0o4755, Some(5000)),
        ("another name", 0o4755, Some(5000)),
        ("link", 0o755, None),
        ("sparse", 0o600, Some(12288)),
        ("text", 0o644, Some(5)),
    ];
    assert_eq!(found, expected);
    let run = [&[1; 4096][..], &[2; 904]].concat();
    assert_eq!(contents(&*tree, "App.app/run"), run);
    assert_eq!(contents(&*tree, "another name"), run);
    let sparse = [&[0; 4096][..], &[2; 4096], &[0; 4096]].concat();
    assert_eq!(contents(&*tree, "sparse"), sparse);
    assert_eq!(contents(&*tree, "text"), b"hello");
    let entry = tree.entry("link").unwrap();
    let target = "App.app/run".to_owned();
    assert_eq!(entry.kind, Kind::Link { target });
    let seconds = entry.modified.unwrap().as_secs();
    assert_eq!((seconds, entry.uid), (1_600_000_000, Some(99)));
    let xattrs = |path: &str| -> Vec<_> {
        let xattrs = tree.xattrs(path).unwrap().into_iter();
        xattrs.map(|xattr| (xattr.name, xattr.value)).collect()
    };
    let expected = [("com.apple.quarantine", &b"0001;x"[..]), ("long", b"abc")]
        .map(|(name, value)| (name.to_owned(), value.to_vec()));
    assert_eq!(xattrs("another name"), expected);
    assert_eq!(xattrs("text"), []);
    assert_eq!(xattrs("link"), []);
    assert!(tree.open("App.app").is_err());
    assert!(tree.children("link").is_err());
    assert!(tree.entry("LINK").is_err());
}

#[test]
fn names_are_found_without_regard_to_case_or_form_where_the_volume_has_none() {
    for (flag, case, form) in [
        (0, false, false),
        (CASE_INSENSITIVE, true, true),
        (NORMALIZATION_INSENSITIVE, false, true),
    ] {
        let mut volume = Volume::new();
        volume.incompatible = flag;
        volume.name(2, "\u{e9}t\u{e9}", 16);
        volume.inode(16, 0o100_644, 0);
        let tree = tree(&container(&[volume], &[])).unwrap();
        assert!(tree.entry("\u{e9}t\u{e9}").is_ok());
        assert_eq!(tree.entry("\u{c9}t\u{e9}").is_ok(), case);
        assert_eq!(tree.entry("e\u{301}te\u{301}").is_ok(), form);
    }
}

#[test]
fn the_first_volume_with_contents_is_taken() {
    let mut encrypted = sample();
    encrypted.flags = 0;
    let mut sealed = Volume::new();
    sealed.incompatible = SEALED;
    let open = |volumes: &[Volume]| tree(&container(volumes, &DATA));
    let volumes = [encrypted.clone(), Volume::new(), sample()];
    assert!(open(&volumes).unwrap().entry("link").is_ok());
    assert!(
        walk(&*open(&[Volume::new()]).unwrap(), "")
            .unwrap()
            .is_empty()
    );
    let error = open(&[encrypted]).unwrap_err();
    assert!(matches!(error, MediaError::Encrypted { .. }), "{error}");
    let error = open(&[]).unwrap_err();
    assert!(matches!(error, MediaError::Unknown { .. }), "{error}");
    let error = open(&[sealed]).unwrap_err();
    assert!(error.to_string().contains("sealed"), "{error}");
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |change: fn(&mut Volume)| {
        let mut volume = sample();
        change(&mut volume);
        read_all(&container(&[volume], &DATA)).unwrap_err();
    };
    refused(|volume| volume.name(16, "up", 2));
    refused(|volume| volume.name(16, "itself", 16));
    refused(|volume| volume.name(2, "nothing", 99));
    refused(|volume| volume.name(2, "..", 17));
    refused(|volume| volume.name(2, "a/b", 17));
    refused(|volume| volume.extent(17, 8192, 4096, u64::MAX));
    refused(|volume| {
        volume.name(2, "short", 30);
        volume.inode(30, 0o100_644, 1);
    });
    refused(|volume| {
        volume.name(2, "to nowhere", 30);
        volume.inode(30, 0o120_644, 0);
    });
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = container(&[sample()], &DATA);
    for len in (0..bytes.len()).step_by(509) {
        assert!(tree(&bytes[..len]).is_err(), "cut to {len}");
    }
}

/// All but the first superblock, of which there is a copy, and the contents of files.
#[test]
fn every_changed_bit_of_the_structure_is_noticed() {
    let bytes = container(&[sample()], &DATA);
    let end = usize::try_from(FIRST_DATA).unwrap() * BLOCK;
    for at in (BLOCK..end).filter(|at| bytes[*at] != 0).step_by(3) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        assert!(read_all(&bytes).is_err(), "{at}");
    }
}

#[test]
fn no_changed_byte_panics_even_with_right_checksums() {
    let bytes = container(&[sample()], &DATA);
    let end = usize::try_from(FIRST_DATA).unwrap() * BLOCK;
    for at in (0..end).filter(|at| bytes[*at] != 0) {
        for mask in [0xff, 1] {
            let mut bytes = bytes.clone();
            bytes[at] ^= mask;
            seal(&mut bytes);
            read_all(&bytes).map(drop).unwrap_or_default();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn several_changed_bytes_do_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = container(&[sample()], &DATA);
        let end = usize::try_from(FIRST_DATA).unwrap() * BLOCK;
        let places: Vec<_> = (0..end).filter(|at| bytes[*at] != 0).collect();
        for (at, value) in changes {
            bytes[places[at.index(places.len())]] = value;
        }
        seal(&mut bytes);
        read_all(&bytes).map(drop).unwrap_or_default();
    }
}
