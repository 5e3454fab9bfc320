//! Archives made by hand, byte for byte, and by 7-Zip: methods, encryption, and what does not fit into 32 bits.

use std::{
    io::{self, Cursor, Read as _, Write as _},
    sync::Arc,
};

use ::zip::{ZipWriter, write::SimpleFileOptions};
use bzip2::write::BzEncoder;
use flate2::Crc;
use lzma_rust2::{LzmaOptions, LzmaWriter, XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use wire::Budget;

use super::ZipTree;
use crate::{
    Entry, MediaError, Tree as _,
    samples::{self, bytes},
};

const TEXT: &[u8] = b"some text, some text, some text, some text, some text";

/// What 7-Zip makes of 12 times `some text, ` with `-mm=deflate64`.
const DEFLATE_64: &str = "
    504b030415000000090054632d515b11203f1c0000008400000005000000742e747874c5c6211100000c02c02a04582d
    e46e6208e2138357ffb784680d6a0d504b01023f0315000000090054632d515b11203f1c000000840000000500240000
    00000000002080a48100000000742e7478740a00200000000000010018000080a621c989d60100000000000000000000
    000000000000504b05060000000001000100570000003f0000000000
";

/// The same with `-mm=lzma`.
const LZMA: &str = "
    504b03043f0002000e0054632d515b11203f210000008400000005000000742e7478741a0205005d0010000000399bc9
    f2e750b8c5e25cc2e066f7a7ee91fffffdcee000504b01023f033f0002000e0054632d515b11203f2100000084000000
    050024000000000000002080a48100000000742e7478740a00200000000000010018000080a621c989d6010000000000
    0000000000000000000000504b0506000000000100010057000000440000000000
";

/// The same with `-psecret -mem=AES256`.
const AES: &str = "
    504b030433000100630054632d5100000000380000008400000005000b00742e747874019907000200414503080087a9
    9c09fcd105a3f1b0983a0e7da9b601cdb68d1a3e1455761a1765058319dea9b95dcd9af48f6a1c06f429a818dffdd6f5
    4575db7fc204504b01023f0333000100630054632d5100000000380000008400000005002f000000000000002080a481
    00000000742e7478740a00200000000000010018000080a621c989d60100000000000000000000000000000000019907
    0002004145030800504b0506000000000100010062000000660000000000
";

/// A member as it is stored.
#[derive(Clone, Debug)]
struct Forged<'a> {
    name: &'a str,
    method: u16,
    flags: u16,
    stored: Vec<u8>,
    contents: &'a [u8],
    mode: u32,
    extra: &'a [u8],
}

impl<'a> Forged<'a> {
    fn new(name: &'a str, method: u16, stored: Vec<u8>) -> Self {
        Self {
            name,
            method,
            flags: 0,
            stored,
            contents: TEXT,
            mode: 0o100_644,
            extra: &[],
        }
    }

    /// From the needed version to the lengths of name and extra fields, as it stands in both headers.
    fn common(&self, lens: [u32; 2], extra: &[u8]) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(self.contents);
        let name_len = u16::try_from(self.name.len()).unwrap();
        let extra_len = u16::try_from(extra.len()).unwrap();
        let mut bytes = [45, self.flags, self.method, 0, 0x21]
            .map(u16::to_le_bytes)
            .concat();
        bytes.extend(crc.sum().to_le_bytes());
        bytes.extend(lens.map(u32::to_le_bytes).concat());
        bytes.extend([name_len, extra_len].map(u16::to_le_bytes).concat());
        bytes
    }
}

/// Whether lengths and places are in the fields of 64 bits although they would fit into those of 32.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Width {
    Bits32,
    Bits64,
}

fn archive(members: &[Forged<'_>], width: Width) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let start = bytes.len() as u64;
        let lens = [member.stored.len() as u64, member.contents.len() as u64];
        let (lens, place, zip64) = match width {
            Width::Bits32 => (
                lens.map(|len| u32::try_from(len).unwrap()),
                start,
                Vec::new(),
            ),
            Width::Bits64 => {
                let fields = [lens[1], lens[0], start].map(u64::to_le_bytes).concat();
                (
                    [u32::MAX; 2],
                    u64::from(u32::MAX),
                    [&b"\x01\0\x18\0"[..], &fields].concat(),
                )
            }
        };
        let zip64 = [&zip64, member.extra].concat();
        // The local header has no place in its fields of 64 bits.
        let local = match width {
            Width::Bits32 => zip64.clone(),
            Width::Bits64 => [b"\x01\0\x10\0", &zip64[4..20], member.extra].concat(),
        };
        bytes.extend(b"PK\x03\x04");
        bytes.extend(member.common(lens, &local));
        bytes.extend(member.name.as_bytes());
        bytes.extend(local);
        bytes.extend(&member.stored);
        directory.extend(b"PK\x01\x02\x2d\x03");
        directory.extend(member.common(lens, &zip64));
        directory.extend([0; 6]); // comment, disk, attributes inside
        directory.extend((member.mode << 16).to_le_bytes());
        directory.extend(u32::try_from(place).unwrap().to_le_bytes());
        directory.extend(member.name.as_bytes());
        directory.extend(zip64);
    }
    let end = end(
        members.len() as u64,
        bytes.len() as u64,
        directory.len() as u64,
        width,
    );
    [bytes, directory, end].concat()
}

