//! The attribute.

use std::sync::Arc;

use wire::{Cursor, ParseError, ReadAt};

use super::{
    blocks::Blocks,
    codec::{Codec, decode},
};
use crate::MediaError;

/// Name of the attribute.
pub(crate) const NAME: &str = "com.apple.decmpfs";

const STRUCTURE: &str = "compressed file";

/// Longest file that is decompressed, in bytes.
const LONGEST: u64 = 256 << 30;

/// Longest file whose contents lie in the attribute, in bytes: they are decoded at once.
const LONGEST_INLINE: u64 = 64 << 20;

/// What the attribute begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    /// How the contents are stored, and where.
    pub(crate) kind: u32,
    /// Their length when decompressed.
    pub(crate) len: u64,
}

impl Header {
    /// Length of the header in bytes.
    pub(crate) const LEN: u64 = 16;

    /// Parses the start of the attribute.
    ///
    /// # Errors
    /// If it is short or none.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(STRUCTURE, bytes);
        cursor.magic(*b"fpmc")?;
        let kind = cursor.u32_le()?;
        let len = cursor.u64_le()?;
        if len > LONGEST {
            return Err(cursor.invalid(format!("a length of {len} bytes")));
        }
        Ok(Self { kind, len })
    }

    /// Whether the contents are in the resource fork, which then is none.
    pub(crate) const fn is_in_resource_fork(self) -> bool {
        matches!(self.kind, 4 | 8 | 10 | 12 | 14)
    }
}

/// The contents of the file that has this attribute and this resource fork.
///
/// # Errors
/// If they are damaged or compressed in an unknown way.
pub(crate) fn open(
    attribute: &[u8],
    resource: Option<Arc<dyn ReadAt>>,
) -> Result<Arc<dyn ReadAt>, MediaError> {
    let header = Header::parse(attribute)?;
    let mut cursor = Cursor::new(STRUCTURE, attribute);
    cursor.skip(Header::LEN)?;
    let codec = match header.kind {
        1 | 9 | 10 => Codec::Raw,
        3 | 4 => Codec::Zlib,
        7 | 8 => Codec::Lzvn,
        11 | 12 => Codec::Lzfse,
        other => {
            let what = format!("compression of kind {other}");
            return Err(cursor.unsupported(what).into());
        }
    };
    if header.is_in_resource_fork() {
        let Some(resource) = resource else {
            return Err(cursor.invalid("no resource fork").into());
        };
        return Ok(Arc::new(Blocks::open(resource, codec, header)?));
    }
    if header.len > LONGEST_INLINE {
        let what = format!("{} bytes in an attribute", header.len);
        return Err(cursor.invalid(what).into());
    }
    let contents = decode(codec, cursor.rest(), header.len);
    let contents = contents.map_err(MediaError::content("the compressed contents of a file"))?;
    Ok(Arc::new(contents))
}
