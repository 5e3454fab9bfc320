//! Archives as the `tar` crate writes them, and what that crate does not write.

use std::{io::Read as _, sync::Arc};

use wire::Budget;

use super::open;
use crate::{
    Kind, MediaError, Tree as _,
    archive::StoredTree,
    samples::{self, Sample},
};

fn read(bytes: Vec<u8>) -> Result<StoredTree, MediaError> {
    open(Arc::new(bytes), &Budget::for_medium("sample"))
}

fn text(tree: &StoredTree, path: &str) -> String {
    let mut text = String::new();
    let mut reader = tree.open(path).unwrap();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn names_that_are_too_long_for_a_header_are_read() {
    let long = "folder/".repeat(40) + "file";
    let target = "up/".repeat(60);
    let tree = read(samples::tar(&[
        (&long, Sample::File(0o600, b"text")),
        ("link", Sample::Link(&target)),
    ]))
    .unwrap();
    assert_eq!(text(&tree, &long), "text");
    assert_eq!(tree.entry("link").unwrap().kind, Kind::Link { target });
}

#[test]
fn pax_records_count_before_the_header() {
    let mut builder = ::tar::Builder::new(Vec::new());
    let records = [
        ("path", "pax/n\u{e4}me".as_bytes()),
        ("mtime", b"1700000000.5"),
    ];
    builder.append_pax_extensions(records).unwrap();
    let mut header = ::tar::Header::new_ustar();
    header.set_size(4);
    builder
        .append_data(&mut header, "short", &b"text"[..])
        .unwrap();
    let tree = read(builder.into_inner().unwrap()).unwrap();
    assert_eq!(text(&tree, "pax/n\u{e4}me"), "text");
    let modified = tree.entry("pax/n\u{e4}me").unwrap().modified.unwrap();
    assert_eq!(modified.as_micros(), 1_700_000_000_500_000);
}

#[test]
fn a_hard_link_has_the_contents_of_its_file() {
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut header = ::tar::Header::new_gnu();
    header.set_size(4);
    builder.append_data(&mut header, "a", &b"text"[..]).unwrap();
    let mut header = ::tar::Header::new_gnu();
    header.set_size(0);
    header.set_entry_type(::tar::EntryType::Link);
    builder.append_link(&mut header, "b", "a").unwrap();
    let bytes = builder.into_inner().unwrap();
    assert_eq!(text(&read(bytes).unwrap(), "b"), "text");
}

#[test]
fn devices_are_passed_over() {
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut header = ::tar::Header::new_gnu();
    header.set_size(0);
    header.set_entry_type(::tar::EntryType::Fifo);
    builder.append_data(&mut header, "a", &b""[..]).unwrap();
    let tree = read(builder.into_inner().unwrap()).unwrap();
    assert!(tree.entry("a").is_err());
}

/// An archive of one file with those records and contents, then one that is named `after`.
fn with_records(records: &[(&str, &str)], contents: &[u8]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    let records = records.iter().map(|(key, value)| (*key, value.as_bytes()));
    builder.append_pax_extensions(records).unwrap();
    for (name, contents) in [("stored", contents), ("after", b"text")] {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        builder.append_data(&mut header, name, contents).unwrap();
    }
    builder.into_inner().unwrap()
}

/// As the oldest form has it: stretches in the header, and in a block after it.
fn with_old_map() -> Vec<u8> {
    let mut header = ::tar::Header::new_gnu();
    header.set_path("stored").unwrap();
    header.set_size(8);
    header.set_entry_type(::tar::EntryType::GNUSparse);
    let gnu = header.as_gnu_mut().unwrap();
    let set = |field: &mut [u8; 12], number: u64| {
        field[..11].copy_from_slice(format!("{number:011o}").as_bytes());
    };
    for (stretch, start) in gnu.sparse.iter_mut().zip([1, 3, 5, 7]) {
        set(&mut stretch.offset, start);
        set(&mut stretch.numbytes, 1);
    }
    gnu.isextended = [1];
    set(&mut gnu.realsize, 20);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    let mut block = [0; 512];
    for (stretch, (start, len)) in block.chunks_mut(24).zip([(10_u64, 4_u64), (20, 0)]) {
        stretch[..11].copy_from_slice(format!("{start:011o}").as_bytes());
        stretch[12..23].copy_from_slice(format!("{len:011o}").as_bytes());
    }
    bytes.extend(block);
    bytes.extend(b"abcdefgh");
    bytes.resize(bytes.len() + 504, 0);
    bytes.extend(samples::tar(&[("after", Sample::File(0o644, b"text"))]));
    bytes
}

const SIZE: (&str, &str) = ("GNU.sparse.size", "20");

#[test]
fn files_with_holes_are_read_in_every_form() {
    let pairs = |key, value| (key, value);
    let zero = [
        SIZE,
        pairs("GNU.sparse.numblocks", "2"),
        pairs("GNU.sparse.offset", "2"),
        pairs("GNU.sparse.numbytes", "3"),
        pairs("GNU.sparse.offset", "10"),
        pairs("GNU.sparse.numbytes", "5"),
    ];
    let name = pairs("GNU.sparse.name", "real/name");
    let one = [SIZE, name, pairs("GNU.sparse.map", "2,3,10,5,20,0")];
    let last = [
        pairs("GNU.sparse.major", "1"),
        pairs("GNU.sparse.minor", "0"),
        name,
        pairs("GNU.sparse.realsize", "20"),
    ];
    let mut mapped = b"3\n2\n3\n10\n5\n20\n0\n".to_vec();
    mapped.resize(512, 0);
    mapped.extend(b"abcdefgh");
    let expected = "\0\0abc\0\0\0\0\0defgh\0\0\0\0\0";
    let old = "\0a\0b\0c\0d\0\0efgh\0\0\0\0\0\0";
    for (archive, path, expected) in [
        (with_records(&zero, b"abcdefgh"), "stored", expected),
        (with_records(&one, b"abcdefgh"), "real/name", expected),
        (with_records(&last, &mapped), "real/name", expected),
        (with_old_map(), "stored", old),
    ] {
        let tree = read(archive).unwrap();
        assert_eq!(text(&tree, path), expected);
        assert_eq!(tree.entry(path).unwrap().len_bytes(), Some(20));
        assert_eq!(text(&tree, "after"), "text");
    }
}

#[test]
fn maps_that_lie_are_refused() {
    for (map, size) in [
        ("2,3,1,5", "20"),
        ("2,3,10,6", "20"),
        ("2,3,10,5", "14"),
        ("2,3,10,x", "20"),
        ("2,3,18446744073709551615,5", "20"),
    ] {
        let records = [("GNU.sparse.map", map), ("GNU.sparse.size", size)];
        assert!(read(with_records(&records, b"abcdefgh")).is_err(), "{map}");
    }
    let records = [("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "20")];
    for contents in [&b""[..], b"1\n", b"9999999999999\n2\n3\n", b"x\n"] {
        assert!(read(with_records(&records, contents)).is_err());
    }
}

/// An archive of one empty member, whose name is stored as it is.
fn named(name: &str, kind: ::tar::EntryType) -> Vec<u8> {
    let mut header = ::tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(0);
    header.set_entry_type(kind);
    header.set_link_name("/tmp").unwrap();
    header.set_cksum();
    let mut builder = ::tar::Builder::new(Vec::new());
    builder.append(&header, &b""[..]).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn the_root_is_a_folder_and_nothing_else() {
    for name in [".", "./", "./."] {
        assert!(read(named(name, ::tar::EntryType::Directory)).is_ok());
        let error = read(named(name, ::tar::EntryType::Symlink)).unwrap_err();
        assert!(matches!(error, MediaError::Escapes { .. }), "{name}");
    }
    for name in [".", "./."] {
        let error = read(named(name, ::tar::EntryType::Regular)).unwrap_err();
        assert!(matches!(error, MediaError::Escapes { .. }), "{name}");
    }
}

/// GNU's program stores the second name of anything that has several as a hard link.
#[test]
fn a_hard_link_to_a_link_is_one_and_to_a_device_is_left_out() {
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut add = |name: &str, kind, target: &str| {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(0);
        header.set_entry_type(kind);
        builder.append_link(&mut header, name, target).unwrap();
    };
    add("s", ::tar::EntryType::Symlink, "to");
    add("t", ::tar::EntryType::Link, "s");
    add("device", ::tar::EntryType::Fifo, "x");
    add("twin", ::tar::EntryType::Link, "device");
    add("third", ::tar::EntryType::Link, "twin");
    let tree = read(builder.into_inner().unwrap()).unwrap();
    let target = "to".to_owned();
    assert_eq!(tree.entry("t").unwrap().kind, Kind::Link { target });
    assert_eq!(tree.children("").unwrap().len(), 2);

    let mut builder = ::tar::Builder::new(Vec::new());
    let mut header = ::tar::Header::new_gnu();
    header.set_size(0);
    header.set_entry_type(::tar::EntryType::Link);
    builder.append_link(&mut header, "a", "nothing").unwrap();
    assert!(read(builder.into_inner().unwrap()).is_err());
}
