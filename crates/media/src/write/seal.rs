//! The place of signatures in an archive: what the table of contents says of them, and the bytes in the heap.

use std::{fmt::Write as _, io};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::Timestamp;

use super::{cannot_store, too_large};
use crate::MediaError;

/// 2001-01-01, from which Apple counts the seconds of a signature's time.
const APPLE_EPOCH: i64 = 978_307_200;

/// Makes the signatures of an archive, of which this room knows nothing but where they lie.
pub trait Sealer {
    /// The certificates to put beside the signatures, in DER, the signer's own first.
    fn certificates(&self) -> &[Vec<u8>];

    /// How long its signatures are. Where they lie is signed too, so this must be known before.
    fn lengths(&self) -> SealLengths;

    /// When it signs.
    fn signed_at(&self) -> Timestamp;

    /// Signs the digest of a table of contents.
    ///
    /// # Errors
    /// If there is no signature.
    fn seal(&self, digest: &[u8]) -> io::Result<Seal>;
}

/// How many bytes signatures take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SealLengths {
    /// Those of the bare RSA signature, exactly.
    pub rsa: usize,
    /// Those of the CMS message, at most; zeros fill what it leaves.
    pub cms: usize,
}

/// The signatures of one archive: both are over the digest of its table of contents.
#[derive(Clone, Debug)]
pub struct Seal {
    /// PKCS #1 v1.5, the digest being what is padded: it is not hashed once more.
    pub rsa: Vec<u8>,
    /// A detached CMS message, whose content is the digest's bytes.
    pub cms: Vec<u8>,
}

/// How many bytes of the heap the signatures of `sealer` take.
pub(super) fn room(sealer: Option<&dyn Sealer>) -> u64 {
    sealer.map_or(0, |sealer| {
        let lengths = sealer.lengths();
        (lengths.rsa as u64).saturating_add(lengths.cms as u64)
    })
}

/// What the table of contents says of the signatures, which begin at `offset` of the heap.
///
/// # Errors
/// If there is no room for it.
pub(super) fn described(sealer: &dyn Sealer, offset: u64) -> Result<String, MediaError> {
    let too_long = |_full| cannot_store("the signature", "its description is too long");
    let lengths = sealer.lengths();
    let after = offset.saturating_add(lengths.rsa as u64);
    let seconds = sealer.signed_at().as_secs().saturating_sub(APPLE_EPOCH);
    let mut text = format!("  <signature-creation-time>{seconds}.0</signature-creation-time>\n");
    for (element, style, offset, size) in [
        ("signature", "RSA", offset, lengths.rsa),
        ("x-signature", "CMS", after, lengths.cms),
    ] {
        write!(
            text,
            "  <{element} style=\"{style}\">\n   <offset>{offset}</offset><size>{size}</size>\n   \
             <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">\n    <X509Data>\n"
        )
        .map_err(too_long)?;
        for certificate in sealer.certificates() {
            let code = STANDARD.encode(certificate);
            writeln!(text, "     <X509Certificate>{code}</X509Certificate>").map_err(too_long)?;
        }
        writeln!(text, "    </X509Data>\n   </KeyInfo>\n  </{element}>").map_err(too_long)?;
    }
    Ok(text)
}

/// The signatures over `digest` as they lie in the heap.
///
/// # Errors
/// If there are none, or they are not as long as was said.
pub(super) fn made(sealer: &dyn Sealer, digest: &[u8]) -> Result<Vec<u8>, MediaError> {
    let seal = sealer
        .seal(digest)
        .map_err(MediaError::content("the signature"))?;
    let lengths = sealer.lengths();
    if seal.rsa.len() != lengths.rsa || seal.cms.len() > lengths.cms {
        return Err(too_large("the signature"));
    }
    let mut bytes = seal.rsa;
    bytes.extend(&seal.cms);
    bytes.resize(lengths.rsa.saturating_add(lengths.cms), 0);
    Ok(bytes)
}
