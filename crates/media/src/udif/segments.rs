//! Images in several files: each has a trailer, and a stretch of the data.
//!
//! Source: `hdiutil(1)` (`segment`); `qemu` and Apple's published structure of the trailer for its fields. What is
//! inferred: that the property list lies in the first file that has one, and that the stretches follow each other.

use std::{io, sync::Arc};

use wire::{Cursor, ParseError, Part, ReadAt, read_vec};

use super::trailer::Trailer;
use crate::MediaError;

const STRUCTURE: &str = "disk image in several files";

/// Most files that an image is split into.
const MOST: u32 = 999;

/// Longest property list.
const LONGEST_PLIST: u64 = 128 << 20;

/// Where the trailer has its running offset, the number of its file, and of files; and the checksum of the data, the
/// start of the property list.
const NUMBER: u64 = 56;

/// Finds the other files of an image, by name.
pub(crate) type Beside<'a> = &'a dyn Fn(&str) -> Result<Arc<dyn ReadAt>, MediaError>;

/// The image in `source`, put together with its other files if it has any, as if it were one file; `name` is the
/// file's.
///
/// # Errors
/// If a file is missing, or is one of another image.
pub(crate) fn join(
    source: Arc<dyn ReadAt>,
    name: &str,
    beside: Beside<'_>,
) -> Result<Arc<dyn ReadAt>, MediaError> {
    let first = Segment::open(source)?;
    if first.count <= 1 {
        return Ok(first.source);
    }
    if first.number != 1 || first.count > MOST {
        let what = format!("part {} of {}", first.number, first.count);
        return Err(invalid(&format!("{what} in place of the first")));
    }
    let stem = name.strip_suffix(".dmg").unwrap_or(name);
    let (count, id) = (first.count, first.id);
    let mut segments = vec![first];
    for number in 2..=count {
        let part = format!("{stem}.{number:03}.dmgpart");
        let segment = Segment::open(beside(&part)?)?;
        if (segment.number, segment.count, segment.id) != (number, count, id) {
            return Err(invalid(&format!("`{part}`, which is no part of `{name}`")));
        }
        segments.push(segment);
    }
    one_file(&segments)
}

/// One of the files.
struct Segment {
    source: Arc<dyn ReadAt>,
    trailer: Trailer,
    stored: Vec<u8>,
    number: u32,
    count: u32,
    id: [u8; 16],
}

impl Segment {
    fn open(source: Arc<dyn ReadAt>) -> Result<Self, MediaError> {
        let start = source.len().saturating_sub(Trailer::LEN);
        let stored = read_vec(&*source, start, source.len().min(Trailer::LEN))
            .map_err(MediaError::content(STRUCTURE))?;
        let trailer = Trailer::parse(&stored)?;
        let mut cursor = Cursor::new(STRUCTURE, &stored);
        cursor.skip(NUMBER)?;
        let (number, count) = (cursor.u32_be()?, cursor.u32_be()?);
        let id = cursor.array()?;
        Ok(Self {
            source,
            trailer,
            stored,
            number,
            count,
            id,
        })
    }
}

/// The data of all, the property list, and a trailer that says so.
fn one_file(segments: &[Segment]) -> Result<Arc<dyn ReadAt>, MediaError> {
    let mut joined = Joined::default();
    for segment in segments {
        let (start, len) = (segment.trailer.data_offset, segment.trailer.data_len);
        let part = Part::new(Arc::clone(&segment.source), start, len);
        if part.len() != len {
            return Err(invalid("a part that is shorter than it says"));
        }
        joined.add(Arc::new(part))?;
    }
    let data_len = joined.len;
    let listed = segments
        .iter()
        .find(|segment| segment.trailer.plist_len > 0)
        .ok_or_else(|| invalid("no property list in any part"))?;
    let trailer = &listed.trailer;
    let plist_len = trailer.plist_len.min(LONGEST_PLIST);
    let list = Part::new(Arc::clone(&listed.source), trailer.plist_offset, plist_len);
    joined.add(Arc::new(list))?;
    joined.add(Arc::new(one_trailer(listed, data_len)?))?;
    Ok(Arc::new(joined))
}

/// The trailer of the whole. The checksum of the data is left out, as each file has its own; those of the partitions
/// cover all.
fn one_trailer(listed: &Segment, data_len: u64) -> Result<Vec<u8>, ParseError> {
    let mut stored = Cursor::new(STRUCTURE, &listed.stored);
    let mut trailer = stored.take(16)?.to_vec();
    trailer.extend([0; 16]); // running offset, start of the data
    trailer.extend(data_len.to_be_bytes());
    stored.skip(24)?;
    trailer.extend([0; 16]); // resource fork
    stored.skip(16)?;
    trailer.extend([1_u32, 1].map(u32::to_be_bytes).concat());
    stored.skip(8)?;
    trailer.extend(stored.take(16)?); // identifier
    trailer.extend([0; 136]); // checksum of the data
    stored.skip(136)?;
    trailer.extend(data_len.to_be_bytes()); // start of the property list
    stored.skip(8)?;
    trailer.extend(stored.rest());
    Ok(trailer)
}

/// Sources one behind the other.
#[derive(Debug, Default)]
struct Joined {
    /// By where they begin.
    parts: Vec<(u64, Arc<dyn ReadAt>)>,
    len: u64,
}

impl Joined {
    fn add(&mut self, part: Arc<dyn ReadAt>) -> Result<(), MediaError> {
        let end = self.len.checked_add(part.len());
        let end = end.ok_or_else(|| invalid("parts of impossible length"))?;
        self.parts.push((self.len, part));
        self.len = end;
        Ok(())
    }

    /// Fills `buffer` from `offset` on, as far as one part reaches.
    fn read_part(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.len {
            return Ok(0);
        }
        let after = self.parts.partition_point(|(start, _)| *start <= offset);
        let Some((start, part)) = after.checked_sub(1).and_then(|at| self.parts.get(at)) else {
            return Ok(0);
        };
        part.read_at(offset.saturating_sub(*start), buffer)
    }
}

impl ReadAt for Joined {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        wire::fill_with(buffer, |done, rest| {
            self.read_part(offset.saturating_add(done), rest)
        })
    }
}

fn invalid(what: &str) -> MediaError {
    MediaError::Parse(ParseError::Invalid {
        structure: STRUCTURE,
        what: what.to_owned(),
        offset: 0,
    })
}
