//! Disk images that are signed as a whole.

use std::{io, sync::Arc};

use wire::{Cursor, ParseError, ReadAt, read_vec};

use crate::{
    Notarization,
    checks::Checks,
    code::{Blobs, Subject, judge, slot},
    flaw::Flaw,
    notarization,
    program::Judged,
    terms::Terms,
};

const TRAILER_LEN: u64 = 512;
/// Where the trailer says where the signature lies, and how long it is.
const SIGNATURE_OFFSET_AT: u64 = 0x128;
const SIGNATURE_LEN_AT: usize = 0x130;
/// Where it says into how many files the image is split.
const SEGMENT_COUNT_AT: u64 = 60;
const MAX_SIGNATURE_LEN: u64 = 64 << 20;

/// The trailer of a disk image, if `source` is one.
pub(crate) fn trailer(source: &dyn ReadAt) -> io::Result<Option<Vec<u8>>> {
    let Some(start) = source.len().checked_sub(TRAILER_LEN) else {
        return Ok(None);
    };
    let trailer = read_vec(source, start, TRAILER_LEN)?;
    Ok(Some(trailer).filter(|trailer| trailer.starts_with(b"koly")))
}

/// Judges the signature of the disk image in `source` that ends with `trailer`.
pub(crate) fn judge_image(
    source: &Arc<dyn ReadAt>,
    trailer: &[u8],
    terms: Terms<'_>,
    checks: &mut Checks,
) -> (Judged, Notarization) {
    match read_and_judge(source, trailer, terms, checks) {
        Ok(found) => found,
        Err(flaw) => {
            checks.fail("structure", flaw);
            (Judged::default(), Notarization::None)
        }
    }
}

fn read_and_judge(
    source: &Arc<dyn ReadAt>,
    trailer: &[u8],
    terms: Terms<'_>,
    checks: &mut Checks,
) -> Result<(Judged, Notarization), Flaw> {
    let (offset, len) = place(trailer)?;
    if len == 0 {
        return Ok((Judged::unsigned(), Notarization::None));
    }
    if segment_count(trailer)? > 1 {
        return Err(Flaw::new(
            "unsupported",
            "the image is split into several files, and the signature says nothing of the others",
        ));
    }
    if len > MAX_SIGNATURE_LEN {
        return Err(Flaw::new("malformed", "a signature of that length"));
    }
    let end = source.len().saturating_sub(TRAILER_LEN);
    if offset.checked_add(len) != Some(end) {
        return Err(Flaw::new(
            "stray-bytes",
            "the signature does not end where the trailer begins",
        ));
    }
    let bytes = read_vec(source.as_ref(), offset, len)
        .map_err(|error| Flaw::new("unreadable", error.to_string()))?;
    if Blobs::stated_len(&bytes)? != len {
        return Err(Flaw::new(
            "stray-bytes",
            "the signature is not as long as the trailer says",
        ));
    }
    let blobs = Blobs::parse(&bytes)?;
    // The trailer is hashed as it was before the length of the signature was known.
    let mut sealed_trailer = trailer.to_vec();
    if let Some((_, tail)) = sealed_trailer.split_at_mut_checked(SIGNATURE_LEN_AT) {
        tail.iter_mut().take(8).for_each(|byte| *byte = 0);
    }
    let subject = Subject {
        code: source.as_ref(),
        code_limit: offset,
        info: None,
        is_info_inside: false,
        resources: None,
        rep_specific: Some(&sealed_trailer),
    };
    let facts = judge(&blobs, subject, terms, checks);
    checks.note("structure", Ok(()));
    let judged = Judged {
        signatures: facts
            .into_iter()
            .map(|facts| ("image".to_owned(), facts))
            .collect(),
        is_unsigned: false,
    };
    let notarization =
        notarization::of_code(blobs.payload(slot::TICKET), &judged, terms.revoked, checks);
    Ok((judged, notarization))
}

fn place(trailer: &[u8]) -> Result<(u64, u64), ParseError> {
    let mut cursor = Cursor::new("trailer of a disk image", trailer);
    cursor.skip(SIGNATURE_OFFSET_AT)?;
    Ok((cursor.u64_be()?, cursor.u64_be()?))
}

fn segment_count(trailer: &[u8]) -> Result<u32, ParseError> {
    let mut cursor = Cursor::new("trailer of a disk image", trailer);
    cursor.skip(SEGMENT_COUNT_AT)?;
    cursor.u32_be()
}
