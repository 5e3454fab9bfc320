//! Keys: Ed25519, as PKCS #8 and `SubjectPublicKeyInfo` in PEM.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use model::Sha256;
use pkcs8::{
    AlgorithmIdentifierRef, Document, ObjectIdentifier, PrivateKeyInfo, SecretDocument,
    SubjectPublicKeyInfoRef,
    der::{Decode as _, Encode as _, asn1::BitStringRef, pem::LineEnding},
};
use zeroize::Zeroizing;

use crate::KeyError;

/// `id-Ed25519` (RFC 8410 §3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";
const END_OF_PUBLIC: &str = "-----END PUBLIC KEY-----";

/// The length of a signature.
const SIGNATURE_LEN: usize = 64;

/// How many keys may stand in one text.
const MOST_KEYS: usize = 100;

/// The name of a key: the SHA-256 of its `SubjectPublicKeyInfo` in DER.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(Sha256);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for KeyId {
    type Err = model::DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A key that signatures are held against.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

impl PublicKey {
    /// The one key in `text`.
    ///
    /// # Errors
    /// If there is none, more than one, or none that is Ed25519.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let mut keys = Self::all_from_pem(text)?;
        match (keys.pop(), keys.is_empty()) {
            (Some(key), true) => Ok(key),
            _ => Err(unreadable_public("it holds more than one key")),
        }
    }

    /// Every key in `text`, one PEM block behind the other; at least one.
    ///
    /// # Errors
    /// If there is none, or one that is not Ed25519.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, KeyError> {
        if text.contains(PRIVATE) {
            return Err(unreadable_public(
                "this is a private key, which nobody else must have",
            ));
        }
        let blocks = text.split_inclusive(END_OF_PUBLIC);
        let blocks: Vec<&str> = blocks.filter(|block| !block.trim().is_empty()).collect();
        if blocks.is_empty() || blocks.len() > MOST_KEYS {
            return Err(unreadable_public("it is empty, or much too long"));
        }
        blocks
            .into_iter()
            .map(|block| Self::of_block(block.trim()))
            .collect()
    }

    fn of_block(block: &str) -> Result<Self, KeyError> {
        let (label, document) =
            Document::from_pem(block).map_err(|error| unreadable_public(&error.to_string()))?;
        if label != PUBLIC {
            return Err(unreadable_public("it is something else in PEM"));
        }
        let info = SubjectPublicKeyInfoRef::from_der(document.as_bytes())
            .map_err(|error| unreadable_public(&error.to_string()))?;
        if info.algorithm.oid != ED25519 {
            return Err(unreadable_public(
                "it is a key of another algorithm than Ed25519",
            ));
        }
        let bytes = info.subject_public_key.as_bytes().unwrap_or_default();
        let bytes = <[u8; 32]>::try_from(bytes)
            .map_err(|_length| unreadable_public("its 32 bytes are no key"))?;
        Self::from_bytes(bytes)
    }

    /// The key whose 32 bytes these are (RFC 8032 §5.1.5), as update metadata writes it.
    ///
    /// # Errors
    /// If they are no key, or one for which anybody can sign.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes)
            .map_err(|_not_a_point| unreadable_public("its 32 bytes are no key"))?;
        if key.is_weak() {
            return Err(unreadable_public(
                "anybody can sign for it: it is a point of small order",
            ));
        }
        Self::of(key)
    }

    fn of(key: VerifyingKey) -> Result<Self, KeyError> {
        let id = KeyId(Sha256::of(document_of(&key)?.as_bytes()));
        Ok(Self { key, id })
    }

    /// Its name.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Its 32 bytes (RFC 8032 §5.1.5).
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// As PEM, to be handed over to those who are to verify.
    ///
    /// # Errors
    /// Never, as far as anybody knows: the encoder can say no.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        document_of(&self.key)?
            .to_pem(PUBLIC, LineEnding::LF)
            .map_err(|error| unreadable_public(&error.to_string()))
    }

    /// Whether `signature` is this key's on `message`; signatures that could be made to fit several messages are not.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

fn document_of(key: &VerifyingKey) -> Result<Document, KeyError> {
    let encoded = || {
        let info = SubjectPublicKeyInfoRef {
            algorithm: algorithm(),
            subject_public_key: BitStringRef::from_bytes(key.as_bytes())?,
        };
        Document::try_from(info.to_der()?.as_slice())
    };
    encoded().map_err(|error: pkcs8::der::Error| unreadable_public(&error.to_string()))
}

const fn algorithm() -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifierRef {
        oid: ED25519,
        parameters: None,
    }
}

/// A key that signs. It is wiped from memory when dropped.
#[derive(Clone)]
pub struct PrivateKey {
    key: SigningKey,
    public: PublicKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|error| KeyError::Random(error.to_string()))?;
        Self::of(SigningKey::from_bytes(&seed))
    }

    /// The key in `text`: PKCS #8 in PEM, without a password.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (label, document) = SecretDocument::from_pem(text.trim())
            .map_err(|error| unreadable_private(&error.to_string()))?;
        if label != PRIVATE {
            return Err(unreadable_private(
                "it is something else in PEM, or locked by a password",
            ));
        }
        let info = PrivateKeyInfo::try_from(document.as_bytes())
            .map_err(|error| unreadable_private(&error.to_string()))?;
        if info.algorithm.oid != ED25519 {
            return Err(unreadable_private(
                "it is a key of another algorithm than Ed25519",
            ));
        }
        // RFC 8410 §7: an octet string within the octet string of PKCS #8.
        let seed = info
            .private_key
            .strip_prefix(&[0x04, 0x20])
            .and_then(|seed| seed.first_chunk::<32>().filter(|_| seed.len() == 32))
            .ok_or_else(|| unreadable_private("it does not hold 32 bytes"))?;
        let private = Self::of(SigningKey::from_bytes(seed))?;
        let told = info.public_key;
        if told.is_some_and(|told| told != private.public.key.as_bytes()) {
            return Err(unreadable_private("its two halves do not belong together"));
        }
        Ok(private)
    }

    /// As PKCS #8 in PEM.
    ///
    /// # Errors
    /// Never, as far as anybody knows: the encoder can say no.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let mut seed = Zeroizing::new(vec![0x04, 0x20]);
        seed.extend_from_slice(self.key.as_bytes());
        let info = PrivateKeyInfo::new(algorithm(), &seed);
        SecretDocument::try_from(info)
            .and_then(|document| Ok(document.to_pem(PRIVATE, LineEnding::LF)?))
            .map_err(|error| unreadable_private(&error.to_string()))
    }

    fn of(key: SigningKey) -> Result<Self, KeyError> {
        let public = PublicKey::of(key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// Its other half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its name.
    pub const fn id(&self) -> KeyId {
        self.public.id
    }

    /// Its signature on `message`. A key signs one kind of message only: what one kind means must not be taken for
    /// another.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.key.sign(message).to_bytes()
    }
}

fn unreadable_public(why: &str) -> KeyError {
    KeyError::Unreadable {
        wanted: "a public key, Ed25519 in PEM",
        why: why.to_owned(),
    }
}

fn unreadable_private(why: &str) -> KeyError {
    KeyError::Unreadable {
        wanted: "a private key, Ed25519 as PKCS #8 in PEM",
        why: why.to_owned(),
    }
}
