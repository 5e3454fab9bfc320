//! A vendor who signs downloads with minisign.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use blake2::{Blake2b512, Digest as _};
use ed25519_dalek::{Signer as _, SigningKey};

/// Whoever has a key of minisign's.
#[derive(Clone, Debug)]
pub struct Minisigner {
    id: [u8; 8],
    key: SigningKey,
}

impl Minisigner {
    /// The one of many whose key is made of `seed`.
    pub fn new(seed: u8) -> Self {
        Self {
            id: [seed; 8],
            key: SigningKey::from_bytes(&[seed; 32]),
        }
    }

    /// The public key, as minisign prints it.
    pub fn public_key(&self) -> String {
        let public = self.key.verifying_key();
        BASE64_STANDARD.encode([&b"Ed"[..], &self.id, public.as_bytes()].concat())
    }

    /// The signature of a file, as a `.minisig` has it.
    pub fn sign(&self, file: &[u8]) -> String {
        let signature = self.key.sign(&Blake2b512::digest(file)).to_bytes();
        let comment = "timestamp:1800000000\tfile:Widget";
        let covered = [&signature[..], comment.as_bytes()].concat();
        let bytes = [&b"ED"[..], &self.id, &signature].concat();
        format!(
            "untrusted comment: signature\n{}\ntrusted comment: {comment}\n{}\n",
            BASE64_STANDARD.encode(bytes),
            BASE64_STANDARD.encode(self.key.sign(&covered).to_bytes())
        )
    }
}
