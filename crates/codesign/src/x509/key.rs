//! Public keys, and signatures made with the private ones.

use const_oid::ObjectIdentifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey, traits::PublicKeyParts as _};
use sha1::Sha1;
use sha2_rustcrypto_010::{Sha256, Sha384, Sha512};
use wire::ParseError;

use crate::{
    asn1::{Reader, tag},
    flaw::Flaw,
    hash::Algorithm,
};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// The shortest RSA key that is believed, in bytes.
const RSA_MIN_BYTES: usize = 256;

/// A public key.
#[derive(Clone, Debug)]
pub(crate) enum PublicKey {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Rsa(RsaPublicKey),
    /// A kind that is not judged here.
    Other(ObjectIdentifier),
}

/// How a signature was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scheme {
    Ecdsa(Algorithm),
    RsaPkcs1(Algorithm),
}

impl Scheme {
    /// The scheme that an object identifier names; `digest` is the algorithm named beside it, for identifiers that
    /// name only the kind of key.
    pub(crate) fn from_oid(oid: ObjectIdentifier, digest: Option<Algorithm>) -> Result<Self, Flaw> {
        let named = match oid.to_string().as_str() {
            "1.2.840.113549.1.1.1" => digest.map(Self::RsaPkcs1),
            "1.2.840.113549.1.1.5" => Some(Self::RsaPkcs1(Algorithm::Sha1)),
            "1.2.840.113549.1.1.11" => Some(Self::RsaPkcs1(Algorithm::Sha256)),
            "1.2.840.113549.1.1.12" => Some(Self::RsaPkcs1(Algorithm::Sha384)),
            "1.2.840.113549.1.1.13" => Some(Self::RsaPkcs1(Algorithm::Sha512)),
            "1.2.840.10045.2.1" => digest.map(Self::Ecdsa),
            "1.2.840.10045.4.3.2" => Some(Self::Ecdsa(Algorithm::Sha256)),
            "1.2.840.10045.4.3.3" => Some(Self::Ecdsa(Algorithm::Sha384)),
            "1.2.840.10045.4.3.4" => Some(Self::Ecdsa(Algorithm::Sha512)),
            _ => None,
        };
        named.ok_or_else(|| {
            Flaw::new(
                "weak-or-unknown-algorithm",
                format!("the signature algorithm {oid} is not believed"),
            )
        })
    }

    /// The digest that is signed.
    pub(crate) const fn digest(self) -> Algorithm {
        match self {
            Self::Ecdsa(algorithm) | Self::RsaPkcs1(algorithm) => algorithm,
        }
    }
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`.
    pub(crate) fn read(info: &mut Reader<'_>) -> Result<Self, ParseError> {
        let mut info = info.constructed(tag::SEQUENCE)?;
        let mut algorithm = info.constructed(tag::SEQUENCE)?;
        let kind = algorithm.oid()?;
        if kind == EC {
            let curve = algorithm.oid()?;
            let point = info.bits()?;
            info.finish()?;
            return elliptic(curve, point)
                .ok_or_else(|| algorithm.invalid("a point that is not on its curve"));
        }
        let bits = info.bits()?;
        info.finish()?;
        if kind != RSA {
            return Ok(Self::Other(kind));
        }
        let mut numbers = Reader::only("RSA key", bits, tag::SEQUENCE)?;
        let modulus = BigUint::from_bytes_be(numbers.unsigned()?);
        let exponent = BigUint::from_bytes_be(numbers.unsigned()?);
        numbers.finish()?;
        let odd = modulus
            .to_bytes_le()
            .first()
            .is_some_and(|byte| byte & 1 == 1);
        match RsaPublicKey::new(modulus, exponent) {
            Ok(key) if odd => Ok(Self::Rsa(key)),
            Ok(_) => Err(algorithm.invalid("an RSA modulus that is even")),
            Err(error) => Err(algorithm.invalid(format!("an RSA key that is broken ({error})"))),
        }
    }

    /// Whether `signature` was made with the private key over bytes whose digest is `digest`.
    pub(crate) fn verify(
        &self,
        scheme: Scheme,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), Flaw> {
        let genuine = match (self, scheme) {
            (Self::Rsa(key), Scheme::RsaPkcs1(algorithm)) => {
                if key.size() < RSA_MIN_BYTES {
                    return Err(Flaw::new(
                        "weak-or-unknown-algorithm",
                        "an RSA key of less than 2048 bits",
                    ));
                }
                key.verify(padding(algorithm), digest, signature).is_ok()
            }
            (Self::P256(key), Scheme::Ecdsa(_)) => p256::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(digest, &signature))
                .is_ok(),
            (Self::P384(key), Scheme::Ecdsa(_)) => p384::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(digest, &signature))
                .is_ok(),
            (Self::Other(kind), _) => {
                return Err(Flaw::new(
                    "weak-or-unknown-algorithm",
                    format!("keys of the kind {kind} are not judged"),
                ));
            }
            _ => false,
        };
        if genuine {
            Ok(())
        } else {
            Err(Flaw::new(
                "signature-wrong",
                "the signature was not made with this key over these bytes",
            ))
        }
    }
}

fn elliptic(curve: ObjectIdentifier, point: &[u8]) -> Option<PublicKey> {
    match curve {
        P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()
            .map(PublicKey::P256),
        P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()
            .map(PublicKey::P384),
        other => Some(PublicKey::Other(other)),
    }
}

fn padding(algorithm: Algorithm) -> Pkcs1v15Sign {
    match algorithm {
        Algorithm::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Algorithm::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Algorithm::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Algorithm::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
    }
}
