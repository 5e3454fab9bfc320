//! Flat packages: an archive whose table of contents is signed.

use std::{io, sync::Arc};

use media::xar::{Archive, Data, DigestKind, Signature, SignatureStyle, TocDigest};
use model::Timestamp;
use wire::{Budget, Cursor, ReadAt, read_vec};

use crate::{
    Notarization,
    checks::Checks,
    cms::SignedData,
    code::{judge_chain, note_chain},
    flaw::Flaw,
    hash::Algorithm,
    notarization,
    terms::Terms,
    x509::{Certificate, Chain, Purpose, Scheme},
};

const TOC: &str = "package-toc";
const SIGNATURE: &str = "package-signature";
const MEMBERS: &str = "package-members";
const MAX_TRAILER_LEN: u64 = 64 << 20;
const TRAILER_HEADER_LEN: u64 = 16;
const TRAILER_END: u16 = 1;
const TRAILER_TICKET: u16 = 2;

/// Whether a file that begins with `head` is a flat package, or another signed archive of its kind.
pub(crate) fn is_package(head: &[u8]) -> bool {
    head.starts_with(b"xar!")
}

/// What a package's signatures say.
#[derive(Clone, Debug)]
pub(crate) struct JudgedPackage {
    pub(crate) is_unsigned: bool,
    /// Nothing if no signature is genuine.
    pub(crate) chain: Option<Chain>,
    pub(crate) signed_at: Option<Timestamp>,
    pub(crate) notarization: Notarization,
}

/// Judges the package in `source`.
pub(crate) fn judge_package(
    source: &Arc<dyn ReadAt>,
    terms: Terms<'_>,
    checks: &mut Checks,
) -> JudgedPackage {
    let mut judged = JudgedPackage {
        is_unsigned: false,
        chain: None,
        signed_at: None,
        notarization: Notarization::None,
    };
    let archive = match Archive::open(Arc::clone(source), &Budget::for_medium("flat package")) {
        Ok(archive) => archive,
        Err(error) => {
            checks.fail(TOC, Flaw::of_error("malformed", &error));
            return judged;
        }
    };
    if archive.signatures().is_empty() {
        judged.is_unsigned = true;
        return judged;
    }
    let digest = match toc_digest(&archive) {
        Ok(digest) => digest,
        Err(flaw) => {
            checks.fail(TOC, flaw);
            return judged;
        }
    };
    checks.note(TOC, Ok(()));
    match members(&archive) {
        Ok(count) => checks.pass(MEMBERS, format!("{count} compared")),
        Err(flaw) => checks.fail(MEMBERS, flaw),
    }
    checks.not_made(
        "package-attributes",
        "extended attributes of members are not used by the installer",
    );
    match signers(&archive, digest, terms, checks) {
        Ok((chain, signed_at)) => {
            checks.note(SIGNATURE, Ok(()));
            judged.chain = Some(chain);
            judged.signed_at = signed_at;
        }
        Err(flaw) => checks.fail(SIGNATURE, flaw),
    }
    judged.notarization = judge_ticket(&archive, digest, terms, checks);
    judged
}

fn toc_digest(archive: &Archive) -> Result<&TocDigest, Flaw> {
    match archive.toc_digest() {
        Some(digest) if digest.is_right() => Ok(digest),
        Some(_) => Err(Flaw::new(
            "toc-digest-wrong",
            "the table of contents is not the one that was signed",
        )),
        None => Err(Flaw::new(
            "toc-digest-missing",
            "the table of contents has no digest to sign",
        )),
    }
}

fn judge_ticket(
    archive: &Archive,
    digest: &TocDigest,
    terms: Terms<'_>,
    checks: &mut Checks,
) -> Notarization {
    match ticket(archive) {
        Ok(ticket) => {
            let mut hash = digest.stored.clone();
            hash.truncate(20);
            let kind = if digest.kind == DigestKind::Sha1 {
                1
            } else {
                2
            };
            notarization::of(
                ticket.as_deref(),
                &[vec![(kind, hash)]],
                terms.revoked,
                checks,
            )
        }
        Err(flaw) => {
            checks.fail(notarization::NAME, flaw);
            Notarization::Mismatch
        }
    }
}

/// Reads every member to its end, where the reader compares the digests, and gives their number.
///
/// Extended attributes are left out: Apple's own tool writes them to wrong places of the archive, and nothing that
/// installs packages reads them.
fn members(archive: &Archive) -> Result<usize, Flaw> {
    let mut count: usize = 0;
    for member in archive.members() {
        if let Some(data) = &member.data {
            compare(archive, data).map_err(|flaw| flaw.within(&member.path))?;
            count = count.saturating_add(1);
        }
    }
    Ok(count)
}

fn compare(archive: &Archive, data: &Data) -> Result<(), Flaw> {
    if data.archived.is_none() && data.extracted.is_none() {
        return Err(Flaw::new("member-unprotected", "it has no digest"));
    }
    let mut reader = archive
        .reader(data)
        .map_err(|error| Flaw::of_error("member-altered", &error))?;
    match io::copy(&mut reader, &mut io::sink()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Flaw::new("member-altered", error.to_string())),
    }
}

