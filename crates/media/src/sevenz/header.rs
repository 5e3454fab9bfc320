//! From the header at the start to the one at the end, which may be compressed itself.

use std::{io::Read as _, sync::Arc};

use flate2::Crc;
use wire::{Cursor, ParseError, ReadAt, read_vec};

use super::{
    constants::{
        ADDITIONAL_STREAMS, ARCHIVE_PROPERTIES, ENCODED_HEADER, END, FILES, HEADER, MAGIC,
        MAIN_STREAMS, START_LEN,
    },
    files::{self, Listed},
    streams::{Streams, number},
};
use crate::MediaError;

const STRUCTURE: &str = "7z header";

/// Longest header: a hundred bytes for each of half a million files.
const LONGEST: u64 = 64 << 20;

/// How often a header may be compressed.
const MOST_LAYERS: usize = 4;

/// What the header at the end says.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) streams: Streams,
    pub(super) files: Vec<Listed>,
}

impl Header {
    /// Reads the header of the archive that `source` begins with.
    ///
    /// # Errors
    /// [`MediaError::Locked`] if it is encrypted, and for damage.
    pub(super) fn read(source: &Arc<dyn ReadAt>) -> Result<Self, MediaError> {
        let mut header = at_end(&**source)?;
        if header.is_empty() {
            return Ok(Self::default());
        }
        for _ in 0..MOST_LAYERS {
            let mut cursor = Cursor::new(STRUCTURE, &header);
            match cursor.u8()? {
                HEADER => return Ok(Self::parse(&mut cursor)?),
                ENCODED_HEADER => header = decoded(source, &mut cursor)?,
                other => {
                    let what = format!("a header of kind {other:#x}");
                    return Err(MediaError::Parse(cursor.invalid(what)));
                }
            }
        }
        Err(MediaError::Parse(ParseError::Budget {
            structure: STRUCTURE,
            limit: MOST_LAYERS as u64,
            unit: "levels",
        }))
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let mut header = Self::default();
        loop {
            match cursor.u8()? {
                END => return Ok(header),
                ARCHIVE_PROPERTIES => skip_properties(cursor)?,
                ADDITIONAL_STREAMS => {
                    Streams::parse(cursor)?;
                }
                MAIN_STREAMS => header.streams = Streams::parse(cursor)?,
                FILES => header.files = files::parse(cursor)?,
                other => return Err(cursor.invalid(format!("property {other:#x}"))),
            }
        }
    }
}

/// The header at the end, whose checksum is compared; empty if the archive is.
fn at_end(source: &dyn ReadAt) -> Result<Vec<u8>, MediaError> {
    let failed = MediaError::content(STRUCTURE);
    let start = read_vec(source, 0, START_LEN).map_err(&failed)?;
    let mut cursor = Cursor::new("7z start header", &start);
    cursor.magic(MAGIC)?;
    cursor.skip(2)?; // version
    let crc32 = cursor.u32_le()?;
    if checksum(cursor.rest()) != crc32 {
        return Err(cursor.invalid("a checksum that is wrong").into());
    }
    let (offset, len, crc32) = (cursor.u64_le()?, cursor.u64_le()?, cursor.u32_le()?);
    if len > LONGEST {
        return Err(too_long());
    }
    let start = offset.checked_add(START_LEN);
    let start = start.ok_or_else(|| cursor.invalid("a header beyond all bounds"))?;
    let header = read_vec(source, start, len).map_err(failed)?;
    if checksum(&header) != crc32 {
        return Err(cursor.invalid("a header whose checksum is wrong").into());
    }
    Ok(header)
}

/// Makes the checksums of both headers right, for the fuzzer: else it would not come past them.
pub(crate) fn seal(archive: &mut [u8]) {
    let sealed = |archive: &mut [u8]| {
        let start: [u8; 32] = *archive.first_chunk()?;
        let mut cursor = Cursor::new("7z start header", start.get(12..28)?);
        let (offset, len) = (cursor.u64_le().ok()?, cursor.u64_le().ok()?);
        let at = usize::try_from(offset.checked_add(START_LEN)?).ok()?;
        let end = at.checked_add(usize::try_from(len).ok()?)?;
        let header = checksum(archive.get(at..end)?);
        archive
            .get_mut(28..32)?
            .copy_from_slice(&header.to_le_bytes());
        let start = checksum(archive.get(12..32)?);
        archive
            .get_mut(8..12)?
            .copy_from_slice(&start.to_le_bytes());
        Some(())
    };
    sealed(archive).unwrap_or_default();
}

/// The header that is the contents of a block.
fn decoded(source: &Arc<dyn ReadAt>, cursor: &mut Cursor<'_>) -> Result<Vec<u8>, MediaError> {
    let streams = Streams::parse(cursor)?;
    let Some(block) = streams.blocks.first() else {
        return Ok(Vec::new());
    };
    if block.is_encrypted() {
        return Err(MediaError::Locked {
            what: "the list of files in the 7z archive".to_owned(),
            how: "AES-256",
        });
    }
    if block.len() > LONGEST {
        return Err(too_long());
    }
    let mut header = Vec::new();
    block
        .reader(source)?
        .read_to_end(&mut header)
        .map_err(MediaError::content(STRUCTURE))?;
    Ok(header)
}

fn skip_properties(cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
    while cursor.u8()? != END {
        let len = number(cursor)?;
        cursor.skip(len)?;
    }
    Ok(())
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn too_long() -> MediaError {
    MediaError::Parse(ParseError::Budget {
        structure: STRUCTURE,
        limit: LONGEST,
        unit: "bytes",
    })
}
