//! Archives made by hand, byte for byte, and by 7-Zip.

use std::{
    io::{Read as _, Write as _},
    sync::Arc,
};

use bzip2::write::BzEncoder;
use flate2::{Compression, Crc, write::DeflateEncoder};
use lzma_rust2::{
    Lzma2Options, Lzma2Writer, LzmaOptions, LzmaWriter,
    filter::{bcj::BcjWriter, delta::DeltaWriter},
};
use ppmd_rust::Ppmd7Encoder;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use wire::Budget;

use super::SevenZip;
use crate::{Entry, Kind, MediaError, Tree as _, robustness::XorShift, samples::bytes, walk};

/// What 7-Zip makes of a folder with a program, a link to it, an empty file and an empty folder, with `-mx1 -snl`.
const TREE: &str = "
    377abcaf271c0004b73792d89c0000000000000021000000000000008abbdc11e0008600155d00399bc9f2e750b8c5e2
    5cc2e066f7a50e84fbddc62f000000813307ae0fcfd96fbc0febea9cbf363dfed393a69a0649ac85b42131c4468a88f0
    c9df51c5105b8ff5f92025a0de4aa61e1b0e45142e276cfe0294671319da8cbf1906eb574532accfb0c8085bb0c2e649
    6ddf7a703cd48fbcecf99df316f44c47097126af759bd615d8dc7bff5950f2c719bff9f6a7c7be176e00000017061d01
    097f00070b01000123030101055d001000000c80de0a0177abf2380000
";

/// What it makes of a file of calls and jumps, and a text, with `-m0=bcj2`.
const BCJ2: &str = "
    377abcaf271c00048523d2d5a30100000000000023000000000000006056bec800399bc9f2e750b8c5e25cc2e066f7a7
    5f068a8f66e0e595b7faef7de764e24cbe473779dbd0f4c397fc8e682073b4cba5de09c9d913c986d33f51fd2a5324a9
    b3e4dd49cc22b61611f4f5942ea387642cb5472c1cab6facf5634040297d19f315925db88135f7eb48d0b5f0e36537bb
    ae446a7a50b390536d73b14b41b9d55d9d406d35971cc3fbbfeb6b602cb4544fbe426e9219eadd21a3fedf9cf0570e19
    cee82bcdfcd2f893a868b3152240cae843c8e44f399b89d1f50107ec5c3d3bbbecbddec9f703f34826267ccd0abd50c5
    ab9f52ad9d28ff46a3f9a3ff130977fe8b80aa35f00b180b4b14a0469835360000aaf65a125ba4000000000000000068
    20c0843b69029c7938a94be302e6343587221b9b8ef77ec3ddde64d40000000000000000813307ae6dc57542f0c16be9
    d62939ed964d97475f0f2e41b4a4ac5e8698585d0f3d7cb0cee220a6cfa7abb295283b127c677b149b3e2e171e1f704f
    f9ec9aaf331e7e506ef54d5a2c56057c2844e7cdeff1318cb61a96a884a942844eb33f5518e20737afde99e47b532d99
    ea5b68d723ed200ab7adb1be4148d526b60000170681220109808100070b01000123030101055d001000000c80ae0a01
    bfcf05170000
";

/// With `-psecret`.
const ENCRYPTED: &str = "
    377abcaf271c000411c3ac5e20000000000000006200000000000000938060668b589ccca71bc1b543dc22fb8384c52b
    d2e138cf7b6ca8bd1063987fa890c5a00104060001092000070b0100022406f1070112530ff2ecd2c3e28a341940b3b3
    11e681d4d82121010001000c1a808400080a015b11203f000005011900110d0074002e007400780074000000140a0100
    0080a621c989d601150601002080a4810000
";

/// With `-psecret -mhe=on`: the list of files is encrypted, too.
const ENCRYPTED_NAMES: &str = "
    377abcaf271c0004e9559f9390000000000000002e000000000000005955f46427a593a6b074636bdf2e52315d7cdb0d
    2481b8f5688ba7738b504e95a5016f20a89ae297df0d2be9a6807d41b11c4bcbd219df09321867615170f96e2e587d62
    71b0fa852b65af8da763f614a615146d0a591614bc4d2ac6b1c6e7753b12878de3988f1ed33fa1e28bf7e91b56830b8d
    3d6770cb8cd3f03711c6a69060b40fbdb46dc3da67db3939da601831662c9d0a17062001097000070b0100012406f107
    0112530f8e6c9d0ddb18562a60b67454a1ee462a0c620a01d44e03310000
