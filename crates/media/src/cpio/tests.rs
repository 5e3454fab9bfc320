//! Archives in all forms.

use std::{fmt::Write as _, io::Read as _, sync::Arc};

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

/// An archive in the new form: name, number of the file, how many names it has, contents.
fn newc(members: &[(&str, u32, u32, &str)]) -> Vec<u8> {
    let mut bytes = String::new();
    for (name, inode, links, contents) in members.iter().chain(&[("TRAILER!!!", 0, 1, "")]) {
        let (mode, len, name_len) = (0o100_644, contents.len(), name.len() + 1);
        write!(
            bytes,
            "070701{inode:08x}{mode:08x}{:08x}{:08x}{links:08X}{:08x}{len:08x}{:032x}{name_len:08x}{:08x}{name}\0",
            501, 20, 1_600_000_000, 0, 0
        )
        .unwrap();
        pad(&mut bytes);
        bytes += contents;
        pad(&mut bytes);
    }
    bytes.into_bytes()
}

fn pad(bytes: &mut String) {
    while !bytes.len().is_multiple_of(4) {
        bytes.push('\0');
    }
}

#[test]
fn both_forms_of_text_are_read() {
    let tree = read(newc(&[("./a", 1, 1, "first"), ("b", 2, 1, "second!")])).unwrap();
    assert_eq!(
        (text(&tree, "a"), text(&tree, "b")),
        ("first".into(), "second!".into())
    );
    let entry = tree.entry("a").unwrap();
    assert_eq!(
        (entry.mode, entry.uid, entry.gid),
        (0o644, Some(501), Some(20))
    );
    let tree = read(samples::cpio(&[
        ("./x", Sample::Folder(0o755)),
        ("./x/link", Sample::Link("../y")),
        ("./y", Sample::File(0o755, b"text")),
    ]))
    .unwrap();
    assert_eq!(text(&tree, "y"), "text");
    let target = "../y".to_owned();
    assert_eq!(tree.entry("x/link").unwrap().kind, Kind::Link { target });
    assert!(tree.entry("x").unwrap().is_folder());
}

#[test]
fn names_of_one_file_share_its_contents() {
    let tree = read(newc(&[
        ("a", 7, 2, ""),
        ("c", 8, 1, ""),
        ("b", 7, 2, "shared"),
    ]))
    .unwrap();
    assert_eq!(text(&tree, "a"), "shared");
    assert_eq!(tree.entry("a").unwrap().len_bytes(), Some(6));
    assert_eq!(text(&tree, "c"), "");
}

#[test]
fn an_archive_without_a_trailer_was_cut() {
    let bytes = newc(&[("a", 1, 1, "text")]);
    let trailer = bytes.len() - 124;
    assert!(bytes[trailer..].starts_with(b"070701"));
    assert!(read(bytes[..trailer].to_vec()).is_err());
    // Tapes were written in whole blocks.
    assert!(read([bytes, vec![0; 300]].concat()).is_ok());
}

#[test]
fn lengths_that_lie_are_refused() {
    let sound = String::from_utf8(newc(&[("a", 1, 1, "text")])).unwrap();
    for (from, to) in [
        ("0000000400", "7fffffff00"),
        ("00000002", "ffffffff"),
        ("070701", "070703"),
        ("00000001", "0000000x"),
    ] {
        assert!(sound.contains(from), "{from}");
        assert!(
            read(sound.replacen(from, to, 1).into_bytes()).is_err(),
            "{to}"
        );
    }
}

#[test]
fn the_root_is_a_folder_and_nothing_else() {
    for name in ["", ".", "./", "./."] {
        assert!(read(samples::cpio(&[(name, Sample::Folder(0o755))])).is_ok());
        for member in [Sample::Link("/tmp"), Sample::File(0o644, b"")] {
            let error = read(samples::cpio(&[(name, member)])).unwrap_err();
            assert!(matches!(error, MediaError::Escapes { .. }), "{name:?}");
        }
    }
}

#[test]
fn names_that_are_not_utf_8_stay_apart() {
    let mut bytes = newc(&[("aX", 1, 1, "first"), ("aY", 2, 1, "second")]);
    for (from, to) in [(b'X', 0xff), (b'Y', 0xfe)] {
        let at = bytes.iter().position(|byte| *byte == from).unwrap();
        bytes[at] = to;
    }
    let tree = read(bytes).unwrap();
    assert_eq!(text(&tree, "a%FF"), "first");
    assert_eq!(text(&tree, "a%FE"), "second");
}
