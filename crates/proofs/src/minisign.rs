//! Detached signatures of minisign.

use std::{fmt, io::Read, str::FromStr};

use blake2::{Blake2b512, Digest as _};

use crate::{
    ProofError,
    ed25519::{self, each_piece},
    text,
};

const KEY_BYTES: usize = 2 + 8 + 32;
const SIGNATURE_BYTES: usize = 2 + 8 + 64;

/// How a comment that the signature covers begins.
const TRUSTED: &str = "trusted comment: ";

/// A public key of minisign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MinisignKey {
    id: [u8; 8],
    key: [u8; 32],
}

/// A detached signature of minisign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MinisignSignature {
    /// Whether the file itself is signed, or its digest.
    is_of_digest: bool,
    key_id: [u8; 8],
    signature: [u8; 64],
    trusted_comment: String,
    /// Over the signature and the comment.
    global: [u8; 64],
}

/// The base64 of a key, or the file of two lines that holds it.
impl FromStr for MinisignKey {
    type Err = ProofError;

    fn from_str(written: &str) -> Result<Self, ProofError> {
        let refused = |why| ProofError::malformed("minisign key", why);
        let line = written
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with("untrusted comment:"))
            .ok_or(refused("there is none"))?;
        let bytes: [u8; KEY_BYTES] =
            text::decode_exactly(line).ok_or(refused("it is not the base64 of 42 bytes"))?;
        let (algorithm, id, key) = split(&bytes).ok_or(refused("it is cut short"))?;
        if algorithm != *b"Ed" {
            return Err(refused("it is for an algorithm that is not known"));
        }
        ed25519::public_key(&key)?;
        Ok(Self { id, key })
    }
}

/// The key in base64, as minisign prints it.
impl fmt::Display for MinisignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&b"Ed"[..], &self.id, &self.key].concat();
        f.write_str(&text::encode(&bytes))
    }
}

/// The four lines of a `.minisig` file.
impl FromStr for MinisignSignature {
    type Err = ProofError;

    fn from_str(written: &str) -> Result<Self, ProofError> {
        let refused = |why| ProofError::malformed("minisign signature", why);
        let mut lines = written.lines();
        let mut line = || lines.next().ok_or(refused("it has fewer than four lines"));
        if !line()?.starts_with("untrusted comment:") {
            return Err(refused("it does not begin with an untrusted comment"));
        }
        let bytes: [u8; SIGNATURE_BYTES] =
            text::decode_exactly(line()?).ok_or(refused("it is not the base64 of 74 bytes"))?;
        let (algorithm, key_id, signature) = split(&bytes).ok_or(refused("it is cut short"))?;
        let is_of_digest = match &algorithm {
            b"ED" => true,
            b"Ed" => false,
            _ => return Err(refused("it is by an algorithm that is not known")),
        };
        let trusted_comment = line()?
            .strip_prefix(TRUSTED)
            .ok_or(refused("it has no trusted comment"))?;
        let global = text::decode_exactly(line()?).ok_or(refused(
            "the signature of the comment is not the base64 of 64 bytes",
        ))?;
        Ok(Self {
            is_of_digest,
            key_id,
            signature,
            trusted_comment: trusted_comment.to_owned(),
            global,
        })
    }
}

impl MinisignKey {
    /// Whether `signature` is this key's over all that `file` still holds, and over its trusted comment.
    ///
    /// # Errors
    /// If it is not, or if reading the file fails.
    ///
    /// # Source
    /// minisign's manual, "Signature format".
    pub fn verify(
        &self,
        signature: &MinisignSignature,
        file: &mut dyn Read,
    ) -> Result<(), ProofError> {
        if signature.key_id != self.id {
            return Err(ProofError::malformed(
                "minisign signature",
                "it names another key than the pinned one",
            ));
        }
        if signature.is_of_digest {
            let mut hasher = Blake2b512::new();
            each_piece(file, |piece| hasher.update(piece))?;
            let digest = hasher.finalize();
            ed25519::verify(&self.key, &signature.signature, &mut digest.as_slice())?;
        } else {
            ed25519::verify(&self.key, &signature.signature, file)?;
        }
        let comment = signature.trusted_comment.as_bytes();
        let covered = [&signature.signature[..], comment].concat();
        ed25519::verify(&self.key, &signature.global, &mut &*covered)
    }
}