fn end(count: u64, start: u64, len: u64, width: Width) -> Vec<u8> {
    let narrow = |number: u64| u32::try_from(number).unwrap();
    let (mut bytes, count16, len32, start32) = match width {
        Width::Bits32 => (
            Vec::new(),
            u16::try_from(count).unwrap(),
            narrow(len),
            narrow(start),
        ),
        Width::Bits64 => {
            let mut bytes = b"PK\x06\x06".to_vec();
            bytes.extend(44_u64.to_le_bytes());
            bytes.extend(b"\x2d\x03\x2d\0\0\0\0\0\0\0\0\0");
            bytes.extend([count, count, len, start].map(u64::to_le_bytes).concat());
            bytes.extend(b"PK\x06\x07\0\0\0\0");
            bytes.extend((start + len).to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            (bytes, u16::MAX, u32::MAX, u32::MAX)
        }
    };
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count16; 2].map(u16::to_le_bytes).concat());
    bytes.extend([len32, start32].map(u32::to_le_bytes).concat());
    bytes.extend([0; 2]);
    bytes
}

fn open(bytes: Vec<u8>) -> Result<ZipTree, MediaError> {
    ZipTree::open(Arc::new(bytes), &Budget::for_medium("sample"))
}

fn contents(tree: &ZipTree, path: &str) -> Result<Vec<u8>, MediaError> {
    let mut contents = Vec::new();
    let mut reader = tree.open(path)?;
    reader
        .read_to_end(&mut contents)
        .map_err(MediaError::content(path))?;
    Ok(contents)
}

fn finished(writer: impl FnOnce(Vec<u8>) -> io::Result<Vec<u8>>) -> Vec<u8> {
    writer(Vec::new()).unwrap()
}

fn lzma() -> Vec<u8> {
    let stream = finished(|out| {
        let mut options = LzmaOptions::with_preset(1);
        options.dict_size = 1 << 16;
        let mut writer = LzmaWriter::new_no_header(out, &options, true)?;
        writer.write_all(TEXT)?;
        writer.finish()
    });
    [b"\x10\x02\x05\0\x5d\0\0\x01\0", stream.as_slice()].concat()
}

fn bzip2() -> Vec<u8> {
    finished(|out| {
        let mut writer = BzEncoder::new(out, bzip2::Compression::fast());
        writer.write_all(TEXT)?;
        writer.finish()
    })
}

fn xz() -> Vec<u8> {
    finished(|out| {
        let mut writer = XzWriter::new(out, XzOptions::with_preset(0))?;
        writer.write_all(TEXT)?;
        writer.finish()
    })
}

/// A member for each method but those for which there are samples of 7-Zip only.
fn methods() -> Vec<Forged<'static>> {
    vec![
        Forged::new("stored", 0, TEXT.to_vec()),
        Forged::new("bzip2", 12, bzip2()),
        Forged::new("lzma", 14, lzma()),
        Forged::new("zstd", 93, compress_to_vec(TEXT, CompressionLevel::Fastest)),
        Forged::new("xz", 95, xz()),
    ]
}

pub(super) fn sample() -> Vec<u8> {
    archive(&methods(), Width::Bits64)
}

#[test]
fn every_method_is_read_and_its_checksum_compared() {
    for width in [Width::Bits32, Width::Bits64] {
        let tree = open(archive(&methods(), width)).unwrap();
        for member in methods() {
            assert_eq!(
                contents(&tree, member.name).unwrap(),
                TEXT,
                "{}",
                member.name
            );
        }
        let others = vec![b'x'; TEXT.len()];
        let mut wrong = methods();
        for member in &mut wrong {
            member.contents = &others;
        }
        let tree = open(archive(&wrong, width)).unwrap();
        for member in methods() {
            assert!(contents(&tree, member.name).is_err(), "{}", member.name);
        }
    }
}

