//! The local header of a member.

use wire::{Cursor, ReadAt, read_vec};

use super::{
    constants::{LOCAL_HEADER, LOCAL_HEADER_LEN},
    extra::Extra,
};
use crate::MediaError;

/// What is taken from the header before the contents: the rest is the central directory's to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalHeader {
    /// Where the contents begin.
    pub(super) data_start: u64,
    /// How the contents are compressed.
    pub(super) method: u16,
    pub(super) extra: Extra,
}

impl LocalHeader {
    /// Reads the header at `start`.
    ///
    /// # Errors
    /// If there is none, or it is cut short.
    pub(super) fn read(source: &dyn ReadAt, start: u64) -> Result<Self, MediaError> {
        let failed = MediaError::content("zip local header");
        let fixed = read_vec(source, start, LOCAL_HEADER_LEN).map_err(&failed)?;
        let mut cursor = Cursor::new("zip local header", &fixed);
        cursor.magic(LOCAL_HEADER)?;
        cursor.skip(4)?; // version, flags
        let method = cursor.u16_le()?;
        cursor.skip(16)?; // time, date, CRC-32, lengths
        let name_len = u64::from(cursor.u16_le()?);
        let extra_len = u64::from(cursor.u16_le()?);
        let extra_start = start
            .saturating_add(LOCAL_HEADER_LEN)
            .saturating_add(name_len);
        let extra = read_vec(source, extra_start, extra_len).map_err(&failed)?;
        Ok(Self {
            method,
            data_start: extra_start.saturating_add(extra_len),
            extra: Extra::parse(&extra),
        })
    }
}