";

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A number in the longest form there is, or in one byte.
fn number(number: usize) -> Vec<u8> {
    match u8::try_from(number) {
        Ok(short) if short < 0x80 => vec![short],
        _ => [&[0xff][..], &(number as u64).to_le_bytes()].concat(),
    }
}

/// The start header before `rest`, whose last bytes are the header `header`.
fn sealed(packed: &[u8], header: &[u8]) -> Vec<u8> {
    let mut start = (packed.len() as u64).to_le_bytes().to_vec();
    start.extend((header.len() as u64).to_le_bytes());
    start.extend(crc32(header).to_le_bytes());
    let head = [
        b"7z\xbc\xaf\x27\x1c\0\x04",
        &crc32(&start).to_le_bytes()[..],
    ]
    .concat();
    [&head, &start, packed, header].concat()
}

/// A block whose coders follow each other: the first one makes the contents, the last one reads the packed stream.
struct Block {
    /// Method, properties, and how many bytes come out.
    coders: Vec<(&'static [u8], Vec<u8>, usize)>,
    packed: Vec<u8>,
}

/// What files there are: name, contents, attributes.
type Files<'a> = &'a [(&'a str, &'a [u8], u32)];

fn streams(blocks: &[Block], cut: &[Vec<&[u8]>]) -> Vec<u8> {
    let mut bytes = [&[6, 0][..], &number(blocks.len()), &[9]].concat();
    for block in blocks {
        bytes.extend(number(block.packed.len()));
    }
    bytes.extend([0, 7, 0x0b]);
    bytes.extend(number(blocks.len()));
    bytes.push(0);
    for block in blocks {
        bytes.extend(number(block.coders.len()));
        for (method, properties, _) in &block.coders {
            let has_properties = if properties.is_empty() { 0 } else { 0x20 };
            bytes.push(u8::try_from(method.len()).unwrap() | has_properties);
            bytes.extend(*method);
            if has_properties != 0 {
                bytes.extend(number(properties.len()));
                bytes.extend(properties);
            }
        }
        for before in 1..block.coders.len() {
            bytes.extend([number(before - 1), number(before)].concat());
        }
    }
    bytes.push(0x0c);
    for (_, _, len) in blocks.iter().flat_map(|block| &block.coders) {
        bytes.extend(number(*len));
    }
    bytes.extend([0, 8, 0x0d]);
    for files in cut {
        bytes.extend(number(files.len()));
    }
    bytes.push(9);
    for files in cut {
        let all_but_last = files.iter().take(files.len().saturating_sub(1));
        for file in all_but_last {
            bytes.extend(number(file.len()));
        }
    }
    bytes.extend([0x0a, 1]);
    for file in cut.iter().flatten() {
        bytes.extend(crc32(file).to_le_bytes());
    }
    bytes.extend([0, 0]);
    bytes
}

fn property(id: u8, contents: &[u8]) -> Vec<u8> {
    [&[id], number(contents.len()).as_slice(), contents].concat()
}

/// So many yes and no, the highest bit of a byte first.
fn bits(all: impl Iterator<Item = bool>) -> Vec<u8> {
    let all: Vec<_> = all.collect();
    let byte = |bits: &[bool]| {
        let bits = bits.iter().enumerate();
        bits.fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at))
    };
    all.chunks(8).map(byte).collect()
}

/// An archive of those blocks; the files that have contents lie in them in order, so many in each.
fn archive(blocks: &[Block], counts: &[usize], files: Files<'_>) -> Vec<u8> {
    let mut with_contents = files.iter().map(|file| file.1).filter(|it| !it.is_empty());
    let cut: Vec<Vec<&[u8]>> = counts
        .iter()
        .map(|count| with_contents.by_ref().take(*count).collect())
        .collect();
    let mut header = [
        &[1, 4][..],
        &streams(blocks, &cut),
        &[5],
        &number(files.len()),
    ]
    .concat();
    let empty = files.iter().filter(|file| file.1.is_empty());
    header.extend(property(
        0x0e,
        &bits(files.iter().map(|file| file.1.is_empty())),
    ));
    header.extend(property(0x0f, &bits(empty.map(|file| file.2 & 0x10 == 0))));
    let names = files
        .iter()
        .flat_map(|(name, ..)| name.encode_utf16().chain([0]));
    let names: Vec<u8> = names.flat_map(u16::to_le_bytes).collect();
    header.extend(property(0x11, &[&[0][..], &names].concat()));
    let attributes: Vec<u8> = files.iter().flat_map(|file| file.2.to_le_bytes()).collect();
    header.extend(property(0x15, &[&[1, 0][..], &attributes].concat()));
    header.extend([0, 0]);
    let packed: Vec<u8> = blocks
        .iter()
        .flat_map(|block| block.packed.clone())
        .collect();
    sealed(&packed, &header)
}

