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
    assert_eq!(modified.as_secs(), 1_700_000_000);
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
fn devices_are_passed_over_and_holes_are_refused() {
    for (kind, is_read) in [
        (::tar::EntryType::Fifo, true),
        (::tar::EntryType::GNUSparse, false),
    ] {
        let mut builder = ::tar::Builder::new(Vec::new());
        let mut header = ::tar::Header::new_gnu();
        header.set_size(0);
        header.set_entry_type(kind);
        builder.append_data(&mut header, "a", &b""[..]).unwrap();
        let tree = read(builder.into_inner().unwrap());
        assert_eq!(tree.is_ok(), is_read, "{kind:?}");
        assert!(tree.is_err() || tree.unwrap().entry("a").is_err());
    }
}
