//! Holds the signatures of a feed against a download.

use std::{
    io::{self, Read},
    path::Path,
};

use crate::{Check, KeyKind, Outcome, ProofError, VendorKey};

/// The signatures that a feed gives of a download, in base64.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Signatures {
    /// `sparkle:edSignature`.
    pub ed25519: Option<String>,
    /// `sparkle:dsaSignature`.
    pub dsa: Option<String>,
}

impl Signatures {
    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.ed25519.is_none() && self.dsa.is_none()
    }

    fn of(&self, kind: KeyKind) -> Option<&str> {
        match kind {
            KeyKind::SparkleEd25519 => self.ed25519.as_deref(),
            KeyKind::SparkleDsa => self.dsa.as_deref(),
        }
    }
}

/// What came of the signatures of a download.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Judgement {
    /// What was looked at.
    pub checks: Vec<Check>,
    /// By which keys the vendor is to be known from now on: those that were pinned, or others in their place, which
    /// is a change that somebody has to accept.
    pub keys: Vec<VendorKey>,
    /// Why the download is not to be used, if it is not.
    pub refusal: Option<String>,
}

/// What came of one signature.
enum Signed {
    /// Nothing is known by which it could be checked.
    NoKey,
    By {
        key: VendorKey,
        how: String,
    },
    ByNobody(String),
}

/// Judges the download at `file` by the `signatures` that its feed gives, the keys that were `pinned`, and the
/// application's `own` ones.
///
/// The pinned keys judge; where there are none, the application's own. A signature that no pinned key made but an own
/// one did is a vendor's new key, or another vendor: it is no refusal, but the new key is what is found, and
/// [`key_changes`](crate::key_changes) tells. So it is if the pinned key signed an application that carries another
/// key for its next update.
///
/// As in Sparkle, the Ed25519 signature decides where it can be checked, and the one by DSA is asked besides it only
/// to be remembered.
///
/// # Errors
/// If the file cannot be read.
///
/// # Source
/// Sparkle 2, `SUSignatureVerifier.m`, `SUUpdateValidator.m`.
pub fn judge(
    file: &Path,
    signatures: &Signatures,
    pinned: &[VendorKey],
    own: &[VendorKey],
) -> io::Result<Judgement> {
    let open = || fs_err::File::open(file).map(|file| Box::new(file) as Box<dyn Read>);
    let mut judgement = Judgement::default();
    let mut is_decided = false;
    for kind in KeyKind::ALL {
        let Some(signature) = signatures.of(kind) else {
            continue;
        };
        let of_kind = |keys: &[VendorKey]| -> Vec<VendorKey> {
            let keys = keys.iter().filter(|key| key.kind() == kind);
            keys.cloned().collect()
        };
        let mut check = |result, detail: &str| {
            judgement
                .checks
                .push(Check::new(kind.as_str(), result, detail));
        };
        match who_signed(signature, &of_kind(pinned), &of_kind(own), &open)? {
            Signed::NoKey => check(
                Outcome::NotMade,
                "the feed has a signature, but no key was found to check it by",
            ),
            Signed::By { key, how } => {
                check(Outcome::Pass, &how);
                judgement.keys.push(key);
                is_decided = true;
            }
            Signed::ByNobody(why) => {
                check(Outcome::Fail, &why);
                if !is_decided {
                    judgement.refusal = Some(why);
                    return Ok(judgement);
                }
            }
        }
    }
    Ok(judgement)
}

