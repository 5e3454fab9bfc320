//! Signs profiles.
//!
//! # Source
//! RFC 5652 (CMS) §5; RFC 3370 §3.2 and RFC 5754 §3 (algorithms). Apple's Device Management: a signed profile is DER, with the
//! profile inside.

use std::{sync::Arc, time::Duration};

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{
        CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo,
        SignerInfos,
    },
};
use der::{
    Any, Decode as _, Encode as _, Tag,
    asn1::{ObjectIdentifier, OctetString, SetOfVec, UtcTime},
};
use model::Timestamp;
use rustls::{
    SignatureScheme,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::SigningKey,
};
use sha2::{Digest as _, Sha256, Sha384};
use x509_cert::{Certificate, attr::Attribute, spki::AlgorithmIdentifierOwned, time::Time};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// With which a key may sign.
const SCHEMES: [SignatureScheme; 3] = [
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
];

/// Why a profile cannot be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// There is no certificate.
    #[error("there is no certificate in PEM")]
    NoCertificate,
    /// A certificate cannot be understood.
    #[error("a certificate cannot be read")]
    Certificate(#[source] der::Error),
    /// There is no key.
    #[error("there is no private key in PEM")]
    NoKey,
    /// Keys of this kind are not known.
    #[error("the key is neither of RSA nor of ECDSA on P-256 or P-384")]
    Kind,
    /// The two do not belong together.
    #[error("the certificate is of another key")]
    Pair,
    /// The signature cannot be made.
    #[error("the signature cannot be made")]
    Sign(#[source] rustls::Error),
    /// It cannot be written down.
    #[error("the signature cannot be written")]
    Write(#[from] der::Error),
}

/// Signs profiles with an operator's certificate.
#[derive(Debug)]
pub struct ProfileSigner {
    leaf: Certificate,
    above: Vec<Certificate>,
    key: Arc<dyn SigningKey>,
}

impl ProfileSigner {
    /// Signs with the first certificate of a file and its key; those that follow are put into the signature, too.
    ///
    /// # Errors
    /// If a file holds something else, the key is of another kind, or the two do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, SignError> {
        let mut chain = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(certificates) {
            let certificate = certificate.map_err(|_what| SignError::NoCertificate)?;
            chain.push(Certificate::from_der(&certificate).map_err(SignError::Certificate)?);
        }
        let mut chain = chain.into_iter();
        let leaf = chain.next().ok_or(SignError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_what| SignError::NoKey)?;
        let key = any_supported_type(&key).map_err(|_what| SignError::Kind)?;
        let of_certificate = leaf.tbs_certificate.subject_public_key_info.to_der()?;
        match key.public_key() {
            Some(of_key) if of_key.as_ref() == of_certificate => {}
            _ => return Err(SignError::Pair),
        }
        Ok(Self {
            leaf,
            above: chain.collect(),
            key,
        })
    }

    /// A profile that is signed at this time, in DER.
    ///
    /// # Errors
    /// If the signature cannot be made.
    pub fn sign(&self, profile: &[u8], at: Timestamp) -> Result<Vec<u8>, SignError> {
        let signer = self.key.choose_scheme(&SCHEMES).ok_or(SignError::Kind)?;
        let (digest, digest_alg, signature_algorithm) = match signer.scheme() {
            SignatureScheme::ECDSA_NISTP384_SHA384 => (
                Sha384::digest(profile).to_vec(),
                algorithm(SHA_384),
                algorithm(ECDSA_SHA_384),
            ),
            SignatureScheme::ECDSA_NISTP256_SHA256 => (
                Sha256::digest(profile).to_vec(),
                algorithm(SHA_256),
                algorithm(ECDSA_SHA_256),
            ),
            _ => (
                Sha256::digest(profile).to_vec(),
                algorithm(SHA_256),
                AlgorithmIdentifierOwned {
                    oid: RSA,
                    parameters: Some(Any::null()),
                },
            ),
        };
        let attributes = attributes(digest, at)?;
        // What is signed is the set as such, not as it is tagged in its place.
        let signature = signer
            .sign(&attributes.to_der()?)
            .map_err(SignError::Sign)?;
        let info = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: self.leaf.tbs_certificate.issuer.clone(),
                serial_number: self.leaf.tbs_certificate.serial_number.clone(),
            }),
            digest_alg: digest_alg.clone(),
            signed_attrs: Some(attributes),
            signature_algorithm,
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        };
        self.wrapped(profile, digest_alg, info)
    }

    fn wrapped(
        &self,
        profile: &[u8],
        digest_alg: AlgorithmIdentifierOwned,
        info: SignerInfo,
    ) -> Result<Vec<u8>, SignError> {
        let chain = std::iter::once(&self.leaf).chain(&self.above);
        let certificates: Vec<_> = chain
            .map(|certificate| CertificateChoices::Certificate(certificate.clone()))
            .collect();
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![digest_alg])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: DATA,
                econtent: Some(Any::new(Tag::OctetString, profile)?),
            },
            certificates: Some(CertificateSet(SetOfVec::try_from(certificates)?)),
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![info])?),
        };
        let wrapped = ContentInfo {
            content_type: SIGNED_DATA,
            content: Any::encode_from(&signed)?,
        };
        Ok(wrapped.to_der()?)
    }
}

/// Without parameters, as RFC 5754 has it of digests and RFC 5758 of ECDSA.
const fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    }
}

/// What is signed instead of the profile itself: its digest, and when.
fn attributes(digest: Vec<u8>, at: Timestamp) -> Result<SetOfVec<Attribute>, SignError> {
    let since = Duration::from_secs(u64::try_from(at.as_secs()).unwrap_or(0));
    let time = Time::UtcTime(UtcTime::from_unix_duration(since)?);
    let values = [
        (CONTENT_TYPE, Any::encode_from(&DATA)?),
        (
            MESSAGE_DIGEST,
            Any::encode_from(&OctetString::new(digest)?)?,
        ),
        (SIGNING_TIME, Any::encode_from(&time)?),
    ];
    let mut attributes = Vec::new();
    for (oid, value) in values {
        attributes.push(Attribute {
            oid,
            values: SetOfVec::try_from(vec![value])?,
        });
    }
    Ok(SetOfVec::try_from(attributes)?)
}
