//! Pins: by which the key of a server's certificate is known.
//!
//! # Source
//! RFC 7469 §2.4: the SHA-256 of the certificate's `SubjectPublicKeyInfo`, in base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::{Decode as _, DecodePem as _, Encode as _};
use sha2::{Digest as _, Sha256};
use x509_cert::{Certificate, spki::SubjectPublicKeyInfoOwned};

/// Why a file has no pin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// It holds neither a certificate nor a public key.
    #[error("it holds neither a certificate nor a public key, in PEM or DER")]
    Unknown,
    /// What it holds cannot be read.
    #[error("its certificate or public key cannot be read")]
    Der(#[source] der::Error),
}

/// The pin of the first certificate, or the public key, in `contents`.
///
/// # Errors
/// If there is none.
pub fn pin_of(contents: &[u8]) -> Result<String, PinError> {
    let key = match std::str::from_utf8(contents) {
        Ok(text) => key_of_pem(text)?,
        Err(_) => key_of_der(contents)?,
    };
    let digest = Sha256::digest(key.to_der().map_err(PinError::Der)?);
    Ok(STANDARD.encode(digest))
}

/// Whether `text` can be a pin: the base64 of 32 bytes.
pub fn is_pin(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

fn key_of_pem(text: &str) -> Result<SubjectPublicKeyInfoOwned, PinError> {
    if let Some(block) = block_of(text, "CERTIFICATE") {
        let certificate = Certificate::from_pem(block).map_err(PinError::Der)?;
        return Ok(certificate.tbs_certificate.subject_public_key_info);
    }
    match block_of(text, "PUBLIC KEY") {
        Some(block) => SubjectPublicKeyInfoOwned::from_pem(block).map_err(PinError::Der),
        None => Err(PinError::Unknown),
    }
}

fn key_of_der(bytes: &[u8]) -> Result<SubjectPublicKeyInfoOwned, PinError> {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        return Ok(certificate.tbs_certificate.subject_public_key_info);
    }
    SubjectPublicKeyInfoOwned::from_der(bytes)
        .ok()
        .ok_or(PinError::Unknown)
}

/// The first block of that name; others, such as a private key, may stand before it.
fn block_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (begin, end) = (
        format!("-----BEGIN {name}-----"),
        format!("-----END {name}-----"),
    );
    let start = text.find(&begin)?;
    let (_, rest) = text.split_at_checked(start)?;
    let len = rest.find(&end)?.checked_add(end.len())?;
    rest.split_at_checked(len).map(|(block, _)| block)
}