/// Who of `pinned` and `own`, all of one kind, made the signature.
fn who_signed(
    signature: &str,
    pinned: &[VendorKey],
    own: &[VendorKey],
    open: &dyn Fn() -> io::Result<Box<dyn Read>>,
) -> io::Result<Signed> {
    let mut whys = Vec::new();
    for key in pinned {
        match holds(key, signature, open)? {
            Ok(()) => return Ok(signed_by_pinned(key, own)),
            Err(error) => whys.push(format!("the pinned key {key}: {error}")),
        }
    }
    for key in own.iter().filter(|key| !pinned.contains(key)) {
        match holds(key, signature, open)? {
            Ok(()) => {
                let how = if pinned.is_empty() {
                    format!("by the application's own key {key}, the first that is known")
                } else {
                    format!("by the application's own key {key}, which is not the pinned one")
                };
                let key = key.clone();
                return Ok(Signed::By { key, how });
            }
            Err(error) => whys.push(format!("the application's own key {key}: {error}")),
        }
    }
    if whys.is_empty() {
        return Ok(Signed::NoKey);
    }
    Ok(Signed::ByNobody(format!(
        "the feed's signature does not verify; {}",
        whys.join("; ")
    )))
}

/// The pinned key signed; the application may carry another one, by which its next update is to be judged.
fn signed_by_pinned(key: &VendorKey, own: &[VendorKey]) -> Signed {
    match own.first() {
        Some(other) if !own.contains(key) => Signed::By {
            key: other.clone(),
            how: format!("by the pinned key {key}; the application carries another one, {other}"),
        },
        _ => Signed::By {
            key: key.clone(),
            how: format!("by the pinned key {key}"),
        },
    }
}

