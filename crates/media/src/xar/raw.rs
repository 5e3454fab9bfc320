//! The header.

use wire::{Cursor, ParseError};

use super::constants::{HEADER_LEN, LONGEST_TOC, MAGIC, VERSION};

/// The header as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// Length of the header, and where the table of contents begins.
    pub(super) len: u16,
    /// Stored length of the table of contents.
    pub(super) toc_stored_len: u64,
    /// Inflated length of the table of contents.
    pub(super) toc_len: u64,
    /// `XAR_CKSUM_*`
    pub(super) checksum: u32,
    /// The name of the digest, where the header is long enough to hold one.
    pub(super) checksum_name: Option<String>,
}

impl Header {
    /// Parses the header that `bytes` begin with.
    ///
    /// # Errors
    /// If there is none, or the table of contents is too long.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("xar header", bytes);
        cursor.magic(MAGIC)?;
        let len = cursor.u16_be()?;
        let version = cursor.u16_be()?;
        if version != VERSION {
            return Err(cursor.unsupported(format!("version {version}")));
        }
        let toc_stored_len = cursor.u64_be()?;
        let toc_len = cursor.u64_be()?;
        let checksum = cursor.u32_be()?;
        if len < HEADER_LEN {
            return Err(cursor.invalid(format!("a header of {len} bytes")));
        }
        if toc_stored_len > LONGEST_TOC || toc_len > LONGEST_TOC {
            return Err(ParseError::Budget {
                structure: "xar table of contents",
                limit: LONGEST_TOC,
                unit: "bytes",
            });
        }
        let checksum_name = match len.checked_sub(HEADER_LEN) {
            Some(0) | None => None,
            Some(left) => {
                let mut name = cursor.part("xar checksum name", u64::from(left))?;
                name.c_string().ok().filter(|name| !name.is_empty())
            }
        };
        Ok(Self {
            len,
            toc_stored_len,
            toc_len,
            checksum,
            checksum_name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut bytes = b"xar!".to_vec();
        bytes.extend([0, 36, 0, 1]);
        bytes.extend(100_u64.to_be_bytes());
        bytes.extend(200_u64.to_be_bytes());
        bytes.extend(3_u32.to_be_bytes());
        bytes.extend(b"sha512\0\0");
        bytes
    }

    #[test]
    fn reads_the_fields() {
        let header = Header::parse(&sample()).unwrap();
        assert_eq!((header.toc_stored_len, header.toc_len), (100, 200));
        assert_eq!(header.checksum_name.as_deref(), Some("sha512"));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = sample();
        for len in 0..bytes.len() {
            assert!(Header::parse(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn refuses_lengths_no_package_has() {
        let mut bytes = sample();
        bytes[8] = 0xff;
        assert!(Header::parse(&bytes).is_err());
        let mut bytes = sample();
        bytes[5] = 27;
        assert!(Header::parse(&bytes).is_err());
    }
}