/// Where the header of a sample begins.
fn header_at(sample: &[u8]) -> usize {
    let offset = u64::from_le_bytes(sample[12..20].try_into().unwrap());
    usize::try_from(offset).unwrap() + 32
}

const fn unix(mode: u32) -> u32 {
    mode << 16 | 0x8000
}

/// Calls, jumps and text, in an order that no filter leaves as it is.
fn program() -> Vec<u8> {
    let mut random = XorShift(0x9e37_79b9_7f4a_7c15);
    let mut program = b"some text, some text, some text, some text".to_vec();
    for call in 0..300_u32 {
        program.push(if call % 2 == 0 { 0xe8 } else { 0xe9 });
        program.extend((call * 5).to_le_bytes());
        program.push(u8::try_from(random.below(256)).unwrap());
        program.extend(b"\x94\0\0\0\x97");
    }
    program
}

type Compress = fn(&[u8]) -> (Vec<u8>, Vec<u8>);

/// Every compression that there is a writer for: method, and what makes properties and stream.
const COMPRESSIONS: [(&str, &[u8], Compress); 8] = [
    ("copy", b"\0", |contents| (Vec::new(), contents.to_vec())),
    ("lzma", b"\x03\x01\x01", |contents| {
        let mut options = LzmaOptions::with_preset(1);
        options.dict_size = 1 << 16;
        let mut writer = LzmaWriter::new_no_header(Vec::new(), &options, false).unwrap();
        writer.write_all(contents).unwrap();
        (b"\x5d\0\0\x01\0".to_vec(), writer.finish().unwrap())
    }),
    ("lzma2", b"\x21", |contents| {
        let mut writer = Lzma2Writer::new(Vec::new(), Lzma2Options::with_preset(1));
        writer.write_all(contents).unwrap();
        (vec![20], writer.finish().unwrap())
    }),
    ("ppmd", b"\x03\x04\x01", |contents| {
        let mut writer = Ppmd7Encoder::new(Vec::new(), 6, 1 << 16).unwrap();
        writer.write_all(contents).unwrap();
        (b"\x06\0\0\x01\0".to_vec(), writer.finish(false).unwrap())
    }),
    ("bzip2", b"\x04\x02\x02", |contents| {
        let mut writer = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        writer.write_all(contents).unwrap();
        (Vec::new(), writer.finish().unwrap())
    }),
    ("deflate", b"\x04\x01\x08", |contents| {
        let mut writer = DeflateEncoder::new(Vec::new(), Compression::fast());
        writer.write_all(contents).unwrap();
        (Vec::new(), writer.finish().unwrap())
    }),
    // One stored block is the same in both.
    ("deflate64", b"\x04\x01\x09", |contents| {
        let len = u16::try_from(contents.len()).unwrap();
        let head = [&[1][..], &len.to_le_bytes(), &(!len).to_le_bytes()].concat();
        (Vec::new(), [&head, contents].concat())
    }),
    ("zstd", b"\x04\xf7\x11\x01", |contents| {
        let stream = compress_to_vec(contents, CompressionLevel::Fastest);
        (vec![1, 5, 1], stream)
    }),
];

type Filter = fn(&[u8]) -> Vec<u8>;

fn filtered(mut writer: BcjWriter<Vec<u8>>, contents: &[u8]) -> Vec<u8> {
    writer.write_all(contents).unwrap();
    writer.finish().unwrap()
}

