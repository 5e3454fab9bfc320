//! Compressed files made by hand.

use std::{io::Write as _, sync::Arc};

use flate2::{Compression, write::ZlibEncoder};
use wire::read_vec;

use super::{Header, open};
use crate::MediaError;

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lzfse(bytes: &[u8]) -> Vec<u8> {
    let mut stored = Vec::new();
    lzfse_rust::encode_bytes(bytes, &mut stored).unwrap();
    stored
}

fn attribute(kind: u32, len: usize, rest: &[u8]) -> Vec<u8> {
    let mut bytes = b"fpmc".to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend((len as u64).to_le_bytes());
    bytes.extend(rest);
    bytes
}

fn inline(kind: u32, len: usize, rest: &[u8]) -> Result<Vec<u8>, MediaError> {
    let source = open(&attribute(kind, len, rest), None)?;
    Ok(read_vec(&*source, 0, source.len()).unwrap())
}

fn contents() -> Vec<u8> {
    (0..150_000_u32)
        .flat_map(|number| (number / 7).to_le_bytes())
        .take(150_000)
        .collect()
}

/// LZVN that only has literals: chunks of at most 15 bytes, and the end.
fn lzvn(bytes: &[u8]) -> Vec<u8> {
    let mut stored = Vec::new();
    for part in bytes.chunks(15) {
        stored.push(0xe0 | u8::try_from(part.len()).unwrap());
        stored.extend(part);
    }
    stored.extend([6, 0, 0, 0, 0, 0, 0, 0]);
    stored
}

fn resource_fork(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut data = u32::try_from(blocks.len()).unwrap().to_le_bytes().to_vec();
    let mut offset = 4 + 8 * blocks.len();
    for block in blocks {
        data.extend(u32::try_from(offset).unwrap().to_le_bytes());
        data.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
        offset += block.len();
    }
    data.extend(blocks.concat());
    let len = u32::try_from(data.len()).unwrap();
    let mut fork = Vec::new();
    for field in [256, 256 + len, len, 50] {
        fork.extend(field.to_be_bytes());
    }
    fork.resize(256, 0);
    fork.extend(len.to_be_bytes());
    fork.extend(data);
    fork
}

fn offsets_fork(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut fork = Vec::new();
    let mut offset = 4 * (blocks.len() + 1);
    for block in blocks {
        fork.extend(u32::try_from(offset).unwrap().to_le_bytes());
        offset += block.len();
    }
    fork.extend(u32::try_from(offset).unwrap().to_le_bytes());
    fork.extend(blocks.concat());
    fork
}

#[test]
fn contents_in_the_attribute_are_read() {
    let text = b"some text, some text, some text";
    let raw = |first: u8| [&[first], &text[..]].concat();
    for (kind, stored) in [
        (1, text.to_vec()),
        (3, zlib(text)),
        (3, raw(0xff)),
        (7, lzvn(text)),
        (7, raw(0x06)),
        (9, raw(0xcc)),
        (11, lzfse(text)),
    ] {
        assert_eq!(inline(kind, text.len(), &stored).unwrap(), text, "{kind}");
        assert!(inline(kind, text.len() + 2, &stored).is_err(), "{kind}");
        assert!(inline(kind, text.len() - 1, &stored).is_err(), "{kind}");
    }
    assert!(inline(3, 0, b"").unwrap().is_empty());
    assert!(inline(5, 0, b"").is_err());
    assert!(inline(4, 0, b"").is_err());
    assert!(inline(3, usize::MAX, b"").is_err());
}

#[test]
fn contents_in_the_resource_fork_are_read_anywhere() {
    let contents = contents();
    let blocks = |encode: fn(&[u8]) -> Vec<u8>| -> Vec<Vec<u8>> {
        contents.chunks(65536).map(encode).collect()
    };
    for (kind, fork) in [
        (4, resource_fork(&blocks(zlib))),
        (4, resource_fork(&blocks(|block| [&[0xff], block].concat()))),
        (8, offsets_fork(&blocks(lzvn))),
        (10, offsets_fork(&blocks(|block| [&[0xcc], block].concat()))),
        (12, offsets_fork(&blocks(lzfse))),
    ] {
        let attribute = attribute(kind, contents.len(), b"");
        assert!(Header::parse(&attribute).unwrap().is_in_resource_fork());
        let source = open(&attribute, Some(Arc::new(fork.clone()))).unwrap();
        assert_eq!(read_vec(&*source, 0, 150_000).unwrap(), contents, "{kind}");
        assert_eq!(
            read_vec(&*source, 65_000, 1000).unwrap(),
            contents[65_000..66_000]
        );
        assert_eq!(source.read_at(150_000, &mut [0; 8]).unwrap(), 0);
        for len in (0..fork.len()).step_by(97) {
            let cut = open(&attribute, Some(Arc::new(fork[..len].to_vec())));
            assert!(cut.is_err(), "{kind} cut to {len}");
        }
    }
}
