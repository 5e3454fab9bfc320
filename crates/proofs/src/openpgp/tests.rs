//! Keys and signatures of `GnuPG`'s (`samples/README.md`), as they are and damaged.

use super::*;

pub(crate) const KEY: &[u8] = include_bytes!("samples/a.asc");
pub(crate) const SIGNATURE: &[u8] = include_bytes!("samples/a.sig.asc");

const OTHER_KEY: &[u8] = include_bytes!("samples/b.asc");
const OTHER_SIGNATURE: &[u8] = include_bytes!("samples/b.sig.asc");
const FILE: &[u8] = b"the download";

/// 2026-12-01.
const NOW: Timestamp = Timestamp::from_secs(1_796_083_200);

fn verified(key: &[u8], signature: &[u8], file: &[u8]) -> Result<OpenPgpSigner, String> {
    let verified = OpenPgpKeys::read(key).and_then(|keys| {
        let file = file.to_vec();
        let open = move || Ok(Box::new(io::Cursor::new(file.clone())) as Box<dyn Read>);
        keys.verify(signature, &open, NOW)
    });
    verified.map_err(|error| error.to_string())
}

#[track_caller]
fn refused_because(why: &str, key: &[u8], signature: &[u8]) {
    let error = verified(key, signature, FILE).unwrap_err();
    assert!(error.ends_with(why), "{error}");
}

#[test]
fn signatures_of_the_pinned_key_verify_armoured_or_not() {
    let binary = include_bytes!("samples/a.gpg");
    for key in [KEY, binary] {
        for signature in [SIGNATURE, include_bytes!("samples/a.sig")] {
            let signer = verified(key, signature, FILE).unwrap();
            assert_eq!(signer.fingerprint.len(), 40);
            assert_eq!(signer.subkey, None);
        }
    }
    let signer = verified(OTHER_KEY, OTHER_SIGNATURE, FILE).unwrap();
    assert_ne!(signer.subkey, Some(signer.fingerprint));
}

#[test]
fn altered_files_and_other_keys_do_not() {
    let differs = "the signature is not this key's, or not of this file";
    for file in [&b""[..], b"the Download", b"the download\n"] {
        let error = verified(KEY, SIGNATURE, file).unwrap_err();
        assert_eq!(error, differs);
    }
    refused_because("it names none of the pinned keys", OTHER_KEY, SIGNATURE);
    refused_because("it names none of the pinned keys", KEY, OTHER_SIGNATURE);
    // One of several keys, and one of several signatures, is enough.
    let both = [
        include_bytes!("samples/a.gpg").as_slice(),
        &dearmoured(OTHER_KEY),
    ]
    .concat();
    verified(&both, OTHER_SIGNATURE, FILE).unwrap();
    let several = [dearmoured(OTHER_SIGNATURE), dearmoured(SIGNATURE)].concat();
    verified(KEY, &several, FILE).unwrap();
}

#[test]
fn revoked_and_expired_keys_and_weak_or_strange_signatures_are_refused() {
    let revoked = include_bytes!("samples/revoked.asc");
    refused_because("its key was revoked", revoked, SIGNATURE);
    for (why, signature) in [
        (
            "its digest is too weak",
            &include_bytes!("samples/sha1.sig.asc")[..],
        ),
        (
            "it is not of a file",
            include_bytes!("samples/text.sig.asc"),
        ),
        (
            "it is from the future",
            include_bytes!("samples/future.sig.asc"),
        ),
    ] {
        refused_because(why, KEY, signature);
    }
    let (key, extended) = (
        include_bytes!("samples/e.asc"),
        include_bytes!("samples/e-extended.asc"),
    );
    let (early, late) = (
        include_bytes!("samples/early.sig.asc"),
        include_bytes!("samples/late.sig.asc"),
    );
    verified(key, early, FILE).unwrap();
    refused_because("its key had expired when it was made", key, late);
    verified(extended, late, FILE).unwrap();
}

#[test]
fn cut_and_altered_keys_and_signatures_are_refused() {
    let signature = dearmoured(SIGNATURE);
    for len in 0..signature.len() {
        assert!(verified(KEY, &signature[..len], FILE).is_err(), "{len}");
    }
    for at in 0..signature.len() {
        let mut altered = signature.clone();
        altered[at] ^= 1;
        // What a signature does not cover names its key only; and of the last byte's bits of its two numbers, of 32 bytes
        // each, it is of no account how many are said to count.
        if verified(KEY, &altered, FILE).is_ok() {
            let is_bit_count = [67, 33].contains(&signature.len().saturating_sub(at));
            assert!(is_hint(&signature, at) || is_bit_count, "{at}");
        }
    }
    let key = dearmoured(KEY);
    for len in (0..key.len()).step_by(5) {
        assert!(verified(&key[..len], &signature, FILE).is_err(), "{len}");
    }
    for nothing in [&b""[..], b"no key", SIGNATURE] {
        assert!(OpenPgpKeys::read(nothing).is_err());
    }
    assert!(verified(KEY, KEY, FILE).is_err(), "a key is no signature");
}

#[test]
fn a_revoked_subkey_is_refused_whenever_it_signed() {
    let signature = include_bytes!("samples/c.sig.asc");
    let signer = verified(include_bytes!("samples/c.asc"), signature, FILE).unwrap();
    assert!(signer.subkey.is_some());
    let revoked = include_bytes!("samples/c-revoked.asc");
    refused_because("its key was revoked", revoked, signature);
}

/// A subkey that another key claims for itself is not the claimant's.
#[test]
fn a_subkey_counts_only_below_the_key_that_it_agreed_to() {
    let (mine, theirs) = (dearmoured(KEY), dearmoured(OTHER_KEY));
    let keys = OpenPgpKeys::read(&theirs).unwrap();
    let sub = keys.0[0].public_subkeys[0].clone();
    let mut claimant = OpenPgpKeys::read(&mine).unwrap().0[0].clone();
    claimant.public_subkeys.push(sub);
    let claiming = OpenPgpKeys([claimant].into());
    let open = || Ok(Box::new(FILE) as Box<dyn Read>);
    let error = claiming.verify(OTHER_SIGNATURE, &open, NOW).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("its key is not bound to the pinned one"),
        "{error}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_no_verdict() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _piece: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let keys = OpenPgpKeys::read(KEY).unwrap();
    let open = || Ok(Box::new(Broken) as Box<dyn Read>);
    let error = keys.verify(SIGNATURE, &open, NOW).unwrap_err();
    assert!(matches!(error, ProofError::Read(_)), "{error:?}");
}

fn dearmoured(armoured: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(armoured).unwrap();
    let (_, body) = text.split_once("\n\n").unwrap();
    let lines = body
        .lines()
        .take_while(|line| !line.starts_with('=') && !line.starts_with('-'));
    crate::text::decode(&lines.collect::<String>()).unwrap()
}

/// Whether the byte is in the part that a signature of version 4 does not cover: its unhashed subpackets.
fn is_hint(signature: &[u8], at: usize) -> bool {
    let length = |at: usize| {
        let bytes = signature[at..].first_chunk().unwrap();
        usize::from(u16::from_be_bytes(*bytes))
    };
    // A header of two bytes; version, type, two algorithms; then the hashed part and the other, each after its length.
    let hashed_end = 8_usize.checked_add(length(6)).unwrap();
    let start = hashed_end.checked_add(2).unwrap();
    let end = start.checked_add(length(hashed_end)).unwrap();
    (start..end).contains(&at)
}
