//! The local header of a member.

use std::{borrow::Cow, io};

use wire::{Cursor, ReadAt, read_up_to, read_vec};

use super::{
    constants::{FLAG_ENCRYPTED, FLAG_STRONG, LOCAL_HEADER, LOCAL_HEADER_LEN, METHOD_AES},
    extra::Extra,
};
use crate::MediaError;

const STRUCTURE: &str = "zip local header";

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

/// The local headers of an archive, read in the order of its directory.
///
/// Small members have theirs close together: these are read many at once. Where the next one is far away, no more than
/// the header itself is read.
#[derive(Debug)]
pub(super) struct LocalHeaders<'a> {
    source: &'a dyn ReadAt,
    /// How much may be read at once still: a directory that leads to and fro costs no more than twice what the archive is
    /// long.
    left: u64,
    /// Where what was read at once begins.
    start: u64,
    window: Vec<u8>,
}

/// How far away the next header may be to be read together with this one, in bytes.
const NEAR: u64 = 2 << 10;

/// How much is read at once.
const WINDOW: usize = 32 << 10;

impl<'a> LocalHeaders<'a> {
    pub(super) fn new(source: &'a dyn ReadAt) -> Self {
        Self {
            source,
            left: source.len().saturating_mul(2),
            start: 0,
            window: Vec::new(),
        }
    }

    /// Reads the header at `start`; `next` is where the one after it in the directory is.
    ///
    /// # Errors
    /// As [`LocalHeader::read`].
    pub(super) fn read(
        &mut self,
        start: u64,
        next: Option<u64>,
    ) -> Result<LocalHeader, MediaError> {
        let distance = next.and_then(|next| next.checked_sub(start));
        if distance.is_some_and(|distance| distance <= NEAR)
            && self.found(start, NEAR).is_none()
            && self.left > 0
        {
            self.window.resize(WINDOW, 0);
            let read = read_up_to(self.source, start, &mut self.window)
                .map_err(MediaError::content(STRUCTURE))?;
            self.window.truncate(read);
            self.left = self.left.saturating_sub(read as u64);
            self.start = start;
        }
        LocalHeader::read(start, |offset, len| match self.found(offset, len) {
            Some(found) => Ok(Cow::Borrowed(found)),
            None => read_vec(self.source, offset, len).map(Cow::Owned),
        })
    }

    /// What was read at once of the `len` bytes at `offset`, if they are in it.
    fn found(&self, offset: u64, len: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        self.window.get(start..end)
    }
}

impl LocalHeader {
    /// Parses the header at `start`; `read` gives stretches of the archive, by their start and length.
    ///
    /// # Errors
    /// If there is none, or it is cut short.
    fn read<'a>(
        start: u64,
        read: impl Fn(u64, u64) -> io::Result<Cow<'a, [u8]>>,
    ) -> Result<Self, MediaError> {
        let failed = MediaError::content(STRUCTURE);
        let fixed = read(start, LOCAL_HEADER_LEN).map_err(&failed)?;
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
        let extra = read(extra_start, extra_len).map_err(&failed)?;
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
