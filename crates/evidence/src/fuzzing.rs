//! Entries for the fuzzer; each must return, whatever the bytes.

use std::hint::black_box;

use model::Sha256;

use crate::{Envelope, Line, PrivateKey, PublicKey, verify_bundle, verify_log};

/// The public key of the test vector 1 of RFC 8032 §7.1.
const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

/// An envelope as it lies in a bundle, tried with a key that signed nothing.
pub fn envelope(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes) else {
        return;
    };
    let again = Envelope::parse(envelope.to_line().as_bytes());
    assert!(
        again.is_ok_and(|again| again == envelope),
        "written and read"
    );
    assert!(envelope.verify(&keys()).is_err(), "signed by nobody");
}

/// A bundle, held against a file.
pub fn bundle(bytes: &[u8]) {
    let verdict = verify_bundle(bytes, &keys(), Sha256::of(b"the file"), None);
    assert!(!verdict.is_valid(), "signed by nobody");
    let refused = |line: &Line| line.statement().is_none() && line.refusal().is_some();
    assert!(verdict.lines.iter().all(refused), "believed before checked");
}

/// A log.
pub fn log(bytes: &[u8]) {
    if let Ok(chain) = verify_log(bytes, &[], &keys()) {
        assert!(chain.entries.is_empty(), "signed by nobody");
    }
}

/// Key files.
pub fn key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(keys) = PublicKey::all_from_pem(&text) {
        for key in keys {
            let again = key.to_pem().and_then(|pem| PublicKey::from_pem(&pem));
            assert!(again.is_ok_and(|again| again == key), "written and read");
        }
    }
    if let Ok(key) = PrivateKey::from_pem(&text) {
        black_box(key.id());
    }
}

fn keys() -> Vec<PublicKey> {
    PublicKey::all_from_pem(KEY).unwrap_or_default()
}
