//! An archive and its parts.

use std::{
    io::{self, Read},
    sync::Arc,
};

use flate2::read::ZlibDecoder;
use wire::{Budget, ParseError, Part, ReadAt, read_vec};

use super::{
    constants::{CHECKSUM_OTHER, CHECKSUM_SHA1, CHECKSUM_SHA512, HEADER_LEN},
    digest::DigestKind,
    fields::STRUCTURE,
    raw::Header,
    toc::{Checksum, Data, Encoding, Member, Signature, SignatureBlock, Toc},
    verified::{Tap, Verified},
};
use crate::{MediaError, archive::peek, codec::Codec};

/// Longest digest or signature that is read from the heap.
const LONGEST_BLOCK: u64 = 1 << 20;

/// An open archive.
///
/// Opening reads the table of contents. It does not compare its digest: [`Archive::toc_digest`] gives both sides,
/// and a judge of signatures, or whoever reads members, decides.
#[derive(Debug)]
pub struct Archive {
    source: Arc<dyn ReadAt>,
    heap_start: u64,
    toc_digest: Option<TocDigest>,
    signatures: Vec<Signature>,
    members: Vec<Member>,
    end: u64,
}

/// The digest of the table of contents as it is stored, compressed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TocDigest {
    /// Which digest.
    pub kind: DigestKind,
    /// What the heap holds; this is what signatures cover.
    pub stored: Vec<u8>,
    /// What it is.
    pub computed: Vec<u8>,
}

impl TocDigest {
    /// Whether the table of contents is the one that the stored digest was made for.
    pub fn is_right(&self) -> bool {
        self.stored == self.computed
    }
}