/// Every filter: method, properties, and what it makes of contents.
const FILTERS: [(&[u8], &[u8], Filter); 9] = [
    (b"\x03", b"\x03", |contents| {
        let mut out = Vec::new();
        DeltaWriter::new(&mut out, 4).write_all(contents).unwrap();
        out
    }),
    (b"\x03\x03\x01\x03", b"", |contents| {
        filtered(BcjWriter::new_x86(Vec::new(), 0), contents)
    }),
    (b"\x03\x03\x02\x05", b"", |contents| {
        filtered(BcjWriter::new_ppc(Vec::new(), 0), contents)
    }),
    (b"\x03\x03\x04\x01", b"", |contents| {
        filtered(BcjWriter::new_ia64(Vec::new(), 0), contents)
    }),
    (b"\x03\x03\x05\x01", b"", |contents| {
        filtered(BcjWriter::new_arm(Vec::new(), 0), contents)
    }),
    (b"\x03\x03\x07\x01", b"", |contents| {
        filtered(BcjWriter::new_arm_thumb(Vec::new(), 0), contents)
    }),
    (b"\x03\x03\x08\x05", b"", |contents| {
        filtered(BcjWriter::new_sparc(Vec::new(), 0), contents)
    }),
    (b"\x0a", b"", |contents| {
        filtered(BcjWriter::new_arm64(Vec::new(), 0), contents)
    }),
    (b"\x0b", b"\0\x10\0\0", |contents| {
        filtered(BcjWriter::new_riscv(Vec::new(), 4096), contents)
    }),
];

fn block(method: &'static [u8], compress: Compress, contents: &[u8]) -> Block {
    let (properties, packed) = compress(contents);
    Block {
        coders: vec![(method, properties, contents.len())],
        packed,
    }
}

/// A program and a text in one block for each compression, and a link and what is empty.
fn every_compression() -> Vec<u8> {
    let program = program();
    let solid = [program.as_slice(), b"text"].concat();
    let names: Vec<_> = COMPRESSIONS
        .map(|(name, ..)| format!("{name}/text"))
        .to_vec();
    let mut blocks = vec![block(b"\0", COMPRESSIONS[0].2, b"copy/text")];
    let mut files = vec![("link", &b"copy/text"[..], unix(0o120_777))];
    for ((name, method, compress), text) in COMPRESSIONS.iter().zip(&names) {
        blocks.push(block(method, *compress, &solid));
        files.push((name, &[], unix(0o040_750) | 0x10));
        files.push((text.trim_end_matches("/text"), &[], unix(0o040_700) | 0x10));
        files.push((text, &program, unix(0o100_755)));
        files.push(("text", b"text", 0x20));
    }
    files.push(("empty", &[], 0x20));
    let counts = [&[1][..], &[2; 8]].concat();
    archive(&blocks, &counts, &files)
}

/// A program through every filter.
fn every_filter() -> Vec<u8> {
    let program = program();
    let mut blocks = Vec::new();
    let names: Vec<String> = (0..FILTERS.len())
        .map(|number| number.to_string())
        .collect();
    let mut files: Vec<(&str, &[u8], u32)> = Vec::new();
    for ((method, properties, filter), name) in FILTERS.iter().zip(&names) {
        let mut block = block(b"\x21", COMPRESSIONS[2].2, &filter(&program));
        block
            .coders
            .insert(0, (method, properties.to_vec(), program.len()));
        blocks.push(block);
        files.push((name, &program, 0x20));
    }
    archive(&blocks, &[1; 9], &files)
}

pub(super) fn samples() -> Vec<Vec<u8>> {
    vec![
        every_compression(),
        every_filter(),
        bytes(TREE),
        bytes(BCJ2),
        bytes(ENCRYPTED),
    ]
}

fn open(bytes: Vec<u8>) -> Result<SevenZip, MediaError> {
    SevenZip::open(Arc::new(bytes), &Budget::new("sample", 64 << 20, 10_000, 8))
}

fn contents(tree: &SevenZip, path: &str) -> Result<Vec<u8>, MediaError> {
    let mut contents = Vec::new();
    let mut reader = tree.open(path)?;
    reader
        .read_to_end(&mut contents)
        .map_err(MediaError::content(path))?;
    Ok(contents)
}

/// Everything there is, read to its end.
fn read_all(bytes: Vec<u8>) -> Result<Vec<(Entry, Vec<u8>)>, MediaError> {
    let tree = open(bytes)?;
    let mut all = Vec::new();
    for entry in walk(&tree, "")? {
        let contents = if entry.is_file() {
            let source = tree.source(&entry.path)?;
            let read = wire::read_vec(&*source, 0, source.len());
            read.map_err(MediaError::content(&entry.path))?
        } else {
            Vec::new()
        };
        all.push((entry, contents));
    }
    Ok(all)
}

