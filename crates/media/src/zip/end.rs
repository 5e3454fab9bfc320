//! The record that ends an archive, where more follows than its comment.

use std::io;

use wire::{Cursor, ParseError, ReadAt, read_vec};

use super::constants::END_OF_CENTRAL_DIRECTORY;

/// Length of the record without its comment.
const LEN: u64 = 22;

/// How many bytes after the record are looked through.
const MOST_EXTRANEOUS: u64 = 64 << 20;

/// How many bytes are looked through at a time.
const WINDOW: u64 = 256 << 10;

/// Where the archive that `source` begins with ends: after the last record whose directory lies right before it.
///
/// Downloads have been seen with a megabyte of zeros after the archive. Apple's tools and others read them.
///
/// # Errors
/// If `source` cannot be read.
pub(super) fn find(source: &dyn ReadAt) -> io::Result<Option<u64>> {
    let mut end = source.len();
    let stop = end.saturating_sub(MOST_EXTRANEOUS);
    while end > stop {
        let start = end.saturating_sub(WINDOW).max(stop);
        // A record that begins in this window may end in the one after it.
        let reach = end.saturating_add(3).min(source.len());
        let window = read_vec(source, start, reach.saturating_sub(start))?;
        let signatures = window
            .windows(4)
            .enumerate()
            .rev()
            .filter(|(_, bytes)| *bytes == END_OF_CENTRAL_DIRECTORY);
        for (at, _) in signatures {
            let record = start.saturating_add(at as u64);
            if let Some(end) = end_of_record(source, record)? {
                return Ok(Some(end));
            }
        }
        end = start;
    }
    Ok(None)
}

/// Where the record at `start` ends, if it is one.
fn end_of_record(source: &dyn ReadAt, start: u64) -> io::Result<Option<u64>> {
    if source.len().saturating_sub(start) < LEN {
        return Ok(None);
    }
    let bytes = read_vec(source, start, LEN)?;
    let Ok((directory_len, directory_start, comment_len)) = fields(&bytes) else {
        return Ok(None);
    };
    let directory_end = u64::from(directory_start).saturating_add(u64::from(directory_len));
    let end = start
        .saturating_add(LEN)
        .saturating_add(u64::from(comment_len));
    Ok((directory_end == start && end <= source.len()).then_some(end))
}

/// Length and start of the directory, and length of the comment.
fn fields(record: &[u8]) -> Result<(u32, u32, u16), ParseError> {
    let mut cursor = Cursor::new("zip end record", record);
    cursor.skip(12)?; // signature, disks, counts
    Ok((cursor.u32_le()?, cursor.u32_le()?, cursor.u16_le()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(comment: u16) -> Vec<u8> {
        let mut bytes = END_OF_CENTRAL_DIRECTORY.to_vec();
        bytes.extend([0; 16]);
        bytes.extend(comment.to_le_bytes());
        bytes
    }

    #[test]
    fn finds_the_end_before_what_follows() {
        for extraneous in [0, 1, WINDOW - 24, WINDOW - 20, WINDOW, WINDOW + 1] {
            let mut bytes = record(0);
            bytes.resize(bytes.len() + usize::try_from(extraneous).unwrap(), 0);
            assert_eq!(find(&bytes).unwrap(), Some(LEN), "{extraneous}");
        }
    }

    #[test]
    fn a_record_that_reaches_too_far_is_none() {
        assert_eq!(find(&record(1)).unwrap(), None);
        assert_eq!(find(&record(0)[..21].to_vec()).unwrap(), None);
        assert_eq!(find(&Vec::new()).unwrap(), None);
    }
}
