//! Notarization tickets: Apple's word that it has seen and scanned code.

use model::Timestamp;
use wire::{Cursor, ParseError};

use crate::{
    asn1::{Reader, tag},
    cms::SignedData,
    flaw::Flaw,
    hash::Algorithm,
    x509::{Certificate, Chain, Purpose, Scheme},
};

const SIGNER: &str = "Software Ticket Signing";
/// The longest signature of its kind; shorter ones are filled up with zeros.
const SIGNATURE_LEN: u64 = 72;
const HASH_LEN: u16 = 20;
const MAX_HASHES: u64 = 1 << 20;
const MAX_CERTIFICATES: usize = 8;

/// What a ticket is about: the kinds of hashes are numbered as code directories number them, and cut to 20 bytes.
pub(crate) type Hash = (u8, Vec<u8>);

/// A genuine ticket.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    hashes: Vec<Hash>,
    /// When it was issued.
    pub(crate) issued_at: Timestamp,
    /// Who issued it.
    pub(crate) chain: Chain,
}

impl Ticket {
    /// Reads a ticket, and verifies that Apple issued it.
    ///
    /// # Source
    /// Inferred from tickets of vendors; all numbers are little-endian.
    pub(crate) fn verify(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut cursor = Cursor::new("notarization ticket", bytes);
        cursor.magic(*b"s8ch")?;
        if cursor.u32_le()? != 1 {
            return Err(cursor.unsupported("this version").into());
        }
        let certificates_len = u64::from(cursor.u32_le()?);
        let statement_len = u64::from(cursor.u32_le()?);
        let certificates = certificates(cursor.take(certificates_len)?)?;
        let (hashes, issued_at) =
            statement(&mut cursor.part("notarization ticket", statement_len)?)?;
        let signed_len = cursor.offset();
        let signature = trimmed(cursor.take(SIGNATURE_LEN)?)?;
        cursor.finish()?;
        let signed = Cursor::new("notarization ticket", bytes).take(signed_len)?;

        let Some(leaf) = certificates
            .iter()
            .find(|certificate| certificate.common_name() == SIGNER)
        else {
            return Err(Flaw::new(
                "ticket-signer-wrong",
                "the ticket was not signed by Apple's notary",
            ));
        };
        let digest = Algorithm::Sha256.digest(signed);
        leaf.key
            .verify(Scheme::Ecdsa(Algorithm::Sha256), &digest, signature)?;
        let chain = Chain::build(leaf, &certificates);
        if !chain.is_apples {
            return Err(Flaw::new(
                "ticket-signer-wrong",
                "the ticket's certificates do not lead to Apple",
            ));
        }
        SignedData::accounts_for_all(&certificates, &[&chain])?;
        chain.judge(Purpose::Ticket, issued_at)?;
        Ok(Self {
            hashes,
            issued_at,
            chain,
        })
    }

    /// Whether it is about something with that hash.
    pub(crate) fn covers(&self, hash: &Hash) -> bool {
        self.hashes.contains(hash)
    }
}

/// The hashes that a ticket is about, and when it was issued.
fn statement(cursor: &mut Cursor<'_>) -> Result<(Vec<Hash>, Timestamp), ParseError> {
    cursor.magic(*b"g8tk")?;
    if cursor.u16_le()? != 2 {
        return Err(cursor.unsupported("this version of the statement"));
    }
    if cursor.u16_le()? != HASH_LEN {
        return Err(cursor.unsupported("this length of hashes"));
    }
    let count = cursor.u64_le()?;
    if count > MAX_HASHES {
        return Err(cursor.invalid("too many hashes"));
    }
    let seconds = cursor.u64_le()?;
    let Ok(seconds) = i64::try_from(seconds) else {
        return Err(cursor.invalid("a time that cannot be"));
    };
    let mut hashes = Vec::new();
    for _ in 0..count {
        hashes.push((cursor.u8()?, cursor.take(u64::from(HASH_LEN))?.to_vec()));
    }
    if cursor.is_empty() {
        Ok((hashes, Timestamp::from_secs(seconds)))
    } else {
        Err(cursor.invalid("bytes after the hashes"))
    }
}

fn certificates(der: &[u8]) -> Result<Vec<Certificate>, ParseError> {
    let mut list = Reader::only("certificates of a notarization ticket", der, tag::SEQUENCE)?;
    let mut certificates = Vec::new();
    while !list.is_empty() {
        if certificates.len() >= MAX_CERTIFICATES {
            return Err(list.invalid("too many certificates"));
        }
        certificates.push(Certificate::parse(list.expect(tag::SEQUENCE)?.whole)?);
    }
    Ok(certificates)
}

/// The signature without the zeros that fill it up.
fn trimmed(field: &[u8]) -> Result<&[u8], Flaw> {
    let mut reader = Reader::new("signature of a notarization ticket", field);
    let signature = reader.expect(tag::SEQUENCE)?.whole;
    let padding = field.get(signature.len()..).unwrap_or_default();
    if padding.iter().all(|byte| *byte == 0) {
        Ok(signature)
    } else {
        Err(Flaw::new(
            "malformed",
            "the signature of the ticket is not filled up with zeros",
        ))
    }
}
