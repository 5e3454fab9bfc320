//! Detached `OpenPGP` signatures, by keys that the operator pinned.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

use model::Timestamp;
use pgp::{
    composed::{Deserializable as _, DetachedSignature, SignedPublicKey, SignedPublicSubKey},
    crypto::hash::HashAlgorithm,
    packet::{Signature, SignatureConfig, SignatureType, SubpacketData},
    types::{KeyDetails, PublicParams, Tag},
};
use rsa::traits::PublicKeyParts as _;

use crate::ProofError;

/// How far a signer's clock may be ahead of ours, in seconds.
const AHEAD: i64 = 86_400;

/// Shorter RSA keys are not believed, in bytes.
const SHORTEST_RSA: usize = 256;

/// More keys or signatures than this are not looked at.
const MOST: usize = 64;

/// The keys of a vendor, of which one must have signed.
#[derive(Clone)]
pub struct OpenPgpKeys(Arc<[SignedPublicKey]>);

/// By whom a file was signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenPgpSigner {
    /// The fingerprint of the pinned key, in hexadecimal digits.
    pub fingerprint: String,
    /// That of the key below it that made the signature, if it is another.
    pub subkey: Option<String>,
}

impl fmt::Debug for OpenPgpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter();
        f.debug_list()
            .entries(keys.map(|key| key.primary_key.fingerprint().to_string()))
            .finish()
    }
}

impl OpenPgpKeys {
    /// The public keys in a file, armoured or not.
    ///
    /// # Errors
    /// If there is none, or something else.
    pub fn read(bytes: &[u8]) -> Result<Self, ProofError> {
        let refused = |why| ProofError::malformed("OpenPGP key", why);
        let (keys, _headers) = SignedPublicKey::from_reader_many_buf(bytes)
            .map_err(|_other| refused("it is no public key"))?;
        let mut read = Vec::new();
        for key in keys.take(MOST) {
            read.push(key.map_err(|_other| refused("it is no public key"))?);
        }
        if read.is_empty() {
            return Err(refused("there is none"));
        }
        Ok(Self(read.into()))
    }

