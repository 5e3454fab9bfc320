//! What files there are, apart from their contents.

use wire::{Cursor, ParseError};

use super::{
    constants::{
        ANTI, ATTRIBUTE_FOLDER, ATTRIBUTE_UNIX, ATTRIBUTES, EMPTY_FILE, EMPTY_STREAM, END,
        MODIFIED, NAMES,
    },
    streams::{MOST_FILES, bits, bits_or_all, count, number},
};

/// Seconds from 1601, with which Windows begins, to 1970.
const SECONDS_BEFORE_1970: i64 = 11_644_473_600;

/// A file, as the header has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Listed {
    pub(super) name: String,
    /// It has contents in a block.
    pub(super) has_stream: bool,
    pub(super) is_folder: bool,
    /// It stands for something that an update removed.
    pub(super) is_anti: bool,
    /// Seconds since 1970.
    pub(super) modified: Option<i64>,
    attributes: u32,
}

impl Listed {
    /// Kind and permissions, where the archive was made on Unix.
    pub(super) const fn mode(&self) -> Option<u32> {
        match self.attributes & ATTRIBUTE_UNIX {
            0 => None,
            _ => Some(self.attributes >> 16),
        }
    }
}

/// Reads the properties of all files.
///
/// # Errors
/// If they are damaged.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Vec<Listed>, ParseError> {
    let count = count(cursor, MOST_FILES)?;
    let mut files: Vec<Listed> = Vec::new();
    let (mut empty, mut empty_files, mut anti) = (Vec::new(), Vec::new(), Vec::new());
    let mut empty_count = 0;
    let (mut modified, mut attributes) = (Vec::new(), Vec::new());
    loop {
        let property = cursor.u8()?;
        if property == END {
            break;
        }
        let len = number(cursor)?;
        let mut part = cursor.part("property of 7z files", len)?;
        match property {
            EMPTY_STREAM => {
                empty = bits(&mut part, count)?;
                empty_count = empty.iter().filter(|is_empty| **is_empty).count() as u64;
            }
            EMPTY_FILE => empty_files = bits(&mut part, empty_count)?,
            ANTI => anti = bits(&mut part, empty_count)?,
            NAMES => files = names(&mut part, count)?,
            MODIFIED => modified = some(&mut part, count, Cursor::u64_le)?,
            ATTRIBUTES => attributes = some(&mut part, count, Cursor::u32_le)?,
            _ => {}
        }
    }
    if files.len() as u64 != count {
        return Err(cursor.invalid("files without names"));
    }
    let (mut empty_files, mut anti) = (empty_files.into_iter(), anti.into_iter());
    for (at, file) in files.iter_mut().enumerate() {
        file.attributes = attributes.get(at).copied().flatten().unwrap_or(0);
        file.modified = modified.get(at).copied().flatten().map(seconds);
        file.has_stream = !empty.get(at).copied().unwrap_or(false);
        if !file.has_stream {
            file.is_folder = !empty_files.next().unwrap_or(false);
            file.is_anti = anti.next().unwrap_or(false);
        }
        file.is_folder |= file.attributes & ATTRIBUTE_FOLDER != 0;
    }
    Ok(files)
}

/// Names in UTF-16, each with a zero at its end.
fn names(part: &mut Cursor<'_>, count: u64) -> Result<Vec<Listed>, ParseError> {
    refuse_elsewhere(part)?;
    let mut files = Vec::new();
    for _ in 0..count {
        let mut units = Vec::new();
        loop {
            match part.u16_le()? {
                0 => break,
                unit => units.push(unit),
            }
        }
        files.push(Listed {
            name: String::from_utf16_lossy(&units),
            ..Listed::default()
        });
    }
    Ok(files)
}

/// A value for those files that have one.
fn some<'a, T>(
    part: &mut Cursor<'a>,
    count: u64,
    read: fn(&mut Cursor<'a>) -> Result<T, ParseError>,
) -> Result<Vec<Option<T>>, ParseError> {
    let defined = bits_or_all(part, count)?;
    refuse_elsewhere(part)?;
    let values = defined.into_iter();
    values
        .map(|defined| defined.then(|| read(part)).transpose())
        .collect()
}

fn refuse_elsewhere(part: &mut Cursor<'_>) -> Result<(), ParseError> {
    match part.u8()? {
        0 => Ok(()),
        _ => Err(part.unsupported("properties that are stored elsewhere")),
    }
}

/// A time of Windows, in steps of 100 nanoseconds, in seconds since 1970.
fn seconds(time: u64) -> i64 {
    let seconds = i64::try_from(time / 10_000_000).unwrap_or(i64::MAX);
    seconds.saturating_sub(SECONDS_BEFORE_1970)
}
