//! Public keys of vendors, as they are remembered.

use std::{fmt, io::Read};

use serde::{Deserialize, Serialize};
use sha2_rustcrypto_010::{Digest as _, Sha256};

use crate::{ProofError, dsa, ed25519, text};

/// A public key by which a vendor signs its downloads. Two that are one key are equal.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VendorKey {
    kind: KeyKind,
    /// The key itself: for Ed25519 32 bytes, for DSA a `SubjectPublicKeyInfo` (RFC 3279); base64.
    key: String,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// Ed25519 signatures of Sparkle's feeds.
    SparkleEd25519,
    /// DSA signatures of Sparkle's feeds of old.
    SparkleDsa,
}

impl KeyKind {
    /// The best first.
    pub(crate) const ALL: [Self; 2] = [Self::SparkleEd25519, Self::SparkleDsa];

    /// Its name in texts and JSON; checks by such a key are called so, too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SparkleEd25519 => "sparkle-ed25519",
            Self::SparkleDsa => "sparkle-dsa",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl VendorKey {
    /// Sparkle's key of today: the base64 of 32 bytes, as `SUPublicEDKey` has it.
    ///
    /// # Errors
    /// If it is none.
    pub fn sparkle_ed25519(text: &str) -> Result<Self, ProofError> {
        let bytes = text::decode_exactly(text).ok_or_else(not_32_bytes)?;
        ed25519::public_key(&bytes)?;
        Ok(Self {
            kind: KeyKind::SparkleEd25519,
            key: text::encode(&bytes),
        })
    }

    /// Sparkle's key of old: PEM, as `SUPublicDSAKey` and the file that `SUPublicDSAKeyFile` names have it.
    ///
    /// # Errors
    /// If it is none.
    pub fn sparkle_dsa(pem: &str) -> Result<Self, ProofError> {
        Ok(Self {
            kind: KeyKind::SparkleDsa,
            key: text::encode(&dsa::key_of_pem(pem)?),
        })
    }

    /// What it is for.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key in base64.
    pub fn base64(&self) -> &str {
        &self.key
    }

    /// The SHA-256 of the key's bytes, by which long keys are compared by eye.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(text::decode(&self.key).unwrap_or_default()))
    }

    /// Whether `signature`, in base64, is this key's over all that `file` still holds.
    ///
    /// # Errors
    /// If it is not, or cannot be read, or if reading the file fails.
    pub fn verify(&self, signature: &str, file: &mut dyn Read) -> Result<(), ProofError> {
        match self.kind {
            KeyKind::SparkleEd25519 => {
                let key = text::decode_exactly(&self.key).ok_or_else(not_32_bytes)?;
                let signature = text::decode_exactly(signature).ok_or(ProofError::malformed(
                    "Ed25519 signature",
                    "it is not the base64 of 64 bytes",
                ))?;
                ed25519::verify(&key, &signature, file)
            }
            KeyKind::SparkleDsa => {
                let not_base64 = |what| ProofError::malformed(what, "it is not base64");
                let key = text::decode(&self.key).ok_or(not_base64("DSA key"))?;
                let signature = text::decode(signature).ok_or(not_base64("DSA signature"))?;
                dsa::verify(&key, &signature, file)
            }
        }
    }
}

/// `sparkle-ed25519 c/SkJ0Ru…`; a DSA key by its SHA-256, because it is long.
impl fmt::Display for VendorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            KeyKind::SparkleEd25519 => write!(f, "{} {}", self.kind, self.key),
            KeyKind::SparkleDsa => write!(f, "{} SHA-256 {}", self.kind, self.fingerprint()),
        }
    }
}

const fn not_32_bytes() -> ProofError {
    ProofError::malformed("Ed25519 key", "it is not the base64 of 32 bytes")
}

/// One difference between the keys that were accepted and those that were found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyChange {
    /// Another key of the same kind.
    Replaced {
        /// The one that was accepted.
        before: VendorKey,
        /// The one that was found.
        now: VendorKey,
    },
    /// Nothing was signed with this key any more.
    Gone(VendorKey),
    /// One key more, of a kind of which there was one already.
    Added(VendorKey),
}