/// Whether the signature is the key's; that the file cannot be read is no answer.
fn holds(
    key: &VendorKey,
    signature: &str,
    open: &dyn Fn() -> io::Result<Box<dyn Read>>,
) -> io::Result<Result<(), ProofError>> {
    match key.verify(signature, &mut *open()?) {
        Err(ProofError::Read(error)) => Err(error),
        verified => Ok(verified),
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;
    use crate::{dsa::tests as dsa, text};

    const FILE: &[u8] = dsa::FILE;

    fn signing(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn key(seed: u8) -> VendorKey {
        let public = signing(seed).verifying_key();
        VendorKey::sparkle_ed25519(&text::encode(public.as_bytes())).unwrap()
    }

    fn dsa_key(pem: &str) -> VendorKey {
        VendorKey::sparkle_dsa(pem).unwrap()
    }

    fn by(seed: u8) -> Signatures {
        Signatures {
            ed25519: Some(text::encode(&signing(seed).sign(FILE).to_bytes())),
            dsa: None,
        }
    }

    fn by_dsa(signature: &str) -> Signatures {
        Signatures {
            ed25519: None,
            dsa: Some(signature.to_owned()),
        }
    }

    fn judged(signatures: &Signatures, pinned: &[VendorKey], own: &[VendorKey]) -> Judgement {
        judged_of(FILE, signatures, pinned, own)
    }

    fn judged_of(
        file: &[u8],
        signatures: &Signatures,
        pinned: &[VendorKey],
        own: &[VendorKey],
    ) -> Judgement {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Widget.zip");
        fs_err::write(&path, file).unwrap();
        judge(&path, signatures, pinned, own).unwrap()
    }

    /// Each check as `name result`.
    fn results(judgement: &Judgement) -> Vec<String> {
        let checks = judgement.checks.iter();
        checks
            .map(|check| format!("{} {}", check.name, check.result))
            .collect()
    }

    #[test]
    fn the_first_time_the_applications_own_key_judges() {
        let good = judged(&by(1), &[], &[key(1)]);
        assert_eq!(good.refusal, None);
        assert_eq!(good.keys, [key(1)]);
        assert_eq!(results(&good), ["sparkle-ed25519 pass"]);
        for bad in [
            judged(&by(2), &[], &[key(1)]),
            judged_of(b"an altered update", &by(1), &[], &[key(1)]),
        ] {
            assert!(bad.refusal.is_some());
            assert_eq!(bad.keys, []);
            assert_eq!(results(&bad), ["sparkle-ed25519 fail"]);
        }
    }

    #[test]
    fn from_then_on_the_pinned_key_judges() {
        for own in [vec![key(1)], vec![]] {
            let good = judged(&by(1), &[key(1)], &own);
            assert_eq!((good.refusal, good.keys), (None, vec![key(1)]));
            assert!(judged(&by(2), &[key(1)], &own).refusal.is_some());
            let altered = judged_of(b"altered", &by(1), &[key(1)], &own);
            assert!(altered.refusal.is_some());
        }
    }

    #[test]
    fn another_key_is_found_and_not_refused_whether_it_signed_or_is_to_sign_the_next() {
        for signatures in [by(1), by(2)] {
            let changed = judged(&signatures, &[key(1)], &[key(2)]);
            assert_eq!(changed.refusal, None);
            assert_eq!(changed.keys, [key(2)]);
            assert_eq!(results(&changed), ["sparkle-ed25519 pass"]);
        }
    }

    #[test]
    fn without_signatures_or_without_keys_nothing_is_known() {
        let unsigned = judged(&Signatures::default(), &[key(1)], &[key(1)]);
        assert_eq!(unsigned, Judgement::default());
        let keyless = judged(&by(1), &[], &[]);
        assert_eq!(keyless.keys, []);
        assert_eq!(keyless.refusal, None);
        assert_eq!(results(&keyless), ["sparkle-ed25519 not-made"]);
    }

    #[test]
    fn cut_and_altered_signatures_and_such_of_another_algorithm_are_refused() {
        let whole = by(1).ed25519.unwrap();
        let bytes = text::decode(&whole).unwrap();
        let mut broken: Vec<String> = (0..bytes.len())
            .step_by(9)
            .map(|len| text::encode(&bytes[..len]))
            .collect();
        broken.extend((0..bytes.len()).step_by(5).map(|at| {
            let mut altered = bytes.clone();
            altered[at] ^= 0x40;
            text::encode(&altered)
        }));
        broken.extend([format!("{whole}{whole}"), "no base64!".to_owned()]);
        broken.push(dsa::SIGNATURE.to_owned());
        for signature in broken {
            let signatures = Signatures {
                ed25519: Some(signature.clone()),
                dsa: None,
            };
            let judgement = judged(&signatures, &[key(1)], &[key(1)]);
            assert!(judgement.refusal.is_some(), "{signature}");
        }
    }

    #[test]
    fn dsa_decides_only_where_ed25519_cannot() {
        let (old, other) = (dsa_key(dsa::KEY), dsa_key(dsa::OTHER_KEY));
        let good = judged(&by_dsa(dsa::SIGNATURE), &[], std::slice::from_ref(&old));
        assert_eq!((good.refusal, good.keys), (None, vec![old.clone()]));
        let bad = judged(&by_dsa(dsa::SIGNATURE), &[], &[other]);
        assert!(bad.refusal.is_some());

        let both = |ed25519: Option<String>, dsa: &str| Signatures {
            ed25519,
            dsa: Some(dsa.to_owned()),
        };
        let own = [key(1), old.clone()];
        let good = judged(&both(by(1).ed25519, dsa::SIGNATURE), &[], &own);
        assert_eq!(good.keys, [key(1), old.clone()]);
        let stale = judged(&both(by(1).ed25519, dsa::OTHER_SIGNATURE), &[], &own);
        assert_eq!(stale.refusal, None, "Sparkle does not look at it either");
        assert_eq!(stale.keys, [key(1)]);
        assert_eq!(
            results(&stale),
            ["sparkle-ed25519 pass", "sparkle-dsa fail"]
        );
        // The better signature is broken: the weaker one does not make it good.
        let broken = judged(&both(by(2).ed25519, dsa::SIGNATURE), &[], &own);
        assert!(broken.refusal.is_some());
        // There is no key for the better one.
        let keyless = judged(
            &both(by(1).ed25519, dsa::SIGNATURE),
            &[],
            std::slice::from_ref(&old),
        );
        assert_eq!(keyless.keys, [old]);
    }
}