#[test]
fn archives_of_7_zip_are_read() {
    for (name, sample) in [("deflate64", DEFLATE_64), ("lzma", LZMA)] {
        let tree = open(bytes(sample)).unwrap();
        let expected = b"some text, ".repeat(12);
        assert_eq!(contents(&tree, "t.txt").unwrap(), expected, "{name}");
    }
}

#[test]
fn damage_to_any_method_is_an_error() {
    let whole = archive(&methods(), Width::Bits32);
    let deflated = bytes(DEFLATE_64);
    let members = ["stored", "bzip2", "lzma", "zstd", "xz"];
    for (archive, members, until) in [(whole, &members[..], 700), (deflated, &["t.txt"], 63)] {
        let sound = open(archive.clone()).unwrap();
        for at in 0..until.min(archive.len()) {
            let mut damaged = archive.clone();
            damaged[at] ^= 0x21;
            let Ok(tree) = open(damaged) else { continue };
            for member in members {
                if let Ok(read) = contents(&tree, member) {
                    assert_eq!(read, contents(&sound, member).unwrap(), "{member} at {at}");
                }
            }
        }
    }
}

#[test]
fn what_was_packed_on_fat_has_the_usual_permissions() {
    let members = [
        Forged::new("file", 0, TEXT.to_vec()),
        Forged::new("folder/", 0, Vec::new()),
    ];
    let mut bytes = archive(&members, Width::Bits32);
    let made_by = |bytes: &[u8]| {
        bytes
            .windows(6)
            .position(|six| six == b"PK\x01\x02\x2d\x03")
    };
    while let Some(at) = made_by(&bytes) {
        bytes[at + 5] = 0;
    }
    let tree = open(bytes).unwrap();
    assert_eq!(tree.entry("file").unwrap().mode, 0o644);
    assert_eq!(tree.entry("folder").unwrap().mode, 0o755);
}

#[test]
fn an_encrypted_member_is_listed_and_says_how_it_is_encrypted() {
    let aes = |strength| [&b"\x01\x99\x07\0\x02\0AE"[..], &[strength, 8, 0]].concat();
    let extras = [aes(1), aes(2), aes(3)];
    let encrypted = |name, method, flags, extra| Forged {
        flags,
        extra,
        ..Forged::new(name, method, vec![7; 99])
    };
    let mut link = encrypted("link", 0, 1, &[]);
    link.mode = 0o120_777;
    let members = [
        encrypted("zipcrypto", 8, 1, &[]),
        encrypted("strong", 8, 0x41, &[]),
        encrypted("aes-128", 99, 1, &extras[0]),
        encrypted("aes-192", 99, 1, &extras[1]),
        encrypted("aes-256", 99, 1, &extras[2]),
        link,
        Forged::new("plain", 0, TEXT.to_vec()),
    ];
    let tree = open(archive(&members, Width::Bits32)).unwrap();
    let listed = tree.children("").unwrap();
    assert_eq!(listed.len(), members.len());
    assert!(listed.iter().all(Entry::is_file));
    assert_eq!(contents(&tree, "plain").unwrap(), TEXT);
    for (name, how) in [
        ("zipcrypto", "ZipCrypto"),
        ("link", "ZipCrypto"),
        ("strong", "PKWARE"),
        ("aes-128", "WinZip AES-128"),
        ("aes-192", "WinZip AES-192"),
        ("aes-256", "WinZip AES-256"),
    ] {
        let error = contents(&tree, name).unwrap_err();
        assert!(matches!(error, MediaError::Locked { .. }), "{error}");
        assert!(error.to_string().contains(how), "{name}: {error}");
    }
    let tree = open(bytes(AES)).unwrap();
    assert_eq!(tree.entry("t.txt").unwrap().len_bytes(), Some(132));
    let error = contents(&tree, "t.txt").unwrap_err();
    assert!(error.to_string().contains("WinZip AES-256"), "{error}");
}

#[test]
fn a_member_in_an_unknown_method_is_refused_by_its_number() {
    let members = [
        Forged::new("x", 97, vec![1; 9]),
        Forged::new("y", 0, TEXT.to_vec()),
    ];
    let tree = open(archive(&members, Width::Bits32)).unwrap();
    let error = contents(&tree, "x").unwrap_err();
    assert!(error.to_string().contains("97"), "{error}");
    assert_eq!(contents(&tree, "y").unwrap(), TEXT);
}

