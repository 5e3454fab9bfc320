//! Volumes of our own writer, and what becomes of them when they are changed.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::Arc,
};

use model::Timestamp;
use proptest::prelude::*;
use wire::{ReadAt, read_vec};

use super::{
    constants::{FIRST_USER_ID, HEADER_OFFSET},
    names::to_stored,
    open,
};
use crate::{Entry, Kind, MediaError, Tree, Xattr, samples, walk};

/// A tree in memory, in which every folder is named.
#[derive(Clone, Debug, Default)]
struct Sample(BTreeMap<String, (Entry, Vec<u8>, Vec<Xattr>)>);

impl Sample {
    fn new() -> Self {
        let mut sample = Self::default();
        sample.add("", Kind::Folder, 0o755, b"");
        sample
    }

    fn add(&mut self, path: &str, kind: Kind, mode: u32, contents: &[u8]) {
        let entry = Entry {
            path: path.to_owned(),
            kind,
            mode,
            modified: Some(Timestamp::from_secs(1_600_000_000 + i64::from(mode))),
            uid: Some(99),
            gid: Some(99),
        };
        let item = (entry, contents.to_vec(), Vec::new());
        self.0.insert(path.to_owned(), item);
    }

    fn file(&mut self, path: &str, mode: u32, contents: &[u8]) {
        let len_bytes = contents.len() as u64;
        self.add(path, Kind::File { len_bytes }, mode, contents);
    }

    fn xattr(&mut self, path: &str, name: &str, value: &[u8]) {
        let (_, _, xattrs) = self.0.get_mut(path).unwrap();
        let (name, value) = (name.to_owned(), value.to_vec());
        xattrs.push(Xattr { name, value });
        xattrs.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn get(&self, path: &str) -> Result<&(Entry, Vec<u8>, Vec<Xattr>), MediaError> {
        self.0.get(path).ok_or_else(|| MediaError::NotFound {
            path: path.to_owned(),
        })
    }
}

impl Tree for Sample {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        self.get(path).map(|(entry, ..)| entry.clone())
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        let entries = self.0.values().map(|(entry, ..)| entry);
        let inside = entries
            .filter(|entry| !entry.path.is_empty() && crate::path::split(&entry.path).0 == path);
        Ok(inside.cloned().collect())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        Ok(Box::new(self.get(path)?.1.as_slice()))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        Ok(Arc::new(self.get(path)?.1.clone()))
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        self.get(path).map(|(_, _, xattrs)| xattrs.clone())
    }
}

fn sample() -> Sample {
    let mut sample = Sample::new();
    sample.add("App.app", Kind::Folder, 0o750, b"");
    sample.add("App.app/Empty", Kind::Folder, 0o755, b"");
    sample.file("App.app/run", 0o4755, &[7; 9000]);
    sample.file("App.app/nothing", 0o600, b"");
    sample.file(
        "e\u{301}t\u{e9}:x".replace('\u{e9}', "e\u{301}").as_str(),
        0o644,
        b"summer",
    );
    let target = "App.app/run".to_owned();
    sample.add("link", Kind::Link { target }, 0o755, b"");
    sample.xattr("App.app/run", "com.apple.quarantine", b"0001;x");
    sample.xattr("App.app/run", "com.apple.ResourceFork", &[3; 5000]);
    sample.xattr(
        "App.app/run",
        "com.apple.FinderInfo",
        &[b"APPLtest".as_slice(), &[0; 24]].concat(),
    );
    sample.xattr("App.app", "other", b"");
    sample
}

fn volume(bytes: &[u8]) -> Result<Arc<dyn Tree>, MediaError> {
    open(Arc::new(bytes.to_vec()))
}

/// Opens and reads everything, as far as it goes.
fn read_all(bytes: &[u8]) -> Result<(), MediaError> {
    let tree = volume(bytes)?;
    for entry in walk(&*tree, "")? {
        if entry.is_file() {
            let mut reader = tree.open(&entry.path)?;
            io::copy(&mut reader, &mut io::sink()).map_err(MediaError::content(&entry.path))?;
        }
        tree.xattrs(&entry.path)?;
    }
    Ok(())
}

