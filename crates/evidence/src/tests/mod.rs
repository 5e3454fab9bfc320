mod bundles;
mod keys;
mod logs;
mod properties;

use model::Sha256;
use serde_json::json;

use crate::{CHECKS, Predicate, PrivateKey, SLSA_PROVENANCE, Subject, sign_bundle};

/// The secret and public key of test vector 1 of RFC 8032 §7.1, as OpenSSL writes them.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

fn key() -> PrivateKey {
    PrivateKey::from_pem(PRIVATE).unwrap()
}

fn subject(name: &str, contents: &[u8]) -> Subject {
    Subject {
        name: name.to_owned(),
        sha256: Sha256::of(contents),
    }
}

fn bundle(key: &PrivateKey) -> Vec<u8> {
    let subjects = [
        subject("pkgs/Foo-1.dmg", b"foo"),
        subject("pkgsinfo/Foo-1.plist", b"info"),
    ];
    let predicate = |kind: &str, value| Predicate {
        kind: kind.to_owned(),
        value,
    };
    sign_bundle(
        &subjects,
        &[
            predicate(SLSA_PROVENANCE, json!({"z": 1, "a": {"y": [], "b": "ü"}})),
            predicate(CHECKS, json!({"checks": []})),
        ],
        key,
    )
}
