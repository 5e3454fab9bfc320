//! Universal programs whose architectures do not belong together, and what lies around them.

use testkit::signing::{SelfSigned, program, self_signed_certificate, sign_bundle};

use super::{MemoryTree, codes, judge};
use crate::Verdict;

const ALIGNMENT: u32 = 12;

/// A program for one kind of processor, signed if there is a signer.
fn thin(kind: u32, signer: Option<&SelfSigned>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    let mut bytes = program(&[0x90; 5000]);
    bytes[4..8].copy_from_slice(&kind.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    if let Some(signer) = signer {
        sign_bundle(&path, signer, "org.example.tool").unwrap();
    }
    std::fs::read(&path).unwrap()
}

fn universal(slices: &[(u32, &[u8])]) -> Vec<u8> {
    let mut table = vec![0xca, 0xfe, 0xba, 0xbe];
    table.extend(u32::try_from(slices.len()).unwrap().to_be_bytes());
    let mut bytes = vec![0; 4096];
    for (kind, slice) in slices {
        bytes.resize(bytes.len().next_multiple_of(1 << ALIGNMENT), 0);
        let place = [
            *kind,
            3,
            u32::try_from(bytes.len()).unwrap(),
            u32::try_from(slice.len()).unwrap(),
            ALIGNMENT,
        ];
        table.extend(place.iter().flat_map(|word| word.to_be_bytes()));
        bytes.extend_from_slice(slice);
    }
    bytes[..table.len()].copy_from_slice(&table);
    bytes
}

const INTEL: u32 = 0x0100_0007;
const ARM: u32 = 0x0100_000c;

fn found(bytes: Vec<u8>) -> Vec<&'static str> {
    let mut tree = MemoryTree::default();
    tree.put("tool", bytes);
    let report = judge(&tree, "tool");
    let mut codes = codes(&report);
    codes.retain(|code| *code != "chain-not-apples");
    assert_eq!(codes.is_empty(), report.verdict == Verdict::NotTrusted);
    codes
}

#[test]
fn all_architectures_are_one_signers() {
    let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
    let stranger = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
    let (intel, arm) = (thin(INTEL, Some(&signer)), thin(ARM, Some(&signer)));
    let whole = universal(&[(INTEL, &intel), (ARM, &arm)]);
    assert!(found(whole.clone()).is_empty());
    let strangers = thin(ARM, Some(&stranger));
    let mixed = universal(&[(INTEL, &intel), (ARM, &strangers)]);
    assert_eq!(found(mixed), ["architectures-disagree"]);
    let unsigned = thin(ARM, None);
    let mixed = universal(&[(INTEL, &intel), (ARM, &unsigned)]);
    assert_eq!(found(mixed), ["architecture-unsigned"]);
    let twice = universal(&[(INTEL, &intel), (INTEL, &intel)]);
    assert_eq!(found(twice), ["malformed"]);
    let lying = universal(&[(INTEL, &intel), (ARM, &intel)]);
    assert_eq!(found(lying), ["malformed"]);

    let after = |alter: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        alter(&mut bytes);
        found(bytes)
    };
    assert_eq!(after(&|bytes| bytes.push(0)), ["stray-bytes"]);
    assert_eq!(after(&|bytes| bytes[100] = 1), ["stray-bytes"]);
    // The second slice begins where the first does.
    assert_eq!(after(&|bytes| bytes.copy_within(16..20, 36)), ["malformed"]);
}

#[test]
fn a_program_ends_with_its_signature() {
    let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
    let program = thin(INTEL, Some(&signer));
    assert!(found(program.clone()).is_empty());
    for more in [&[0; 16][..], b"payload"] {
        assert_eq!(found([&program[..], more].concat()), ["stray-bytes"]);
    }
}