    /// Who of these signed all that is in the file that `open` opens.
    ///
    /// A signature counts if it is of a file (and not of a text), by SHA-2 or SHA-3 of 256 bits and more; was made by a
    /// key that may sign, had not expired when it was made and was never revoked, before or since; is not from the
    /// future, and has not itself expired.
    ///
    /// # Errors
    /// If nobody did, or if reading the file fails.
    ///
    /// # Source
    /// RFC 9580 §5.2, §10.1; §5.2.3.29 (key flags), §5.2.4.
    pub fn verify(
        &self,
        signatures: &[u8],
        open: &dyn Fn() -> io::Result<Box<dyn Read>>,
        now: Timestamp,
    ) -> Result<OpenPgpSigner, ProofError> {
        let mut why = ProofError::malformed("OpenPGP signature", "there is none");
        for signature in read_signatures(signatures)? {
            match self.verify_one(&signature.signature, open, now) {
                Ok(signer) => return Ok(signer),
                Err(ProofError::Read(error)) => return Err(error.into()),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn verify_one(
        &self,
        signature: &Signature,
        open: &dyn Fn() -> io::Result<Box<dyn Read>>,
        now: Timestamp,
    ) -> Result<OpenPgpSigner, ProofError> {
        let made = check_form(signature, now)?;
        let mut why = refused("it names none of the pinned keys");
        for candidate in self.0.iter().flat_map(Candidate::of) {
            if !candidate.is_named_by(signature) {
                continue;
            }
            if let Err(error) = candidate.check(made) {
                why = error;
                continue;
            }
            let mut file = Noting::new(open()?);
            let is_signed = candidate.has_made(signature, &mut file);
            if let Some(error) = file.failure {
                return Err(error.into());
            }
            if is_signed {
                return Ok(candidate.signer());
            }
            why = ProofError::DoesNotHold;
        }
        Err(why)
    }
}

/// The signatures of a file, armoured or not.
fn read_signatures(bytes: &[u8]) -> Result<Vec<DetachedSignature>, ProofError> {
    let (signatures, _headers) =
        DetachedSignature::from_reader_many_buf(bytes).map_err(|_other| refused("it is none"))?;
    let read: Result<Vec<_>, _> = signatures.take(MOST).collect();
    read.map_err(|_other| refused("it is none"))
}

/// That a signature is of a kind that is believed; answers when it says that it was made, in seconds since 1970.
fn check_form(signature: &Signature, now: Timestamp) -> Result<i64, ProofError> {
    if signature.typ() != Some(SignatureType::Binary) {
        return Err(refused("it is not of a file"));
    }
    let is_strong = matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    );
    if !is_strong {
        return Err(refused("its digest is too weak"));
    }
    let is_strange = |data: &SubpacketData| {
        matches!(
            data,
            SubpacketData::Other(..) | SubpacketData::Experimental(..)
        )
    };
    let mut subpackets = signature
        .config()
        .into_iter()
        .flat_map(SignatureConfig::hashed_subpackets);
    if subpackets.any(|part| part.is_critical && is_strange(&part.data)) {
        return Err(refused("it demands something that is not understood"));
    }
    let made = created(signature).ok_or(refused("it does not say when it was made"))?;
    let now = now.as_micros().div_euclid(1_000_000);
    if made > now.saturating_add(AHEAD) {
        return Err(refused("it is from the future"));
    }
    if is_over(made, signature.signature_expiration_time(), now) {
        return Err(refused("it has expired"));
    }
    Ok(made)
}

fn created(signature: &Signature) -> Option<i64> {
    signature.created().map(|made| i64::from(made.as_secs()))
}

/// Whether what began at `start` is over at `moment`; a length of nothing is no limit.
fn is_over(start: i64, length: Option<pgp::types::Duration>, moment: i64) -> bool {
    let length = length.map(|length| std::time::Duration::from(length).as_secs());
    let length = length.and_then(|length| i64::try_from(length).ok());
    length.is_some_and(|length| length > 0 && start.saturating_add(length) <= moment)
}

/// A key that may have made a signature.
#[derive(Clone, Copy)]
enum Candidate<'a> {
    Primary(&'a SignedPublicKey),
    Sub(&'a SignedPublicKey, &'a SignedPublicSubKey),
}

impl<'a> Candidate<'a> {
    fn of(key: &'a SignedPublicKey) -> impl Iterator<Item = Self> {
        let below = key.public_subkeys.iter().take(MOST);
        std::iter::once(Self::Primary(key)).chain(below.map(move |sub| Self::Sub(key, sub)))
    }

    fn details(self) -> &'a dyn KeyDetails {
        match self {
            Self::Primary(key) => &key.primary_key,
            Self::Sub(_, sub) => &sub.key,
        }
    }

    /// A signature that names nobody may be anybody's.
    fn is_named_by(self, signature: &Signature) -> bool {
        let key = self.details();
        let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
        (ids.is_empty() && fingerprints.is_empty())
            || ids.into_iter().any(|id| *id == key.legacy_key_id())
            || fingerprints
                .into_iter()
                .any(|name| *name == key.fingerprint())
    }

    /// That the key might sign at the moment `made`.
    fn check(self, made: i64) -> Result<(), ProofError> {
        match self {
            Self::Primary(key) => {
                let own = check_primary(key, made)?;
                if !may_sign(own) {
                    return Err(refused("its key is not for signing"));
                }
            }
            Self::Sub(key, sub) => {
                check_primary(key, made)?;
                check_sub(key, sub, made)?;
            }
        }
        let key = self.details();
        if let PublicParams::RSA(rsa) = key.public_params()
            && rsa.key.size() < SHORTEST_RSA
        {
            return Err(refused("its key is too short"));
        }
        if i64::from(key.created_at().as_secs()) > made {
            return Err(refused("it is older than its key"));
        }
        Ok(())
    }

    fn has_made(self, signature: &Signature, file: &mut dyn Read) -> bool {
        match self {
            Self::Primary(key) => signature.verify(&key.primary_key, file).is_ok(),
            Self::Sub(_, sub) => signature.verify(&sub.key, file).is_ok(),
        }
    }

    fn signer(self) -> OpenPgpSigner {
        match self {
            Self::Primary(key) => OpenPgpSigner {
                fingerprint: key.primary_key.fingerprint().to_string(),
                subkey: None,
            },
            Self::Sub(key, sub) => OpenPgpSigner {
                fingerprint: key.primary_key.fingerprint().to_string(),
                subkey: Some(sub.key.fingerprint().to_string()),
            },
        }
    }
}

/// That the key was not revoked, nor expired at the moment `made`; answers what it says of itself last.
fn check_primary(key: &SignedPublicKey, made: i64) -> Result<&Signature, ProofError> {
    let primary = &key.primary_key;
    let details = &key.details;
    let is_own = |signature: &&Signature| signature.verify_key(primary).is_ok();
    if details.revocation_signatures.iter().any(|one| is_own(&one)) {
        return Err(refused("its key was revoked"));
    }
    let direct = details.direct_signatures.iter().filter(is_own);
    let of_users = details.users.iter().flat_map(|user| {
        user.signatures.iter().filter(|one| {
            let verified = one.verify_certification(primary, Tag::UserId, &user.id);
            one.is_certification() && verified.is_ok()
        })
    });
    let newest = of_users.chain(direct).max_by_key(|one| created(one));
    let newest = newest.ok_or(refused("its key does not vouch for itself"))?;
    let start = i64::from(primary.created_at().as_secs());
    if is_over(start, newest.key_expiration_time(), made) {
        return Err(refused("its key had expired when it was made"));
    }
    Ok(newest)
}

/// That the key `sub` belongs to `key`, may sign, was not revoked, nor expired at the moment `made`.
fn check_sub(key: &SignedPublicKey, sub: &SignedPublicSubKey, made: i64) -> Result<(), ProofError> {
    let primary = &key.primary_key;
    let own: Vec<&Signature> = sub
        .signatures
        .iter()
        .filter(|one| one.verify_subkey_binding(primary, &sub.key).is_ok())
        .collect();
    let is_revocation = |one: &&Signature| one.typ() == Some(SignatureType::SubkeyRevocation);
    if own.iter().any(is_revocation) {
        return Err(refused("its key was revoked"));
    }
    let newest = own.into_iter().max_by_key(|one| created(one));
    let newest = newest.ok_or(refused("its key is not bound to the pinned one"))?;
    // The subkey must have agreed, or another's key could be claimed.
    let has_agreed = newest
        .embedded_signature()
        .is_some_and(|back| back.verify_primary_key_binding(&sub.key, primary).is_ok());
    if !newest.key_flags().sign() || !has_agreed {
        return Err(refused("its key is not for signing"));
    }
    let start = i64::from(sub.key.created_at().as_secs());
    if is_over(start, newest.key_expiration_time(), made) {
        return Err(refused("its key had expired when it was made"));
    }
    Ok(())
}

/// Whether a key that says this of itself is for signing; one of before there were such flags is for everything.
fn may_sign(own: &Signature) -> bool {
    let mut parts = own
        .config()
        .into_iter()
        .flat_map(SignatureConfig::hashed_subpackets);
    let is_told = parts.any(|part| matches!(part.data, SubpacketData::KeyFlags(_)));
    !is_told || own.key_flags().sign()
}

const fn refused(why: &'static str) -> ProofError {
    ProofError::malformed("OpenPGP signature", why)
}

/// Keeps why reading failed: what reads it says only that it did.
struct Noting<R> {
    inner: R,
    failure: Option<io::Error>,
}

impl<R> Noting<R> {
    const fn new(inner: R) -> Self {
        Self {
            inner,
            failure: None,
        }
    }
}

impl<R: Read> Read for Noting<R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        self.inner.read(piece).map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
