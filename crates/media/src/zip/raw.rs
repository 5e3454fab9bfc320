//! The local header of a member.

use wire::{Cursor, ReadAt, read_vec};

use super::{
    constants::{FLAG_ENCRYPTED, FLAG_STRONG, LOCAL_HEADER, LOCAL_HEADER_LEN, METHOD_AES},
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
    pub(super) flags: u16,
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
        cursor.skip(2)?; // version
        let flags = cursor.u16_le()?;
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
            flags,
            data_start: extra_start.saturating_add(extra_len),
            extra: Extra::parse(&extra),
        })
    }

    /// The name of the encryption, if the contents are encrypted.
    pub(super) const fn encryption(&self) -> Option<&'static str> {
        match (self.method, self.extra.aes_strength) {
            (METHOD_AES, Some(1)) => Some("WinZip AES-128"),
            (METHOD_AES, Some(2)) => Some("WinZip AES-192"),
            (METHOD_AES, Some(3)) => Some("WinZip AES-256"),
            (METHOD_AES, _) => Some("WinZip AES"),
            _ if self.flags & FLAG_ENCRYPTED == 0 => None,
            _ if self.flags & FLAG_STRONG != 0 => Some("PKWARE's strong encryption"),
            _ => Some("ZipCrypto"),
        }
    }
}