#[test]
fn an_archive_of_7_zip_is_read() {
    let all = read_all(bytes(TREE)).unwrap();
    let found: Vec<_> = all
        .iter()
        .map(|(entry, _)| (entry.path.as_str(), entry.kind.clone(), entry.mode))
        .collect();
    let link = Kind::Link {
        target: "e/h".to_owned(),
    };
    let expected = [
        ("d2", Kind::Folder, 0o755),
        ("d2/e", Kind::Folder, 0o755),
        ("d2/e/h", Kind::File { len_bytes: 132 }, 0o755),
        ("d2/empty", Kind::File { len_bytes: 0 }, 0o644),
        ("d2/l", link, 0o777),
        ("d2/none", Kind::Folder, 0o755),
    ];
    assert_eq!(found, expected);
    for (entry, _) in &all {
        assert_eq!(
            entry.modified.unwrap().as_secs(),
            1_600_000_000,
            "{}",
            entry.path
        );
    }
    assert_eq!(all[2].1, b"some text, ".repeat(12));
}

#[test]
fn programs_that_7_zip_took_apart_are_put_together() {
    let tree = open(bytes(BCJ2)).unwrap();
    let program = contents(&tree, "x.bin").unwrap();
    let mut expected = Vec::new();
    for call in 0..64_i32 {
        expected.push(0xe8);
        expected.extend((call * 72).to_le_bytes());
        expected.extend(b"\x0f\x84");
        expected.extend((9000 - 11 * call).to_le_bytes());
        expected.extend(b"abc");
    }
    assert_eq!(program, expected);
    assert_eq!(contents(&tree, "t.txt").unwrap(), b"some text, ".repeat(12));
}

#[test]
fn every_compression_is_read() {
    let tree = open(every_compression()).unwrap();
    for (name, ..) in COMPRESSIONS {
        let path = format!("{name}/text");
        assert!(contents(&tree, &path).unwrap() == program(), "{name}");
        assert_eq!(tree.entry(&path).unwrap().mode, 0o755);
        assert_eq!(tree.entry(name).unwrap().mode, 0o700);
    }
    let text = tree.entry("text").unwrap();
    assert_eq!((text.mode, text.modified), (0o644, None));
    assert_eq!(contents(&tree, "empty").unwrap(), b"");
    let Kind::Link { target } = tree.entry("link").unwrap().kind else {
        panic!("no link");
    };
    assert_eq!(target, "copy/text");
}

#[test]
fn every_filter_is_undone() {
    let tree = open(every_filter()).unwrap();
    for number in 0..FILTERS.len() {
        assert!(
            contents(&tree, &number.to_string()).unwrap() == program(),
            "{number}"
        );
    }
}

