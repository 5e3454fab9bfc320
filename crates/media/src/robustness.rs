//! Damaged media: errors, never panics, and never more than the budget allows.

use std::{io, sync::Arc};

use proptest::prelude::*;
use wire::Budget;

use crate::{
    Kind, MediaError,
    conformance::corpus,
    open_source,
    samples::{self, Sample},
    walk,
};

const MEMBERS: [(&str, Sample<'_>); 4] = [
    ("a", Sample::Folder(0o755)),
    (
        "a/b.txt",
        Sample::File(0o644, b"some text, some text, some text"),
    ),
    ("a/c", Sample::Link("b.txt")),
    ("d", Sample::File(0o755, b"more")),
];

/// Opens and reads everything, as far as it goes.
fn read_all(bytes: &[u8]) -> Result<(), MediaError> {
    let budget = Budget::new("test", 64 << 20, 10_000, 8);
    let tree = open_source(Arc::new(bytes.to_vec()), &budget)?;
    for entry in walk(&*tree, "")? {
        if matches!(entry.kind, Kind::File { .. }) {
            let mut reader = tree.open(&entry.path)?;
            io::copy(&mut reader, &mut io::sink()).map_err(MediaError::content(&entry.path))?;
        }
        tree.xattrs(&entry.path)?;
    }
    Ok(())
}

/// Every kind of archive, made by hand.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let payload = samples::cpio(&MEMBERS);
    vec![
        ("zip", samples::zip(&MEMBERS)),
        ("cpio", payload.clone()),
        ("tar", samples::tar(&MEMBERS)),
        (
            "xar",
            samples::xar(&[("x", b"contents"), ("y", b"")], |toc| toc),
        ),
        (
            "package",
            samples::xar(&[("PackageInfo", b"<x/>"), ("Payload", &payload)], |toc| {
                toc
            }),
        ),
    ]
}

#[test]
fn samples_are_sound() {
    for (name, bytes) in samples() {
        read_all(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_truncation_is_an_error() {
    for (name, bytes) in samples() {
        // A tar archive may end after any member, and its last two blocks only say that it ends.
        let needed = if name == "tar" { 0 } else { bytes.len() };
        for len in 0..needed {
            assert!(read_all(&bytes[..len]).is_err(), "{name} cut to {len}");
        }
    }
}

#[test]
fn a_tar_archive_cut_inside_a_member_is_an_error() {
    let bytes = samples::tar(&[("a", Sample::File(0o644, &[7; 700]))]);
    for len in (1..1212).filter(|len| *len != 512) {
        assert!(read_all(&bytes[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn no_changed_byte_panics() {
    for (_, bytes) in samples() {
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0xff;
            read_all(&bytes).map(drop).unwrap_or_default();
        }
    }
}

#[test]
fn no_changed_byte_of_real_media_panics() {
    let Some(corpus) = corpus() else { return };
    for name in [
        "pkg/brew_container.pkg",
        "pkg/brew_container.xar",
        "pkg/sparkle_test.pkg",
        "app/brew_caffeines.zip",
        "app/brew_NestedApp.zip.tar.gz",
        "other/strelka_test.cpio",
        "dmg/brew_container.dmg",
        "dmg/dmgwiz_bzip2.dmg",
        "dmg/dmgwiz_lzfse.dmg",
        "dmg/dmgwiz_adc.dmg",
    ] {
        let bytes = fs_err::read(corpus.join(name)).unwrap();
        let step = bytes.len().div_ceil(60);
        for at in (0..bytes.len()).step_by(step) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x41;
            read_all(&bytes).map(drop).unwrap_or_default();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn several_changed_bytes_do_not_panic(
        which in 0..5_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (_, mut bytes) = samples().swap_remove(which);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read_all(&bytes).map(drop).unwrap_or_default();
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(start in 0..8_usize, bytes: Vec<u8>) {
        let starts: [&[u8]; 8] = [
            b"xar!", b"PK\x03\x04", b"070707", b"070701", b"\xc7\x71", b"\x1f\x8b\x08", b"pbzx", b"BZh9",
        ];
        let bytes = [starts[start], bytes.as_slice()].concat();
        prop_assert!(read_all(&bytes).is_err());
    }
}