fn assert_same(sample: &Sample, tree: &dyn Tree) {
    let found = walk(tree, "").unwrap();
    let expected: Vec<_> = sample
        .0
        .values()
        .map(|(entry, ..)| entry.clone())
        .skip(1)
        .collect();
    assert_eq!(found, expected);
    for (path, (entry, contents, xattrs)) in &sample.0 {
        assert_eq!(&tree.xattrs(path).unwrap(), xattrs, "{path}");
        if entry.is_file() {
            let source = tree.source(path).unwrap();
            assert_eq!(
                &read_vec(&*source, 0, source.len()).unwrap(),
                contents,
                "{path}"
            );
        }
    }
}

#[test]
fn what_is_written_is_read() {
    let sample = sample();
    let bytes = samples::hfs_plus(&sample);
    assert_same(&sample, &*volume(&bytes).unwrap());
}

#[test]
fn thousands_of_files_are_read() {
    let mut sample = Sample::new();
    for folder in 0..40 {
        sample.add(&format!("{folder}"), Kind::Folder, 0o755, b"");
        for file in 0..100 {
            let path = format!("{folder}/a file with a longer name {file}");
            sample.file(&path, 0o644, path.as_bytes());
        }
    }
    assert_same(&sample, &*volume(&samples::hfs_plus(&sample)).unwrap());
}

#[test]
fn case_does_not_matter_but_what_is_stored_is_told() {
    let bytes = samples::hfs_plus(&sample());
    let tree = volume(&bytes).unwrap();
    assert_eq!(tree.entry("app.APP/Run").unwrap().mode, 0o4755);
    assert!(tree.entry("\u{c9}T\u{c9}:X").is_ok());
    assert!(tree.entry("app.APP/Runs").is_err());
    assert!(tree.children("link").is_err());
    assert!(tree.open("App.app").is_err());
}

/// Where `needle` is in `bytes`, from `start` on.
fn find(bytes: &[u8], start: usize, needle: &[u8]) -> usize {
    let rest = &bytes[start..];
    let at = rest.windows(needle.len()).position(|part| part == needle);
    start + at.unwrap()
}

/// Where the catalog record of the file with that name is.
fn record_of(bytes: &[u8], name: &str) -> usize {
    let stored: Vec<u8> = to_stored(name)
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect();
    find(bytes, 0, &[stored.as_slice(), &[0, 2, 0]].concat()) + stored.len()
}

#[test]
fn hard_links_are_the_file_that_they_lead_to() {
    let private = "\u{1}\u{1}\u{1}\u{1}HFS+ Private Data";
    let mut sample = Sample::new();
    sample.add(private, Kind::Folder, 0o755, b"");
    sample.file(&format!("{private}/iNode77"), 0o755, b"contents");
    sample.file("one", 0o644, b"");
    sample.file("two", 0o644, b"");
    let mut bytes = samples::hfs_plus(&sample);
    // NUL cannot be in a name of the host, so it is put there afterwards; only the catalog's order suffers.
    for _ in 0..2 {
        let at = find(&bytes, 0, &[0, 1, 0, 1, 0, 1, 0, 1, 0, b'H']);
        bytes[at..at + 8].fill(0);
    }
    for name in ["one", "two"] {
        let record = record_of(&bytes, name);
        bytes[record + 44..record + 48].copy_from_slice(&77_u32.to_be_bytes());
        bytes[record + 48..record + 56].copy_from_slice(b"hlnkhfs+");
    }
    let tree = volume(&bytes).unwrap();
    let found = walk(&*tree, "").unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|entry| (entry.path.as_str(), entry.mode))
        .collect();
    assert_eq!(found, [("one", 0o755), ("two", 0o755)]);
    let source = tree.source("two").unwrap();
    assert_eq!(read_vec(&*source, 0, 8).unwrap(), b"contents");
    let at = record_of(&bytes, "one") + 44;
    bytes[at + 3] = 78;
    let error = volume(&bytes).unwrap_err();
    assert!(error.to_string().contains("hard link"), "{error}");
}

