//! Archives made by hand.

use std::sync::Arc;

use wire::Budget;

use super::open;
use crate::{Kind, MediaError, Tree, open_source, walk};

/// An entry with those fields, and what follows it.
fn entry(magic: [u8; 4], fields: &[&[u8]], blobs: &[u8]) -> Vec<u8> {
    let fields = fields.concat();
    let len = u16::try_from(fields.len() + 6).unwrap();
    [&magic[..], &len.to_le_bytes(), &fields, blobs].concat()
}

fn path(path: &str) -> Vec<u8> {
    let len = u16::try_from(path.len()).unwrap();
    [b"PATP", &len.to_le_bytes()[..], path.as_bytes()].concat()
}

pub(super) fn archive() -> Vec<u8> {
    let times = b"MTMT\x10\0\0\0\0\0\0\0\0\0\0\0";
    let owner = b"UID2\xf5\x01GID1\x14MOD2\xed\x01FLG1\0";
    let digest = [&b"SH2H"[..], &[7; 32], b"IDX*"].concat();
    [
        entry(*b"AA01", &[b"TYP1M"], b""),
        entry(*b"AA01", &[b"TYP1D", &path("")], b""),
        entry(
            *b"AA01",
            &[b"TYP1D", &path("a"), owner, times, b"XATA\x03\0"],
            b"xyz",
        ),
        entry(
            *b"AA01",
            &[
                b"TYP1F",
                &path("a/b"),
                owner,
                &digest,
                b"XATA\x01\0DATB\x04\0\0\0ACLA\x02\0",
            ],
            b"xtextac",
        ),
        entry(*b"YAA1", &[b"TYP1L", &path("a/c"), b"LNKP\x01\0b"], b""),
        entry(
            *b"AA01",
            &[b"TYP1F", &path("empty"), b"DATC\0\0\0\0\0\0\0\0"],
            b"",
        ),
    ]
    .concat()
}

/// In chunks of a wrapper: one that is stored, and the rest compressed in its way.
fn wrapped(algorithm: u8, compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let archive = archive();
    let (first, rest) = archive.split_at(20);
    let mut bytes = [b"pbz", &[algorithm][..], &(1_u64 << 22).to_be_bytes()].concat();
    for (contents, stored) in [(first, first.to_vec()), (rest, compress(rest))] {
        bytes.extend((contents.len() as u64).to_be_bytes());
        bytes.extend((stored.len() as u64).to_be_bytes());
        bytes.extend(stored);
    }
    bytes
}

fn assert_whole(tree: &dyn Tree) {
    let found = walk(tree, "").unwrap();
    let paths: Vec<_> = found.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["a", "a/b", "a/c", "empty"]);
    let file = &found[1];
    assert_eq!(
        (file.uid, file.gid, file.mode),
        (Some(501), Some(20), 0o755)
    );
    assert_eq!(found[0].modified.unwrap().as_secs(), 16);
    assert_eq!(
        found[2].kind,
        Kind::Link {
            target: "b".to_owned()
        }
    );
    let source = tree.source("a/b").unwrap();
    assert_eq!(wire::read_vec(&*source, 0, source.len()).unwrap(), b"text");
}

fn read(bytes: Vec<u8>) -> Result<Arc<dyn Tree>, MediaError> {
    open_source(Arc::new(bytes), &Budget::for_medium("sample"))
}

#[test]
fn archives_are_read_whatever_they_are_wrapped_in() {
    assert_whole(&*read(archive()).unwrap());
    let deflate = |bytes: &[u8]| {
        use std::io::Write as _;
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let lzfse = |bytes: &[u8]| {
        let mut stored = Vec::new();
        lzfse_rust::LzfseEncoder::default()
            .encode_bytes(bytes, &mut stored)
            .unwrap();
        stored
    };
    assert_whole(&*read(wrapped(b'-', <[u8]>::to_vec)).unwrap());
    assert_whole(&*read(wrapped(b'z', deflate)).unwrap());
    assert_whole(&*read(wrapped(b'e', lzfse)).unwrap());
    assert!(read(wrapped(b'4', <[u8]>::to_vec)).is_err());
}

#[test]
fn archives_cut_inside_an_entry_are_errors() {
    let bytes = archive();
    let budget = Budget::for_medium("sample");
    let mut ends = Vec::new();
    for len in 0..bytes.len() {
        if open(Arc::new(bytes[..len].to_vec()), &budget).is_ok() {
            ends.push(len);
        }
    }
    assert_eq!(ends.len(), 6, "{ends:?}");
}

#[test]
fn entries_that_lie_are_refused() {
    for bytes in [
        entry(*b"AA01", &[b"TYP1F", &path("../x")], b""),
        entry(
            *b"AA01",
            &[
                b"TYP1F",
                &path("x"),
                b"DATC\xff\xff\xff\xff\xff\xff\xff\xffXATA\x01\0",
            ],
            b"x",
        ),
        entry(*b"AA01", &[b"TYP1F", &path("x"), b"DAT?"], b""),
        b"AA01\x02\0".to_vec(),
    ] {
        assert!(read(bytes).is_err());
    }
}
