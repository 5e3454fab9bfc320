//! Entries for the fuzzer; each must return, whatever the bytes.

use std::hint::black_box;

use model::Timestamp;

use crate::{Checksums, Digest, MinisignKey, MinisignSignature, OpenPgpKeys, VendorKey};

/// A key of Sparkle's, as an application carries it, and a signature of 64 bytes that is tried with it.
pub fn vendor_key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let keys = [
        VendorKey::sparkle_ed25519(&text),
        VendorKey::sparkle_dsa(&text),
    ];
    for key in keys.into_iter().flatten() {
        let signature = crate::text::encode(bytes.get(..64).unwrap_or(bytes));
        let verified = key.verify(&signature, &mut &b"the file"[..]);
        assert!(verified.is_err(), "a signature that nobody made");
        black_box(key.to_string());
    }
}

/// A signature as a feed gives it, tried with keys of ours.
pub fn signature(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for key in sample_keys() {
        let verified = key.verify(&text, &mut &b"the file"[..]);
        assert!(verified.is_err(), "a signature that nobody made");
    }
}

/// A digest as a vendor writes it.
pub fn digest(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(digest) = text.parse::<Digest>() {
        let again = Digest::new(digest.algorithm(), &digest.digits());
        assert_eq!(again, Ok(digest), "written and read again");
    }
}

/// A list of checksums.
pub fn checksums(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(list) = text.parse::<Checksums>() {
        for name in ["App.dmg", "", "a/b"] {
            drop(black_box(list.of(name)));
        }
    }
}

/// A key of minisign's, and a signature.
pub fn minisign(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(key) = text.parse::<MinisignKey>() {
        let again = key.to_string().parse::<MinisignKey>();
        assert!(again.is_ok_and(|again| again == key), "written and read");
    }
    if let Ok(signature) = text.parse::<MinisignSignature>() {
        black_box(signature.trusted_comment());
    }
}

/// Keys of `OpenPGP`, and a signature that is tried with a key of ours.
pub fn openpgp(bytes: &[u8]) {
    drop(black_box(OpenPgpKeys::read(bytes)));
    let ours = OpenPgpKeys::read(include_bytes!("openpgp/samples/b.asc"));
    if let Ok(ours) = ours {
        let open = || Ok(Box::new(&b"another file"[..]) as Box<dyn std::io::Read>);
        let verified = ours.verify(bytes, &open, Timestamp::from_secs(1_795_564_800));
        assert!(verified.is_err(), "a signature that nobody made");
    }
}

fn sample_keys() -> impl Iterator<Item = VendorKey> {
    let ed25519 = "c/SkJ0RuiPYZEDchKC8oIhMq6VSMhiUGYaLOV1iHpl8=";
    let dsa = include_str!("fuzzing_dsa_key.pem");
    [
        VendorKey::sparkle_ed25519(ed25519),
        VendorKey::sparkle_dsa(dsa),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Body = fn(&[u8]);

    const BODIES: [Body; 6] = [checksums, digest, minisign, openpgp, signature, vendor_key];

    /// What a fuzzer would begin with.
    fn seeds() -> Vec<(Body, Vec<u8>)> {
        use crate::{
            dsa::tests as dsa, minisign::tests as minisign_samples,
            openpgp::tests as openpgp_samples,
        };
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        vec![
            (digest, format!("sha256:{digits}").into()),
            (
                checksums,
                format!("{digits}  App.dmg\nSHA256 (a/b) = {digits}").into(),
            ),
            (minisign, minisign_samples::key(1).into()),
            (minisign, minisign_samples::sign(1, *b"ED", b"file").into()),
            (openpgp, openpgp_samples::KEY.into()),
            (openpgp, openpgp_samples::SIGNATURE.into()),
            (signature, dsa::SIGNATURE.into()),
            (vendor_key, dsa::OTHER_KEY.into()),
            (
                vendor_key,
                "c/SkJ0RuiPYZEDchKC8oIhMq6VSMhiUGYaLOV1iHpl8=".into(),
            ),
        ]
    }

    #[test]
    fn every_entry_returns_on_its_seeds_and_on_damaged_ones() {
        assert_eq!(sample_keys().count(), 2);
        for (entry, seed) in seeds() {
            entry(&seed);
            entry(&[]);
            for cut in (0..seed.len()).step_by(seed.len().div_ceil(40)) {
                entry(&seed[..cut]);
            }
            for at in (0..seed.len()).step_by(seed.len().div_ceil(60)) {
                let mut damaged = seed.clone();
                damaged[at] ^= 3;
                entry(&damaged);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn every_entry_returns_on_anything(bytes: Vec<u8>, body in 0..BODIES.len()) {
            BODIES[body](&bytes);
        }
    }
}
