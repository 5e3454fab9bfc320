//! The trailer.

use wire::{Cursor, ParseError};

use super::constants::TRAILER_MAGIC;

/// The `koly` block that ends every image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trailer {
    /// Where the data fork begins, in bytes from the start of the file: chunks lie in it.
    pub data_offset: u64,
    /// Length of the data fork in bytes.
    pub data_len: u64,
    /// Start of the resource fork, which the oldest images have in place of a property list.
    pub resource_offset: u64,
    /// Length of the resource fork in bytes: where images of before 2002 keep their block maps.
    pub resource_len: u64,
    /// How many files the image is split into.
    pub segment_count: u32,
    /// Of the data fork as it is stored.
    pub data_checksum: Checksum,
    /// Start of the XML property list, in bytes from the start of the file.
    pub plist_offset: u64,
    /// Length of the XML property list in bytes.
    pub plist_len: u64,
    /// Start of the code signature, in bytes from the start of the file; 0 if there is none.
    pub signature_offset: u64,
    /// Length of the code signature in bytes; 0 if there is none.
    pub signature_len: u64,
    /// Of the checksums of all block maps, one after the other.
    pub master_checksum: Checksum,
    /// How many sectors the disk has; 0 where the writer did not say.
    pub sector_count: u64,
}

/// A checksum.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checksum {
    /// CRC-32 as zlib computes it.
    Crc32(u32),
    /// There is none.
    None,
    /// Another kind, by its number.
    Other(u32),
}

impl Trailer {
    /// Length of the trailer in bytes.
    pub const LEN: u64 = 512;

    /// Parses the last [`Self::LEN`] bytes of an image.
    ///
    /// # Errors
    /// If there are fewer, or they are no trailer.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("disk image trailer", bytes);
        cursor.magic(TRAILER_MAGIC)?;
        let version = cursor.u32_be()?;
        let len = cursor.u32_be()?;
        if u64::from(len) != Self::LEN {
            return Err(cursor.unsupported(format!("version {version} of {len} bytes")));
        }
        cursor.skip(12)?; // flags, running offset of the data fork
        let data_offset = cursor.u64_be()?;
        let data_len = cursor.u64_be()?;
        let resource_offset = cursor.u64_be()?;
        let resource_len = cursor.u64_be()?;
        cursor.skip(4)?; // number of this segment
        let segment_count = cursor.u32_be()?;
        cursor.skip(16)?; // what all segments have in common
        let data_checksum = Checksum::parse(&mut cursor)?;
        let plist_offset = cursor.u64_be()?;
        let plist_len = cursor.u64_be()?;
        cursor.seek_forward(296)?;
        let signature_offset = cursor.u64_be()?;
        let signature_len = cursor.u64_be()?;
        cursor.seek_forward(352)?;
        let master_checksum = Checksum::parse(&mut cursor)?;
        cursor.skip(4)?; // variant
        let sector_count = cursor.u64_be()?;
        cursor.skip(12)?;
        Ok(Self {
            data_offset,
            data_len,
            resource_offset,
            resource_len,
            segment_count,
            data_checksum,
            plist_offset,
            plist_len,
            signature_offset,
            signature_len,
            master_checksum,
            sector_count,
        })
    }
}

impl Checksum {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let kind = cursor.u32_be()?;
        let bits = cursor.u32_be()?;
        let mut value = cursor.part("disk image checksum", 128)?;
        Ok(match (kind, bits) {
            (0, _) | (_, 0) => Self::None,
            (super::constants::CHECKSUM_CRC32, 32) => Self::Crc32(value.u32_be()?),
            (other, _) => Self::Other(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_is_an_error() {
        let mut bytes = b"koly\0\0\0\x04\0\0\x02\0".to_vec();
        bytes.resize(512, 0);
        assert_eq!(Trailer::parse(&bytes).unwrap().sector_count, 0);
        for len in 0..bytes.len() {
            assert!(Trailer::parse(&bytes[..len]).is_err(), "{len}");
        }
    }
}