impl MinisignSignature {
    /// What the signer says about the file; to be believed only after [`MinisignKey::verify`].
    pub fn trusted_comment(&self) -> &str {
        &self.trusted_comment
    }
}

/// An algorithm of two letters, the eight bytes by which a key is found, and the rest.
fn split<const REST: usize>(bytes: &[u8]) -> Option<([u8; 2], [u8; 8], [u8; REST])> {
    let (algorithm, rest) = bytes.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    Some((*algorithm, *id, rest.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    const FILE: &[u8] = b"the download";

    pub(crate) fn key(seed: u8) -> String {
        let public = SigningKey::from_bytes(&[seed; 32]).verifying_key();
        let bytes = [&b"Ed"[..], &[seed; 8], public.as_bytes()].concat();
        format!(
            "untrusted comment: minisign public key\n{}\n",
            text::encode(&bytes)
        )
    }

    /// A signature as minisign makes it; `algorithm` `ED` is today's, `Ed` that of old.
    pub(crate) fn sign(seed: u8, algorithm: [u8; 2], file: &[u8]) -> String {
        let signing = SigningKey::from_bytes(&[seed; 32]);
        let signature = if algorithm == *b"ED" {
            signing.sign(&Blake2b512::digest(file)).to_bytes()
        } else {
            signing.sign(file).to_bytes()
        };
        let comment = "timestamp:1800000000\tfile:Widget.zip";
        let global = signing.sign(&[&signature[..], comment.as_bytes()].concat());
        let bytes = [&algorithm[..], &[seed; 8], &signature].concat();
        format!(
            "untrusted comment: signature from minisign secret key\n{}\n{TRUSTED}{comment}\n{}\n",
            text::encode(&bytes),
            text::encode(&global.to_bytes())
        )
    }

    fn verified(key: &str, signature: &str, file: &[u8]) -> Result<(), ProofError> {
        let key: MinisignKey = key.parse()?;
        key.verify(&signature.parse()?, &mut &*file)
    }

    #[test]
    fn both_forms_verify_and_minisigns_own_author_agrees() {
        for algorithm in [b"ED", b"Ed"] {
            let signature = sign(1, *algorithm, FILE);
            verified(&key(1), &signature, FILE).unwrap();
            let bare = key(1).lines().nth(1).unwrap().to_owned();
            verified(&bare, &signature, FILE).unwrap();
            assert_eq!(bare.parse::<MinisignKey>().unwrap().to_string(), bare);
            let theirs = minisign_verify::PublicKey::from_base64(&bare).unwrap();
            let parsed = minisign_verify::Signature::decode(&signature).unwrap();
            theirs.verify(FILE, &parsed, true).unwrap();
        }
    }

    #[test]
    fn altered_files_other_keys_and_other_comments_do_not_verify() {
        for algorithm in [b"ED", b"Ed"] {
            let signature = sign(1, *algorithm, FILE);
            assert!(verified(&key(1), &signature, b"another").is_err());
            assert!(verified(&key(2), &signature, FILE).is_err());
            let comment = signature.replace("file:Widget.zip", "file:Other.zip");
            assert!(verified(&key(1), &comment, FILE).is_err());
        }
        let unknown = sign(1, *b"EX", FILE);
        assert!(verified(&key(1), &unknown, FILE).is_err());
        // A signature of the file in place of one of its digest, and the reverse.
        let [new, old] = [b"ED", b"Ed"].map(|algorithm| sign(1, *algorithm, FILE));
        let line = |text: &str| text.lines().nth(1).unwrap().to_owned();
        let mut bytes = text::decode(&line(&new)).unwrap();
        bytes[1] = b'd';
        let confused = new.replace(&line(&new), &text::encode(&bytes));
        assert!(verified(&key(1), &confused, FILE).is_err());
        let mixed = old.replace(&line(&old), &line(&new));
        assert!(verified(&key(1), &mixed, FILE).is_err());
    }

    #[test]
    fn cut_keys_and_signatures_are_refused() {
        let whole = sign(1, *b"ED", FILE);
        let end = whole.trim_end().len();
        for len in (0..end - 3).step_by(7) {
            let cut = whole.get(..len).unwrap();
            assert!(verified(&key(1), cut, FILE).is_err(), "{len}");
        }
        for key in [
            "",
            "untrusted comment: x",
            "RWQ",
            "untrusted comment: x\nRWQ",
        ] {
            assert!(key.parse::<MinisignKey>().is_err(), "{key}");
        }
    }
}