#[test]
fn dictionaries_and_windows_that_are_too_large_are_refused() {
    let mut large = lzma();
    large[5..9].copy_from_slice(&u32::MAX.to_le_bytes());
    // A window of 2 GiB.
    let window = b"\x28\xb5\x2f\xfd\0\xa8\x01\0\0".to_vec();
    let long = vec![0; 66 << 20];
    let mut members = [
        Forged::new("lzma", 14, large),
        Forged::new("zstd", 93, window),
    ];
    for member in &mut members {
        member.contents = &long;
    }
    let tree = open(archive(&members, Width::Bits32)).unwrap();
    for member in members {
        let error = contents(&tree, member.name).unwrap_err();
        assert!(
            format!("{error:?}").contains("indow") || format!("{error:?}").contains("dictionary")
        );
    }
}

#[test]
fn more_members_than_16_bits_can_count_are_read() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(::zip::CompressionMethod::Stored)
        .large_file(true);
    for number in 0..66_000 {
        writer.start_file(number.to_string(), options).unwrap();
    }
    writer.write_all(TEXT).unwrap();
    let tree = open(writer.finish().unwrap().into_inner()).unwrap();
    assert_eq!(tree.children("").unwrap().len(), 66_000);
    assert_eq!(contents(&tree, "65999").unwrap(), TEXT);
}

/// Their headers are read many at once or one at a time, as they lie.
#[test]
fn members_near_one_another_and_far_apart_are_found_alike() {
    let lens = [0, 7, 300, 1_900, 2_100, 31_000, 40_000, 1, 70_000, 2, 3];
    let contents: Vec<(String, Vec<u8>)> = (0..200_u8)
        .zip(lens.iter().cycle())
        .map(|(number, len)| (format!("member {number:03}"), vec![number; *len]))
        .collect();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(::zip::CompressionMethod::Stored);
    for (name, contents) in &contents {
        writer.start_file(name, options).unwrap();
        writer.write_all(contents).unwrap();
    }
    let tree = open(writer.finish().unwrap().into_inner()).unwrap();
    assert_eq!(tree.children("").unwrap().len(), contents.len());
    for (name, expected) in &contents {
        assert!(self::contents(&tree, name).unwrap() == *expected, "{name}");
    }
}

#[test]
fn what_follows_an_archive_of_64_bits_does_not_matter() {
    let mut bytes = archive(&methods(), Width::Bits64);
    bytes.extend([0; 1000]);
    let tree = open(bytes).unwrap();
    assert_eq!(contents(&tree, "xz").unwrap(), TEXT);
    assert!(open(samples::zip(&[])).is_ok());
}

/// Changes a number of 32 bits in the directory's entry of the member with that position.
fn change(archive: &mut [u8], position: usize, field: usize, change: impl Fn(u32) -> u32) {
    let entries = archive.windows(4).enumerate();
    let mut entries = entries.filter(|(_, bytes)| bytes == b"PK\x01\x02");
    let (start, _) = entries.nth(position).unwrap();
    let field = &mut archive[start + field..][..4];
    let number = u32::from_le_bytes((&*field).try_into().unwrap());
    field.copy_from_slice(&change(number).to_le_bytes());
}

#[test]
fn members_that_overlap_are_refused() {
    const STORED_LEN: usize = 20;
    const HEADER_START: usize = 42;
    let of = |names: [&'static str; 2], stored: &[u8]| {
        let members = names.map(|name| Forged::new(name, 0, stored.to_vec()));
        archive(&members, Width::Bits32)
    };
    let refused = |archive: Vec<u8>| {
        let error = open(archive).unwrap_err().to_string();
        assert!(error.contains("`a` and `b` overlap"), "{error}");
    };
    let mut same = of(["b", "a"], TEXT);
    assert!(open(same.clone()).is_ok());
    change(&mut same, 1, HEADER_START, |_| 0);
    refused(same);
    let mut reaching = of(["a", "b"], TEXT);
    change(&mut reaching, 0, STORED_LEN, |len| len + 31);
    assert!(
        open(reaching.clone()).is_ok(),
        "only the header between them"
    );
    change(&mut reaching, 0, STORED_LEN, |len| len + 1);
    refused(reaching);
    // The same member twice, and those without contents.
    for (names, stored) in [(["a", "a"], TEXT), (["a", "b"], &b""[..])] {
        let mut sound = of(names, stored);
        change(&mut sound, 1, HEADER_START, |_| 0);
        assert!(open(sound).is_ok(), "{names:?}");
    }
}
