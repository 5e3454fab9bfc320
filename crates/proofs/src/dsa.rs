//! DSA as Sparkle used it before Ed25519.

use std::io::Read;

use ::dsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};
use sha1::{Digest as _, Sha1};
use spki::{
    SubjectPublicKeyInfoRef,
    der::{Decode as _, Encode as _},
};

use crate::{ProofError, ed25519::each_piece, text};

/// No key of 4096 bits is longer in its own encoding. A stranger's key must not keep us computing.
const LONGEST_KEY: usize = 2200;

/// How long the prime and the order of the group may be, in bits.
const PRIME_BITS: std::ops::RangeInclusive<usize> = 1024..=4096;
const ORDER_BITS: std::ops::RangeInclusive<usize> = 160..=256;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// The key in a PEM text, in its own encoding; what stands before and after is of no account.
///
/// # Errors
/// If there is none, or it is no DSA key that can be used.
pub(crate) fn key_of_pem(pem: &str) -> Result<Vec<u8>, ProofError> {
    let bytes = pem
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .and_then(|(body, _)| text::decode(body))
        .ok_or(refused("it is no public key in PEM"))?;
    let key = public_key(&bytes)?;
    // Written anew, so that one key is one text.
    SubjectPublicKeyInfoRef::from_der(&bytes)
        .and_then(|info| info.to_der())
        .map_err(|_cannot_be_written| refused("it is no public key"))
        .inspect(|_| drop(key))
}

/// Whether `signature` is the key's over the SHA-1 of the SHA-1 of all that `file` still holds: Sparkle's tools gave
/// OpenSSL the digest in place of the file.
///
/// # Errors
/// If it is not, if the key or the signature cannot be used, or if reading fails.
///
/// # Source
/// Sparkle 2, `SUSignatureVerifier.m`, `verifyDSASignatureOfStream`; FIPS 186-4 §4.7.
pub(crate) fn verify(key: &[u8], signature: &[u8], file: &mut dyn Read) -> Result<(), ProofError> {
    let key = public_key(key)?;
    let signature = Signature::try_from(signature)
        .map_err(|_not_der| ProofError::malformed("DSA signature", "it is not two numbers"))?;
    let mut hasher = Sha1::new();
    each_piece(file, |piece| hasher.update(piece))?;
    let digest = Sha1::digest(hasher.finalize());
    key.verify_prehash(&digest, &signature)
        .map_err(|_differs| ProofError::DoesNotHold)
}

fn public_key(bytes: &[u8]) -> Result<VerifyingKey, ProofError> {
    if bytes.len() > LONGEST_KEY {
        return Err(refused("it is too long"));
    }
    let info = SubjectPublicKeyInfoRef::from_der(bytes)
        .map_err(|_not_der| refused("it is no public key"))?;
    let key = VerifyingKey::try_from(info).map_err(|_other| refused("it is no DSA key"))?;
    let components = key.components();
    if !PRIME_BITS.contains(&components.p().bits()) || !ORDER_BITS.contains(&components.q().bits())
    {
        return Err(refused("it has a size that no DSA key has"));
    }
    // With a generator or a key of one, a signature can be found for any file.
    let one = ::dsa::BigUint::from(1_u8);
    if components.g() <= &one || key.y() <= &one || components.g() >= components.p() {
        return Err(refused("it is a weak key, with which anything verifies"));
    }
    Ok(key)
}

