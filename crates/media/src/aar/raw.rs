//! The header of an entry, as stored.

use wire::{Cursor, ParseError};

use crate::path;

/// What headers begin with: now, and in the format's first year.
pub(crate) const MAGICS: [[u8; 4]; 2] = [*b"AA01", *b"YAA1"];

/// Length of a header's magic and length.
pub(super) const FIXED: u64 = 6;

/// The header of an entry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Header {
    /// `D`, `F`, `L`: folder, file, link; other letters are devices and metadata.
    pub(super) kind: u8,
    pub(super) path: String,
    pub(super) target: String,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mode: Option<u32>,
    /// Seconds since 1970.
    pub(super) modified: Option<i64>,
    /// Where the contents lie after the header: start and length.
    pub(super) data: Option<(u64, u64)>,
    /// How many bytes follow the header.
    pub(super) blobs_len: u64,
}

/// The value of a field.
enum Value<'a> {
    Number(u64),
    Text(&'a [u8]),
    Seconds(u64),
    Blob(u64),
    /// Flags, digests.
    Other,
}

impl Header {
    /// Parses the magic and the length of a header; the answer is its whole length.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn len(bytes: &[u8]) -> Result<u64, ParseError> {
        let mut cursor = Cursor::new("Apple archive header", bytes);
        let magic: [u8; 4] = cursor.array()?;
        let len = u64::from(cursor.u16_le()?);
        if !MAGICS.contains(&magic) || len < FIXED {
            return Err(cursor.invalid("no header"));
        }
        Ok(len)
    }

    /// Parses a header that was found by [`Self::len`].
    ///
    /// # Errors
    /// If a field is damaged, or of an unknown type.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("Apple archive header", bytes);
        cursor.skip(FIXED)?;
        let mut header = Self::default();
        while !cursor.is_empty() {
            let key: [u8; 3] = cursor.array()?;
            let value = value(&mut cursor)?;
            header.set(key, &value);
            if let Value::Blob(len) = value {
                if key == *b"DAT" {
                    header.data = Some((header.blobs_len, len));
                }
                let end = header.blobs_len.checked_add(len);
                header.blobs_len =
                    end.ok_or_else(|| cursor.invalid("contents of impossible length"))?;
            }
        }
        Ok(header)
    }

    fn set(&mut self, key: [u8; 3], value: &Value<'_>) {
        let text = |bytes: &[u8]| path::from_bytes(bytes).into_owned();
        match (&key, value) {
            (b"TYP", Value::Number(kind)) => self.kind = u8::try_from(*kind).unwrap_or(0),
            (b"PAT", Value::Text(path)) => self.path = text(path),
            (b"LNK", Value::Text(target)) => self.target = text(target),
            (b"UID", Value::Number(uid)) => self.uid = u32::try_from(*uid).ok(),
            (b"GID", Value::Number(gid)) => self.gid = u32::try_from(*gid).ok(),
            (b"MOD", Value::Number(mode)) => self.mode = u32::try_from(*mode & 0o7777).ok(),
            (b"MTM", Value::Seconds(seconds)) => self.modified = Some(seconds.cast_signed()),
            _ => {}
        }
    }
}

/// The value of a field, whose type comes first.
fn value<'a>(cursor: &mut Cursor<'a>) -> Result<Value<'a>, ParseError> {
    Ok(match cursor.u8()? {
        b'*' => Value::Other,
        b'1' => Value::Number(cursor.u8()?.into()),
        b'2' => Value::Number(cursor.u16_le()?.into()),
        b'4' => Value::Number(cursor.u32_le()?.into()),
        b'8' => Value::Number(cursor.u64_le()?),
        b'P' => {
            let len = cursor.u16_le()?;
            Value::Text(cursor.take(len.into())?)
        }
        b'S' => Value::Seconds(cursor.u64_le()?),
        b'T' => {
            let seconds = cursor.u64_le()?;
            cursor.skip(4)?;
            Value::Seconds(seconds)
        }
        b'A' => Value::Blob(cursor.u16_le()?.into()),
        b'B' => Value::Blob(cursor.u32_le()?.into()),
        b'C' => Value::Blob(cursor.u64_le()?),
        digest @ b'F'..=b'J' => {
            let lens = [4, 20, 32, 48, 64];
            let len = lens.get(usize::from(digest.saturating_sub(b'F')));
            cursor.skip(len.copied().unwrap_or(0))?;
            Value::Other
        }
        other => {
            let what = format!("a field of type {:?}", char::from(other));
            return Err(cursor.unsupported(what));
        }
    })
}