#[test]
fn compressed_files_are_decompressed() {
    let mut sample = Sample::new();
    for (name, kind, contents) in [("inside", 1, &b"hello"[..]), ("in fork", 10, b"")] {
        sample.file(name, 0o644, b"");
        let attribute: [&[u8]; 4] = [
            b"fpmc",
            &[kind, 0, 0, 0],
            &[5, 0, 0, 0, 0, 0, 0, 0],
            contents,
        ];
        sample.xattr(name, crate::decmpfs::NAME, &attribute.concat());
    }
    let fork = [&[8, 0, 0, 0, 14, 0, 0, 0, 0xcc], &b"world"[..]].concat();
    for name in ["inside", "in fork"] {
        sample.xattr(name, "com.apple.ResourceFork", &fork);
    }
    let mut bytes = samples::hfs_plus(&sample);
    let tree = volume(&bytes).unwrap();
    assert_eq!(tree.entry("inside").unwrap().len_bytes(), Some(0));
    assert_eq!(tree.xattrs("in fork").unwrap().len(), 2);
    for name in ["inside", "in fork"] {
        let record = record_of(&bytes, name);
        bytes[record + 41] |= 0x20;
    }
    let tree = volume(&bytes).unwrap();
    for (name, contents, attributes) in [("inside", b"hello", 1), ("in fork", b"world", 0)] {
        assert_eq!(tree.entry(name).unwrap().len_bytes(), Some(5));
        assert_eq!(
            read_vec(&*tree.source(name).unwrap(), 0, 5).unwrap(),
            contents
        );
        assert_eq!(tree.xattrs(name).unwrap().len(), attributes);
    }
}

#[test]
fn a_volume_in_an_older_one_is_found() {
    let inner = samples::hfs_plus(&sample());
    let mut bytes = vec![0; 4096];
    bytes[1024..1026].copy_from_slice(b"BD");
    bytes[1024 + 20..1024 + 24].copy_from_slice(&4096_u32.to_be_bytes());
    bytes[1024 + 28..1024 + 30].copy_from_slice(&4_u16.to_be_bytes());
    bytes[1024 + 124..1024 + 126].copy_from_slice(b"H+");
    let blocks = u16::try_from(inner.len() / 4096).unwrap();
    bytes[1024 + 128..1024 + 130].copy_from_slice(&blocks.to_be_bytes());
    bytes.truncate(2048);
    bytes.extend(inner);
    assert_same(&sample(), &*volume(&bytes).unwrap());
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = samples::hfs_plus(&sample());
    read_all(&bytes).unwrap();
    for len in (0..bytes.len()).step_by(101) {
        assert!(volume(&bytes[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn leaves_that_go_round_in_a_circle_are_an_error() {
    let mut bytes = samples::hfs_plus(&sample());
    let start_of_attributes = 1024 + 112 + 3 * 80 + 16;
    let start = &bytes[start_of_attributes..start_of_attributes + 4];
    let start = u32::from_be_bytes(start.try_into().unwrap());
    let leaf = usize::try_from(start).unwrap() * 4096 + 8192;
    assert_eq!(bytes[leaf + 8], 0xff);
    bytes[leaf + 3] = 1;
    let error = volume(&bytes).unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
}

/// The places of bytes that mean something: not those of contents.
fn meaningful(bytes: &[u8]) -> Vec<usize> {
    let start = usize::try_from(HEADER_OFFSET).unwrap();
    (start..start + 512)
        .chain((4096..bytes.len()).filter(|at| bytes[*at] != 0 && bytes[*at] != 7))
        .collect()
}

#[test]
fn no_changed_byte_panics() {
    let bytes = samples::hfs_plus(&sample());
    for at in meaningful(&bytes) {
        for mask in [0xff, 1] {
            let mut bytes = bytes.clone();
            bytes[at] ^= mask;
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
        let mut bytes = samples::hfs_plus(&sample());
        let places = meaningful(&bytes);
        for (at, value) in changes {
            bytes[places[at.index(places.len())]] = value;
        }
        read_all(&bytes).map(drop).unwrap_or_default();
    }

    #[test]
    fn any_tree_comes_back(
        files in prop::collection::btree_map(
            "[a-z]{1,3}|\u{e4}[a-z]|[\u{3b1}-\u{3c9}\u{4e00}-\u{4e20} .]{2,9}x",
            prop::collection::vec(any::<u8>(), 0..9000),
            0..20,
        ),
    ) {
        let mut sample = Sample::new();
        for (number, (name, contents)) in (FIRST_USER_ID..).zip(&files) {
            let stored = super::names::from_stored(&to_stored(name));
            sample.file(&stored, number & 0o777, contents);
        }
        assert_same(&sample, &*volume(&samples::hfs_plus(&sample)).unwrap());
    }
}
