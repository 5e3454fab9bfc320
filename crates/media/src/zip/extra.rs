//! Extra fields: times and owners.

use wire::{Cursor, ParseError};

use super::constants::{EXTRA_AES, EXTRA_TIMESTAMP, EXTRA_UNIX, EXTRA_UNIX_OWNER};

/// What extra fields say of a member.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Extra {
    /// Seconds since 1970.
    pub(super) modified: Option<i64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// How long the key of `WinZip`'s encryption is: 1 for 128 bits, 2 for 192, 3 for 256.
    pub(super) aes_strength: Option<u8>,
}

impl Extra {
    /// Reads the extra fields of a local header. Fields that are damaged are as if they were not there: many
    /// writers pad them.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut extra = Self::default();
        let mut cursor = Cursor::new("zip extra fields", bytes);
        while let (Ok(id), Ok(len)) = (cursor.u16_le(), cursor.u16_le()) {
            let Ok(field) = cursor.part("zip extra field", u64::from(len)) else {
                break;
            };
            match id {
                EXTRA_AES => extra.aes(field).unwrap_or_default(),
                EXTRA_TIMESTAMP => extra.timestamp(field).unwrap_or_default(),
                EXTRA_UNIX => extra.unix(field).unwrap_or_default(),
                EXTRA_UNIX_OWNER => extra.owner(field).unwrap_or_default(),
                _ => {}
            }
        }
        extra
    }

    fn aes(&mut self, mut field: Cursor<'_>) -> Result<(), ParseError> {
        field.skip(4)?; // version of the vendor, the vendor's letters
        self.aes_strength = Some(field.u8()?);
        Ok(())
    }

    fn timestamp(&mut self, mut field: Cursor<'_>) -> Result<(), ParseError> {
        if field.u8()? & 1 != 0 {
            self.modified = Some(i64::from(field.i32_le()?));
        }
        Ok(())
    }

    fn unix(&mut self, mut field: Cursor<'_>) -> Result<(), ParseError> {
        field.skip(4)?;
        self.modified = Some(i64::from(field.i32_le()?));
        self.uid = Some(u32::from(field.u16_le()?));
        self.gid = Some(u32::from(field.u16_le()?));
        Ok(())
    }

    fn owner(&mut self, mut field: Cursor<'_>) -> Result<(), ParseError> {
        field.skip(1)?;
        self.uid = number(&mut field)?;
        self.gid = number(&mut field)?;
        Ok(())
    }
}

/// A little-endian number that its own length goes before; none if it does not fit.
fn number(field: &mut Cursor<'_>) -> Result<Option<u32>, ParseError> {
    let len = field.u8()?;
    let bytes = field.take(u64::from(len))?;
    let number = bytes.iter().rev().try_fold(0_u32, |number, byte| {
        Some(number.checked_mul(256)? | u32::from(*byte))
    });
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_and_owners() {
        let bytes =
            b"UT\x05\x00\x01\x10\x00\x00\x00ux\x0b\x00\x01\x04\xf5\x01\x00\x00\x04\x14\x00\x00\x00";
        let expected = Extra {
            modified: Some(16),
            uid: Some(501),
            gid: Some(20),
            aes_strength: None,
        };
        assert_eq!(Extra::parse(bytes), expected);
        let bytes = b"UX\x0c\x00\0\0\0\0\x10\x00\x00\x00\xf5\x01\x14\x00";
        assert_eq!(Extra::parse(bytes), expected);
    }

    #[test]
    fn damaged_fields_are_left_out() {
        assert_eq!(Extra::parse(b"UT\xff\xff\x01"), Extra::default());
        assert_eq!(Extra::parse(b"UT\x01\x00\x01\0\0"), Extra::default());
    }
}
