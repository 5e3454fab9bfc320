//! Reads a slice from front to back.

use std::fmt::Write as _;

use crate::ParseError;

/// The rest of a slice, how far it has been read, and what it is.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    structure: &'static str,
    offset: u64,
    rest: &'a [u8],
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $from:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// If the bytes end before it does.
        #[inline]
        pub fn $name(&mut self) -> Result<$type, ParseError> {
            self.array().map(<$type>::$from)
        }
    )*};
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`, which hold a `structure` (its name in error messages).
    pub const fn new(structure: &'static str, bytes: &'a [u8]) -> Self {
        Self {
            structure,
            offset: 0,
            rest: bytes,
        }
    }

    /// How many bytes have been read.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes that have not been read, left unread.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    numbers! {
        /// An unsigned byte.
        u8: u8 = from_be_bytes;
        /// A big-endian `u16`.
        u16_be: u16 = from_be_bytes;
        /// A little-endian `u16`.
        u16_le: u16 = from_le_bytes;
        /// A big-endian `u32`.
        u32_be: u32 = from_be_bytes;
        /// A little-endian `u32`.
        u32_le: u32 = from_le_bytes;
        /// A big-endian `u64`.
        u64_be: u64 = from_be_bytes;
        /// A little-endian `u64`.
        u64_le: u64 = from_le_bytes;
        /// A big-endian `i32`.
        i32_be: i32 = from_be_bytes;
        /// A little-endian `i32`.
        i32_le: i32 = from_le_bytes;
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// If fewer remain.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.short(N as u64));
        };
        self.advance(N as u64, rest);
        Ok(*bytes)
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// If fewer remain.
    #[inline]
    pub fn take(&mut self, len: u64) -> Result<&'a [u8], ParseError> {
        let split = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len));
        let Some((bytes, rest)) = split else {
            return Err(self.short(len));
        };
        self.advance(len, rest);
        Ok(bytes)
    }

    /// The next `len` bytes as a structure of their own, whose offsets start at 0.
    ///
    /// # Errors
    /// If fewer remain.
    pub fn part(&mut self, structure: &'static str, len: u64) -> Result<Self, ParseError> {
        self.take(len).map(|bytes| Self::new(structure, bytes))
    }

    /// Passes over `len` bytes.
    ///
    /// # Errors
    /// If fewer remain.
    #[inline]
    pub fn skip(&mut self, len: u64) -> Result<(), ParseError> {
        self.take(len).map(drop)
    }

    /// Goes on at `offset`, which may not lie behind.
    ///
    /// # Errors
    /// If it lies behind, or beyond the end.
    pub fn seek_forward(&mut self, offset: u64) -> Result<(), ParseError> {
        match offset.checked_sub(self.offset) {
            Some(len) => self.skip(len),
            None => Err(self.invalid(format!("offset {offset} lies before what was read"))),
        }
    }

    /// Reads bytes that must be there.
    ///
    /// # Errors
    /// If others are, or too few.
    pub fn magic<const N: usize>(&mut self, expected: [u8; N]) -> Result<(), ParseError> {
        let offset = self.offset;
        let found: [u8; N] = self.array()?;
        if found == expected {
            return Ok(());
        }
        Err(ParseError::Magic {
            structure: self.structure,
            offset,
            expected: printable(&expected),
            found: printable(&found),
        })
    }

    /// Text that ends with a NUL byte, without it; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// If there is no NUL byte.
    pub fn c_string(&mut self) -> Result<String, ParseError> {
        let Some(len) = self.rest.iter().position(|byte| *byte == 0) else {
            return Err(self.invalid("text without an end"));
        };
        let text = String::from_utf8_lossy(self.take(len as u64)?).into_owned();
        self.skip(1)?;
        Ok(text)
    }

    /// States that everything has been read.
    ///
    /// # Errors
    /// If bytes remain.
    pub const fn finish(self) -> Result<(), ParseError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(ParseError::Trailing {
            structure: self.structure,
            offset: self.offset,
            remain: self.rest.len() as u64,
        })
    }

    /// An error that says what is wrong here.
    pub fn invalid(&self, what: impl Into<String>) -> ParseError {
        ParseError::Invalid {
            structure: self.structure,
            what: what.into(),
            offset: self.offset,
        }
    }

    /// An error that says what is not supported.
    pub fn unsupported(&self, what: impl Into<String>) -> ParseError {
        ParseError::Unsupported {
            structure: self.structure,
            what: what.into(),
        }
    }

    const fn advance(&mut self, len: u64, rest: &'a [u8]) {
        self.offset = self.offset.saturating_add(len);
        self.rest = rest;
    }

    const fn short(&self, needed: u64) -> ParseError {
        ParseError::Short {
            structure: self.structure,
            offset: self.offset,
            needed,
            remain: self.rest.len() as u64,
        }
    }
}

/// The bytes as text in quotes if they are printable, else as hexadecimal digits.
fn printable(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return format!("`{}`", String::from_utf8_lossy(bytes));
    }
    let mut digits = "0x".to_owned();
    for byte in bytes {
        // Writing to a String cannot fail.
        write!(digits, "{byte:02x}").unwrap_or_default();
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_where_and_in_what() {
        let mut cursor = Cursor::new("UDIF trailer", b"koly\x00\x00");
        cursor.magic(*b"koly").unwrap();
        assert_eq!(
            cursor.u64_be().unwrap_err().to_string(),
            "UDIF trailer: 8 bytes needed at byte 4, 2 remain"
        );
        let mut cursor = Cursor::new("UDIF trailer", b"kolz");
        assert_eq!(
            cursor.magic(*b"koly").unwrap_err().to_string(),
            "UDIF trailer: expected `koly` at byte 0, found `kolz`"
        );
        assert!(
            Cursor::new("x", b"\x01")
                .magic([2])
                .unwrap_err()
                .to_string()
                .contains("0x01")
        );
    }

    #[test]
    fn a_part_cannot_reach_outside() {
        let mut cursor = Cursor::new("outer", b"abcdef");
        let mut part = cursor.part("inner", 2).unwrap();
        assert!(part.u32_be().is_err());
        assert_eq!(cursor.rest(), b"cdef");
        assert!(cursor.part("inner", u64::MAX).is_err());
    }

    #[test]
    fn moves_forward_only() {
        let mut cursor = Cursor::new("x", b"abcdef");
        cursor.seek_forward(4).unwrap();
        assert_eq!(cursor.take(2).unwrap(), b"ef");
        assert!(cursor.seek_forward(1).is_err());
        assert!(cursor.seek_forward(7).is_err());
        cursor.finish().unwrap();
    }

    proptest! {
        #[test]
        fn offset_and_rest_always_add_up(bytes: Vec<u8>, lens: Vec<u16>) {
            let mut cursor = Cursor::new("x", &bytes);
            for len in lens {
                let before = cursor.offset();
                if let Ok(taken) = cursor.take(u64::from(len)) {
                    prop_assert_eq!(taken.len(), usize::from(len));
                } else {
                    prop_assert_eq!(cursor.offset(), before);
                }
                let sum = cursor.offset().checked_add(cursor.rest().len() as u64);
                prop_assert_eq!(sum, Some(bytes.len() as u64));
            }
        }
    }
}