impl Archive {
    /// Reads the header and the table of contents of the archive that `source` begins with.
    ///
    /// # Errors
    /// If there is none, it is damaged, or `budget` has too few entries.
    pub fn open(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<Self, MediaError> {
        let failed = MediaError::content(STRUCTURE);
        let head = read_vec(&*source, 0, source.len().min(256)).map_err(&failed)?;
        let header = Header::parse(&head)?;
        let stored =
            read_vec(&*source, u64::from(header.len), header.toc_stored_len).map_err(&failed)?;
        let xml = inflate(&stored, header.toc_len)?;
        let toc = Toc::parse(&xml, &mut budget.clone())?;
        let heap_start = u64::from(header.len).saturating_add(header.toc_stored_len);
        let mut archive = Self {
            source,
            heap_start,
            toc_digest: None,
            signatures: Vec::new(),
            end: heap_start.saturating_add(heap_len(&toc)),
            members: toc.members,
        };
        archive.toc_digest = archive.digest(&header, toc.checksum.as_ref(), &stored)?;
        for block in toc.signatures {
            let signature = archive.signature(block)?;
            archive.signatures.push(signature);
        }
        Ok(archive)
    }

    /// The digest of the table of contents; none if the archive has none.
    pub const fn toc_digest(&self) -> Option<&TocDigest> {
        self.toc_digest.as_ref()
    }

    /// The signatures, in the order of the table of contents, `<signature>` before `<x-signature>`.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// All members, folders before what is in them.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What was appended after everything that the table of contents knows: of a notarized package, its ticket.
    pub fn trailer(&self) -> Part {
        let len = self.source.len().saturating_sub(self.end);
        Part::new(Arc::clone(&self.source), self.end, len)
    }

    /// Reads contents, inflated. Where length or digests are not the declared ones, reading ends with an error.
    ///
    /// # Errors
    /// If they lie outside the archive, or are compressed in a way that is not known.
    pub fn reader(&self, data: &Data) -> Result<Box<dyn Read + Send>, MediaError> {
        let stored = self.stored(data)?;
        let tap = Tap::new(Arc::clone(&stored), data.archived.as_ref());
        let tapped = Box::new(tap.clone());
        let inflated: Box<dyn Read + Send> = match &data.encoding {
            Encoding::None => tapped,
            Encoding::Bzip2 => Codec::Bzip2.reader(tapped),
            Encoding::Zlib => Codec::Zlib.reader(tapped),
            Encoding::Lzma => lzma(&*stored)?.reader(tapped),
            Encoding::Other(name) => {
                return Err(MediaError::Parse(ParseError::Unsupported {
                    structure: "xar archive",
                    what: format!("the encoding `{name}`"),
                }));
            }
        };
        Ok(Box::new(Verified::new(inflated, tap, data)))
    }

    /// Contents as stored, still compressed and not verified.
    pub(super) fn stored(&self, data: &Data) -> Result<Arc<Part>, MediaError> {
        let start = self.heap_start.checked_add(data.offset);
        let end = start.and_then(|start| start.checked_add(data.stored_len));
        match (start, end) {
            (Some(start), Some(end)) if end <= self.source.len() => {
                let source = Arc::clone(&self.source);
                Ok(Arc::new(Part::new(source, start, data.stored_len)))
            }
            _ => Err(MediaError::Parse(ParseError::Short {
                structure: "xar heap",
                offset: data.offset,
                needed: data.stored_len,
                remain: self.source.len().saturating_sub(start.unwrap_or(u64::MAX)),
            })),
        }
    }

    fn digest(
        &self,
        header: &Header,
        checksum: Option<&Checksum>,
        toc: &[u8],
    ) -> Result<Option<TocDigest>, MediaError> {
        let Some(checksum) = checksum else {
            return Ok(None);
        };
        let by_name = DigestKind::named(&checksum.style);
        let Some(kind) = by_name.filter(|kind| header_kind(header) == Some(*kind)) else {
            return Err(MediaError::Parse(ParseError::Unsupported {
                structure: STRUCTURE,
                what: format!(
                    "a digest that is `{}` in the table and number {} in the header",
                    checksum.style, header.checksum
                ),
            }));
        };
        if checksum.len != kind.len_bytes() {
            return Err(MediaError::Parse(ParseError::Invalid {
                structure: STRUCTURE,
                what: format!("a digest of {} bytes", checksum.len),
                offset: 0,
            }));
        }
        Ok(Some(TocDigest {
            kind,
            stored: self.block(checksum.offset, checksum.len)?,
            computed: kind.of(toc),
        }))
    }

    fn signature(&self, block: SignatureBlock) -> Result<Signature, MediaError> {
        Ok(Signature {
            bytes: self.block(block.offset, block.len)?,
            style: block.style,
            certificates: block.certificates,
        })
    }

    /// A short stretch of the heap.
    fn block(&self, offset: u64, len: u64) -> Result<Vec<u8>, MediaError> {
        if len > LONGEST_BLOCK {
            return Err(MediaError::Parse(ParseError::Budget {
                structure: "xar signature",
                limit: LONGEST_BLOCK,
                unit: "bytes",
            }));
        }
        let start = self.heap_start.saturating_add(offset);
        read_vec(&*self.source, start, len).map_err(MediaError::content("xar heap"))
    }
}

/// How far the heap is used.
fn heap_len(toc: &Toc) -> u64 {
    let checksum = toc.checksum.iter().map(|block| (block.offset, block.len));
    let signatures = toc.signatures.iter().map(|block| (block.offset, block.len));
    let contents = toc.members.iter().flat_map(|member| {
        let attributes = member.attributes.iter().map(|(_, data)| data);
        member.data.iter().chain(attributes)
    });
    let contents = contents.map(|data| (data.offset, data.stored_len));
    checksum
        .chain(signatures)
        .chain(contents)
        .map(|(offset, len)| offset.saturating_add(len))
        .max()
        .unwrap_or(0)
}

/// The digest that the header names.
fn header_kind(header: &Header) -> Option<DigestKind> {
    match header.checksum {
        CHECKSUM_SHA1 => Some(DigestKind::Sha1),
        CHECKSUM_OTHER if header.len == HEADER_LEN => Some(DigestKind::Sha256),
        CHECKSUM_OTHER => header.checksum_name.as_deref().and_then(DigestKind::named),
        CHECKSUM_SHA512 => Some(DigestKind::Sha512),
        _ => None, // none, MD5, and what is not known
    }
}

fn inflate(stored: &[u8], len: u64) -> Result<String, MediaError> {
    let failed = MediaError::content(STRUCTURE);
    let mut xml = Vec::new();
    ZlibDecoder::new(stored)
        .take(len.saturating_add(1))
        .read_to_end(&mut xml)
        .map_err(&failed)?;
    if xml.len() as u64 != len {
        return Err(MediaError::Parse(ParseError::Invalid {
            structure: STRUCTURE,
            what: format!("{} bytes where {len} are declared", xml.len()),
            offset: 0,
        }));
    }
    String::from_utf8(xml)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))
}

fn lzma(stored: &dyn ReadAt) -> Result<Codec, MediaError> {
    let start: [u8; 6] = peek(stored, 0).map_err(MediaError::content("xar heap"))?;
    if start == *b"\xfd7zXZ\0" {
        return Ok(Codec::Xz);
    }
    Ok(Codec::Lzma)
}