/// How the keys that were found differ from those that were accepted.
///
/// The first key of a kind is no change while all others are still there: it is one proof more. Nor is anything
/// where nothing was accepted before.
pub fn key_changes(before: &[VendorKey], now: &[VendorKey]) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    for kind in KeyKind::ALL {
        let of_kind = |keys: &[VendorKey], others: &[VendorKey]| {
            let mut left: Vec<VendorKey> = keys
                .iter()
                .filter(|key| key.kind == kind && !others.contains(key))
                .cloned()
                .collect();
            left.sort();
            left.dedup();
            left
        };
        let (missing, new) = (of_kind(before, now), of_kind(now, before));
        let is_first = !before.iter().any(|key| key.kind == kind);
        let mut new = new.into_iter().filter(|_| !is_first);
        for key in missing {
            changes.push(match new.next() {
                Some(now) => KeyChange::Replaced { before: key, now },
                None => KeyChange::Gone(key),
            });
        }
        changes.extend(new.map(KeyChange::Added));
    }
    changes
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::dsa::tests as samples;

    fn key(seed: u8) -> VendorKey {
        let signing = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        VendorKey::sparkle_ed25519(&text::encode(signing.verifying_key().as_bytes())).unwrap()
    }

    fn dsa() -> VendorKey {
        VendorKey::sparkle_dsa(samples::KEY).unwrap()
    }

    static THREE: LazyLock<[VendorKey; 3]> = LazyLock::new(|| [key(1), key(2), dsa()]);

    #[test]
    fn what_open_ssl_signed_verifies() {
        let key =
            VendorKey::sparkle_ed25519(" c/SkJ0RuiPYZEDchKC8oIhMq6VSMhiUGYaLOV1iHpl8\n").unwrap();
        let signature = "xkJ4c/dLe3bBJngnK5JQAO2vzzL2+qMufZ9H03+JtqkGHbCA9TYW4MT8xA9u4f7torIQMkk48Mhya0W/SeR5Cw==";
        key.verify(signature, &mut &*samples::FILE).unwrap();
        dsa()
            .verify(samples::SIGNATURE, &mut &*samples::FILE)
            .unwrap();
        assert_eq!(
            key.to_string(),
            "sparkle-ed25519 c/SkJ0RuiPYZEDchKC8oIhMq6VSMhiUGYaLOV1iHpl8="
        );
        // A signature of the other algorithm is none.
        assert!(
            key.verify(samples::SIGNATURE, &mut &*samples::FILE)
                .is_err()
        );
        assert!(dsa().verify(signature, &mut &*samples::FILE).is_err());
    }

    #[test]
    fn keys_are_kept_as_json_and_come_back() {
        for key in [key(1), dsa()] {
            let json = serde_json::to_string(&key).unwrap();
            assert!(json.starts_with("{\"kind\":\"sparkle-"), "{json}");
            assert_eq!(serde_json::from_str::<VendorKey>(&json).unwrap(), key);
        }
    }

    #[test]
    fn texts_that_are_no_keys_are_refused() {
        let long = "A".repeat(text::LONGEST + 1);
        for text in ["", "AAAA", "not base64", &long, &text::encode(&[0; 33])] {
            assert!(VendorKey::sparkle_ed25519(text).is_err(), "{text}");
            assert!(VendorKey::sparkle_dsa(text).is_err(), "{text}");
        }
    }

    #[test]
    fn changes_are_told_by_kind() {
        let (a, b, c, old) = (key(1), key(2), key(3), dsa());
        let replaced = |before: &VendorKey, now: &VendorKey| KeyChange::Replaced {
            before: before.clone(),
            now: now.clone(),
        };
        let changes = |before: &[&VendorKey], now: &[&VendorKey]| {
            let owned =
                |keys: &[&VendorKey]| -> Vec<VendorKey> { keys.iter().copied().cloned().collect() };
            key_changes(&owned(before), &owned(now))
        };
        assert_eq!(changes(&[], &[&a, &b]), []);
        assert_eq!(changes(&[&a], &[&a, &a]), []);
        assert_eq!(changes(&[&a], &[&b]), [replaced(&a, &b)]);
        assert_eq!(changes(&[&a], &[]), [KeyChange::Gone(a.clone())]);
        assert_eq!(changes(&[&a], &[&a, &b]), [KeyChange::Added(b.clone())]);
        assert_eq!(changes(&[&a, &b], &[&b, &c]), [replaced(&a, &c)]);
        assert_eq!(changes(&[&old], &[&old, &a]), [], "one proof more");
        assert_eq!(changes(&[&old], &[&a]), [KeyChange::Gone(old.clone())]);
        assert_eq!(changes(&[&a, &old], &[&a]), [KeyChange::Gone(old)]);
    }

    proptest! {
        #[test]
        fn silence_means_that_no_key_is_missing_and_none_of_a_known_kind_is_new(
            before in prop::collection::vec(0_u8..3, 1..3),
            now in prop::collection::vec(0_u8..3, 0..4),
        ) {
            let of = |places: &[u8]| -> Vec<VendorKey> {
                places.iter().map(|place| THREE[usize::from(*place)].clone()).collect()
            };
            let (before, now) = (of(&before), of(&now));
            let all_there = before.iter().all(|key| now.contains(key));
            let none_new = now.iter().all(|key| {
                before.contains(key) || before.iter().all(|known| known.kind != key.kind)
            });
            prop_assert_eq!(key_changes(&before, &now).is_empty(), all_there && none_new);
        }
    }
}
