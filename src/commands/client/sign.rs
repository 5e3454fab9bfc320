//! Signs the package with an installer identity, as `productsign` does.
//!
//! Both signatures are over the digest of the table of contents. The bare one pads that digest and does not hash it once
//! more; the message is detached, and holds the certificates. Programs that read packages differ in which of the two they
//! look at, so both must stand.
//!
//! Sources: xar's `signature.c`; RFC 5652 §5; packages signed by vendors.

use std::{io, time::Duration};

use anyhow::Context as _;
use cms::{
    builder::{SignedDataBuilder, SignerInfoBuilder},
    cert::{CertificateChoices, IssuerAndSerialNumber},
    signed_data::{EncapsulatedContentInfo, SignerIdentifier},
};
use der::{
    Any, Encode as _,
    asn1::{ObjectIdentifier, SetOfVec, UtcTime},
};
use media::write::{Seal, SealLengths, Sealer};
use model::Timestamp;
use rsa::{
    Pkcs1v15Sign,
    pkcs1v15::{Signature, SigningKey},
    traits::PublicKeyParts as _,
};
use sha1::Sha1;
use sha2_rustcrypto_010::{Digest as _, Sha256};
use x509_cert::{attr::Attribute, spki::AlgorithmIdentifierOwned};

use super::identity::Identity;

/// `id-data` (RFC 5652 §4).
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
/// `id-signingTime` (RFC 5652 §11.3).
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
/// `id-sha256` (RFC 5754 §2.2).
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// Signs one package.
pub(super) struct Signer {
    identity: Identity,
    certificates: Vec<Vec<u8>>,
    message_len: usize,
    now: Timestamp,
}

impl Signer {
    /// A signer with `identity`, who signs at `now`.
    ///
    /// # Errors
    /// If the identity cannot sign.
    pub(super) fn new(identity: Identity, now: Timestamp) -> anyhow::Result<Self> {
        let certificates = identity.chain.iter().map(der::Encode::to_der);
        let certificates = certificates
            .collect::<Result<_, _>>()
            .context("a certificate of the identity cannot be written")?;
        let mut signer = Self {
            identity,
            certificates,
            message_len: 0,
            now,
        };
        // Every message of this signer is as long as the first one: all parts of it are of fixed length.
        signer.message_len = signer
            .message(&[])
            .context("the identity cannot sign")?
            .len();
        Ok(signer)
    }

    /// The detached message over `digest`.
    fn message(&self, digest: &[u8]) -> der::Result<Vec<u8>> {
        let leaf = self.identity.chain.first().ok_or(der::ErrorKind::Failed)?;
        let content = EncapsulatedContentInfo {
            econtent_type: DATA,
            econtent: None,
        };
        let algorithm = AlgorithmIdentifierOwned {
            oid: SHA_256,
            parameters: None,
        };
        let signer = SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: leaf.tbs_certificate.issuer.clone(),
            serial_number: leaf.tbs_certificate.serial_number.clone(),
        });
        let key = SigningKey::<Sha256>::new(self.identity.key.clone());
        let imprint = Sha256::digest(digest);
        let failed = |_says_no_more| der::Error::from(der::ErrorKind::Failed);
        let mut information = SignerInfoBuilder::new(
            &key,
            signer,
            algorithm.clone(),
            &content,
            Some(imprint.as_slice()),
        )
        .map_err(failed)?;
        information
            .add_signed_attribute(self.signing_time()?)
            .map_err(failed)?;
        let mut data = SignedDataBuilder::new(&content);
        data.add_digest_algorithm(algorithm).map_err(failed)?;
        for certificate in &self.identity.chain {
            data.add_certificate(CertificateChoices::Certificate(certificate.clone()))
                .map_err(failed)?;
        }
        data.add_signer_info::<SigningKey<Sha256>, Signature>(information)
            .map_err(failed)?;
        data.build().map_err(failed)?.to_der()
    }

    fn signing_time(&self) -> der::Result<Attribute> {
        let seconds = u64::try_from(self.now.as_secs()).unwrap_or(0);
        let time = UtcTime::from_unix_duration(Duration::from_secs(seconds))?;
        let mut values = SetOfVec::new();
        values.insert(Any::encode_from(&time)?)?;
        Ok(Attribute {
            oid: SIGNING_TIME,
            values,
        })
    }
}

impl Sealer for Signer {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    fn lengths(&self) -> SealLengths {
        SealLengths {
            rsa: self.identity.key.size(),
            cms: self.message_len,
        }
    }

    fn signed_at(&self) -> Timestamp {
        self.now
    }

    fn seal(&self, digest: &[u8]) -> io::Result<Seal> {
        let rsa = self
            .identity
            .key
            .sign(Pkcs1v15Sign::new::<Sha1>(), digest)
            .map_err(io::Error::other)?;
        let cms = self.message(digest).map_err(io::Error::other)?;
        Ok(Seal { rsa, cms })
    }
}