/// Verifies every signature; all must have been made with one key.
fn signers(
    archive: &Archive,
    digest: &TocDigest,
    terms: Terms<'_>,
    checks: &mut Checks,
) -> Result<(Chain, Option<Timestamp>), Flaw> {
    let mut chains: Vec<Chain> = Vec::new();
    let mut signed_at = None;
    let mut messages = Vec::new();
    for signature in archive.signatures() {
        let carried = carried(signature)?;
        match &signature.style {
            SignatureStyle::Rsa => chains.push(verify_rsa(signature, digest, &carried)?),
            SignatureStyle::Cms => {
                let message = SignedData::parse_padded(&signature.bytes)?;
                if message.content.is_some() {
                    return Err(Flaw::new(
                        "cms-structure",
                        "the signature carries content of its own",
                    ));
                }
                chains.push(message.verify(&digest.stored)?);
                messages.push(message);
            }
            SignatureStyle::Other(style) => {
                return Err(Flaw::new(
                    "unsupported",
                    format!("a signature in the style `{style}`"),
                ));
            }
        }
    }
    let Some(first) = chains.first().cloned() else {
        return Err(Flaw::new("signature-wrong", "there is no signature"));
    };
    if chains.iter().any(|chain| chain.leaf() != first.leaf()) {
        return Err(Flaw::new(
            "signers-disagree",
            "the signatures were made by different signers",
        ));
    }
    for (message, chain) in messages
        .iter()
        .zip(chains.iter().rev().take(messages.len()).rev())
    {
        signed_at = judge_chain(message, chain, (Purpose::Package, terms), checks).or(signed_at);
    }
    if messages.is_empty() {
        let carried: Vec<Certificate> = Vec::new();
        checks.not_applicable("time-stamp");
        note_chain(&first, &carried, (Purpose::Package, terms), checks);
    }
    Ok((first, signed_at))
}

fn carried(signature: &Signature) -> Result<Vec<Certificate>, Flaw> {
    let certificates = signature
        .certificates
        .iter()
        .map(|der| Certificate::parse(der));
    Ok(certificates.collect::<Result<_, _>>()?)
}

/// The digest that is stored is itself what was padded and signed: it is not hashed again.
fn verify_rsa(
    signature: &Signature,
    digest: &TocDigest,
    carried: &[Certificate],
) -> Result<Chain, Flaw> {
    let Some(leaf) = carried.first() else {
        return Err(Flaw::new(
            "signer-missing",
            "the signature comes without a certificate",
        ));
    };
    let algorithm = match digest.kind {
        DigestKind::Sha1 => Algorithm::Sha1,
        DigestKind::Sha256 => Algorithm::Sha256,
        DigestKind::Sha512 => Algorithm::Sha512,
        _ => {
            return Err(Flaw::new(
                "weak-or-unknown-algorithm",
                "the digest of the table of contents is not believed",
            ));
        }
    };
    leaf.key.verify(
        Scheme::RsaPkcs1(algorithm),
        &digest.stored,
        &signature.bytes,
    )?;
    Ok(Chain::build(leaf, carried))
}

/// The ticket that was appended to the package, if there is one. Nothing else may be.
fn ticket(archive: &Archive) -> Result<Option<Vec<u8>>, Flaw> {
    let trailer = archive.trailer();
    if trailer.is_empty() {
        return Ok(None);
    }
    let stray = || {
        Flaw::new(
            "stray-bytes",
            "bytes after the end of the package that are no ticket",
        )
    };
    if trailer.len() > MAX_TRAILER_LEN {
        return Err(stray());
    }
    let bytes = read_vec(&trailer, 0, trailer.len())
        .map_err(|error| Flaw::new("unreadable", error.to_string()))?;
    let mut rest = bytes.as_slice();
    let mut ticket = None;
    while !rest.is_empty() {
        let (kind, len, before) = trailer_part(rest).ok_or_else(stray)?;
        match kind {
            TRAILER_TICKET if ticket.is_none() => {
                let (before, bytes) = split_end(before, len).ok_or_else(stray)?;
                ticket = Some(bytes.to_vec());
                rest = before;
            }
            TRAILER_END if len == 0 && before.is_empty() => rest = before,
            _ => return Err(stray()),
        }
    }
    Ok(ticket)
}

/// Kind and length of the part that ends `bytes`, and what lies before its header.
fn trailer_part(bytes: &[u8]) -> Option<(u16, u64, &[u8])> {
    let (before, header) = split_end(bytes, TRAILER_HEADER_LEN)?;
    let mut cursor = Cursor::new("trailer of a flat package", header);
    cursor.magic(*b"t8lr").ok()?;
    let (version, kind) = (cursor.u16_le().ok()?, cursor.u16_le().ok()?);
    let (len, spare) = (cursor.u32_le().ok()?, cursor.u32_le().ok()?);
    (version == 1 && spare == 0).then_some((kind, u64::from(len), before))
}

fn split_end(bytes: &[u8], len: u64) -> Option<(&[u8], &[u8])> {
    let at = bytes.len().checked_sub(usize::try_from(len).ok()?)?;
    bytes.split_at_checked(at)
}
