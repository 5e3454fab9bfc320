//! Disk images with a signature of their own, which are made here: nobody signed them.

use sha2_rustcrypto_010::{Digest as _, Sha256};

use super::{MemoryTree, bundles::ad_hoc, codes, judge};
use crate::Verdict;

const OFFSET_AT: usize = 0x128;
const LEN_AT: usize = 0x130;

fn trailer(offset: usize, len: usize) -> Vec<u8> {
    let mut trailer = b"koly".to_vec();
    trailer.resize(512, 0);
    trailer[OFFSET_AT..OFFSET_AT + 8].copy_from_slice(&(offset as u64).to_be_bytes());
    trailer[LEN_AT..LEN_AT + 8].copy_from_slice(&(len as u64).to_be_bytes());
    trailer
}

/// A signature with nothing but a code directory in it.
fn super_blob(directory: &[u8]) -> Vec<u8> {
    let word = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let mut blob = vec![0xfa, 0xde, 0x0c, 0xc0];
    blob.extend(word(directory.len().strict_add(20)));
    blob.extend(word(1));
    blob.extend(word(0));
    blob.extend(word(20));
    blob.extend(directory);
    blob
}

fn image() -> (MemoryTree, usize) {
    let data = vec![7; 3000];
    let sealed: [u8; 32] = Sha256::digest(trailer(data.len(), 0)).into();
    let none = [0; 32];
    let signature = super_blob(&ad_hoc(&data, &[none, none, none, none, none, sealed]));
    let trailer = trailer(data.len(), signature.len());
    let mut tree = MemoryTree::default();
    let len = data.len();
    tree.put("file", [data, signature, trailer].concat());
    (tree, len)
}

#[test]
fn an_image_is_signed_with_its_trailer() {
    let (image, data_len) = image();
    let report = judge(&image, "file");
    assert_eq!(report.verdict, Verdict::AdHoc, "{:?}", report.checks);
    let end = image.bytes("file").len();
    let after = |alter: &dyn Fn(&mut Vec<u8>)| {
        let mut image = image.clone();
        alter(image.bytes_mut("file"));
        let report = judge(&image, "file");
        assert_ne!(report.verdict, Verdict::AdHoc);
        codes(&report)
    };
    assert_eq!(after(&|bytes| bytes[99] ^= 1), ["page-hash-wrong"]);
    assert_eq!(after(&|bytes| bytes[end - 400] ^= 1), ["slot-hash-wrong"]);
    // The first of two files, which does not vouch for the second one.
    assert_eq!(after(&|bytes| bytes[end - 449] = 2), ["unsupported"]);
    let unsigned = after(&|bytes| bytes[end - 512 + LEN_AT..end - 512 + LEN_AT + 8].fill(0));
    assert!(unsigned.is_empty());
    for more in [&[0; 16][..], b"more"] {
        let found = after(&|bytes| {
            let trailer = bytes.split_off(end - 512);
            bytes.extend_from_slice(more);
            let len = bytes.len() - data_len;
            bytes.extend(trailer);
            let at = bytes.len() - 512 + LEN_AT;
            bytes[at..at + 8].copy_from_slice(&(len as u64).to_be_bytes());
        });
        assert_eq!(found, ["stray-bytes"]);
    }
    let found = after(&|bytes| {
        let trailer = bytes.split_off(end - 512);
        bytes.extend([0; 16]);
        bytes.extend(trailer);
    });
    assert_eq!(found, ["stray-bytes"]);
    for (at, code) in [(data_len, "malformed"), (data_len + 20, "malformed")] {
        assert_eq!(after(&|bytes| bytes[at] ^= 1), [code]);
    }
}