const fn refused(why: &'static str) -> ProofError {
    ProofError::malformed("DSA key", why)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Made by OpenSSL 3, with the signature of the ten bytes `the update` as Sparkle's `sign_update` made them.
    pub(crate) const KEY: &str = "
-----BEGIN PUBLIC KEY-----
MIIDRDCCAjYGByqGSM44BAEwggIpAoIBAQDhNAuvcLQxWzQWnNAN6T9S4kzMC5lY
ZXeOrmmzoduaDkUjFnEbqk7w+WrpkvvsMDZJWbwzbe9TqHJkXJy4Kd8IwaDMe8bp
0/xDU5JTaWVsbj2RKK3E9ZhOYCsh8csJYR+h/lTynGGYKOCFCTO7oLaV3eEX4m+N
RX03/Cwn9+XqRuNLndBoQiOPxupvxtP6EL2rt+7k8F804D8ndo0PsH7NqXqNR/bT
bKnsMNLf/GeJOnBGnQ+6DmRWejW/rX8gTJtEeZbHFrbGhUn2rvfn5TFBQ7fdIRfC
FacLu2SqfXFvdQjIHds9LGleklb2gwpz5/THD+O4WNXXS94bVwysvNbdAh0Alkui
rIGdiSCGl9CBbgH6g8U/yv6pcFROJBM2ZQKCAQEAq3tvx8QvF7Sly5Hp08CbWAYv
57vOLd6PfqTpGoB8ujG+dCN2fXk2si+nCe5jL/KUkD1iDkNHjoxcJ/awHKRaHSse
9U2kOhcVFpP/lcBpH2tM2mVmVW6nfxxX+TBIy2J5MA3QCWnM7Cgg5QAwphFXMjGe
lUSp4+PTALzpRlMJ44YPgBQZmiuGWyEiXkhFcNfywfucZstnzzWfG+rPJyfyVeVg
R7RfRPD1fN30grtLZCZ6bVCDHOkdCytTE8R7AO8++OeHSrl+MDGZyr+w+ukkeqy5
FQHhVVV25CUuKIk8BXV8+yhAV1gxfZPgCJTXVlNIzzVQyVrAcaW3dIh7OFhEBQOC
AQYAAoIBAQCLvx2Su3zDYLHw4BF/GEnsnR14B251Ww6tnkwXaDyJi0uItj6+qV3G
V3JlHpY4TkSp3PwmGwVXISEYV0kvYS1Re1GF6eK70vGQO6sduynorOI7gc/nxHV+
jmgmcX3gMa1536nYQaEm991m9iOUda36bIgUWdFBB3acHskcAzuIL8v1dcuj3If7
nguFu2z9KUVs/MjcEapMV/eca2SAod0dEO0VscyXe0caUydRbUIk7IwgEGbfAMz/
IiLO8PPIhcf8hYJ0EzT3kRXY6MI1EAcvGNaxK7tOi0dld5d21f6VJVFN4JLJpOzW
Aq2/TI9TOPMycqootGbEdk7gDjhtQukH
-----END PUBLIC KEY-----
";
    pub(crate) const SIGNATURE: &str =
        "MDwCHDPRI/TohbK3LzqbflcaISAbWPBJniWngtIDeHMCHHC128NGZZZqaQ0MtG/WKq+XCPwCcJ3S2tPxvjw=";
    pub(crate) const FILE: &[u8] = b"the update";

    /// Another key, of 1024 bits as Sparkle's first ones, and its signature of the same file.
    pub(crate) const OTHER_KEY: &str = include_str!("fuzzing_dsa_key.pem");
    pub(crate) const OTHER_SIGNATURE: &str =
        "MD0CHGv+GRSaAGJQOEuj7BjK5ivx3Shz+XbfW0N5cMkCHQCMfInz0kuVBZ6FIyLaSnGDF6dbdZUvTSr8OddJ";

    #[test]
    fn what_open_ssl_signed_as_sparkle_did_verifies() {
        for (key, signature) in [(KEY, SIGNATURE), (OTHER_KEY, OTHER_SIGNATURE)] {
            let key = key_of_pem(key).unwrap();
            let signature = text::decode(signature).unwrap();
            verify(&key, &signature, &mut &*FILE).unwrap();
            let error = verify(&key, &signature, &mut &b"another"[..]).unwrap_err();
            assert!(matches!(error, ProofError::DoesNotHold));
        }
    }

    #[test]
    fn other_keys_and_cut_or_altered_signatures_do_not() {
        let key = key_of_pem(KEY).unwrap();
        let signature = text::decode(SIGNATURE).unwrap();
        let others = text::decode(OTHER_SIGNATURE).unwrap();
        assert!(verify(&key, &others, &mut &*FILE).is_err());
        for len in 0..signature.len() {
            assert!(
                verify(&key, &signature[..len], &mut &*FILE).is_err(),
                "{len}"
            );
        }
        for at in (0..signature.len()).step_by(3) {
            let mut altered = signature.clone();
            altered[at] ^= 1;
            assert!(verify(&key, &altered, &mut &*FILE).is_err(), "{at}");
        }
    }

    #[test]
    fn keys_that_are_cut_altered_or_too_long_are_no_panic() {
        let key = key_of_pem(KEY).unwrap();
        let signature = text::decode(SIGNATURE).unwrap();
        for len in (0..key.len()).step_by(7) {
            assert!(public_key(&key[..len]).is_err(), "{len}");
        }
        for at in (0..key.len()).step_by(29) {
            let mut altered = key.clone();
            altered[at] ^= 0x10;
            assert!(verify(&altered, &signature, &mut &*FILE).is_err(), "{at}");
        }
        assert!(public_key(&vec![0x30; LONGEST_KEY + 1]).is_err());
        assert!(key_of_pem("-----BEGIN PUBLIC KEY-----").is_err());
        let elliptic = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAc/SkJ0RuiPYZEDchKC8oIhMq6VSMhiUGYaLOV1iHpl8=\n-----END PUBLIC KEY-----";
        assert!(key_of_pem(elliptic).is_err(), "a key for something else");
    }
}