#[test]
fn what_is_encrypted_is_listed_where_it_can_be_and_refused() {
    let tree = open(bytes(ENCRYPTED)).unwrap();
    assert_eq!(tree.entry("t.txt").unwrap().len_bytes(), Some(132));
    let error = contents(&tree, "t.txt").unwrap_err();
    assert!(matches!(error, MediaError::Locked { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("`t.txt` in the 7z archive is encrypted with AES-256")
    );
    let error = open(bytes(ENCRYPTED_NAMES)).unwrap_err();
    assert!(matches!(error, MediaError::Locked { .. }), "{error}");
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let lies = block(b"\0", COMPRESSIONS[0].2, b"other");
    let tree = open(archive(&[lies], &[1], &[("x", b"texts", 0x20)])).unwrap();
    let error = contents(&tree, "x").unwrap_err();
    assert!(format!("{error:?}").contains("CRC"), "{error:?}");
    assert!(tree.source("x").is_err());
}

#[test]
fn what_no_coder_is_is_refused_by_its_number() {
    let mut strange = block(b"\x04\xf7\x11\x02", COMPRESSIONS[0].2, b"text");
    let tree = open(archive(&[strange], &[1], &[("x", b"text", 0x20)])).unwrap();
    let error = contents(&tree, "x").unwrap_err();
    assert!(error.to_string().contains("0x4f71102"), "{error}");
    strange = block(b"\x03\x01\x01", |text| (vec![0x5d], text.to_vec()), b"text");
    let tree = open(archive(&[strange], &[1], &[("x", b"text", 0x20)])).unwrap();
    assert!(contents(&tree, "x").is_err());
}

#[test]
fn memory_that_a_coder_asks_for_is_bounded() {
    let most: [(&'static [u8], &[u8]); 3] = [
        (b"\x03\x01\x01", b"\x5d\xff\xff\xff\xff"),
        (b"\x21", b"\x28"),
        (b"\x03\x04\x01", b"\x06\0\0\0\x80"),
    ];
    for (method, properties) in most {
        let greedy = Block {
            coders: vec![(method, properties.to_vec(), 1 << 40)],
            packed: vec![0; 64],
        };
        let tree = open(archive(&[greedy], &[1], &[("x", b"text", 0x20)])).unwrap();
        let error = contents(&tree, "x").unwrap_err();
        assert!(error.to_string().contains("memory"), "{error}");
    }
}

#[test]
fn blocks_that_are_not_kept_are_decoded_again() {
    let texts: Vec<String> = (0..40).map(|number| format!("text {number}")).collect();
    let text = |number: usize| texts[number].as_bytes();
    let blocks: Vec<_> = (0..40)
        .map(|number| block(b"\x21", COMPRESSIONS[2].2, text(number)))
        .collect();
    let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let files: Vec<_> = (0..40)
        .map(|number| (names[number].as_str(), text(number), 0))
        .collect();
    let tree = open(archive(&blocks, &[1; 40], &files)).unwrap();
    for number in (0..40).chain((0..40).rev()) {
        assert_eq!(contents(&tree, &names[number]).unwrap(), text(number));
    }
}

#[test]
fn coders_in_a_circle_and_names_that_lead_out_are_errors() {
    let mut ring = block(b"\0", COMPRESSIONS[0].2, b"text");
    ring.coders.push((b"\0", Vec::new(), 4));
    let mut bytes = archive(&[ring], &[1], &[("x", b"text", 0x20)]);
    // Number of coders, two coders, and the bond between them: what comes out of the first one goes into itself.
    let bond = bytes
        .windows(7)
        .position(|it| it == [2, 1, 0, 1, 0, 0, 1])
        .unwrap();
    bytes[bond + 6] = 0;
    let header = bytes.split_off(32 + 4);
    assert!(contents(&open(sealed(b"text", &header)).unwrap(), "x").is_err());
    for name in ["../x", "/x", "a/../../x"] {
        let out = block(b"\0", COMPRESSIONS[0].2, b"text");
        let error = open(archive(&[out], &[1], &[(name, b"text", 0x20)])).unwrap_err();
        assert!(matches!(error, MediaError::Escapes { .. }), "{error}");
    }
}

#[test]
fn an_empty_archive_is_an_empty_tree() {
    assert!(read_all(sealed(b"", b"")).unwrap().is_empty());
}

#[test]
fn every_truncation_is_an_error() {
    for sample in samples() {
        for len in (0..sample.len()).step_by(3) {
            assert!(open(sample[..len].to_vec()).is_err(), "cut to {len}");
        }
    }
}

/// The header is sealed again after it was damaged, so that more than its checksum is tried.
#[test]
fn a_damaged_header_is_an_error_or_does_not_matter() {
    for sample in samples() {
        let header_at = header_at(&sample);
        let (packed, header) = (&sample[32..header_at], &sample[header_at..]);
        for at in (0..header.len()).step_by(header.len().div_ceil(150)) {
            let mut header = header.to_vec();
            header[at] ^= [0x01, 0x80, 0xff][at % 3];
            read_all(sealed(packed, &header))
                .map(drop)
                .unwrap_or_default();
        }
    }
}

#[test]
fn damaged_contents_are_an_error() {
    for sample in samples() {
        let sound = read_all(sample.clone()).unwrap_or_default();
        let header_at = header_at(&sample);
        for at in (32..header_at).step_by(31) {
            let mut damaged = sample.clone();
            damaged[at] ^= 0x55;
            if let Ok(read) = read_all(damaged) {
                assert_eq!(read, sound, "damage at {at}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_headers_do_not_panic(kind in 0..3_usize, header: Vec<u8>) {
        let start: [&[u8]; 3] = [b"\x01\x04", b"\x17", b"\x01\x05"];
        let header = [start[kind], header.as_slice()].concat();
        read_all(sealed(&[7; 64], &header)).map(drop).unwrap_or_default();
    }
}
