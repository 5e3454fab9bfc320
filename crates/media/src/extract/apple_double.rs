//! `AppleDouble` files: extended attributes of a file, in a file beside it.
//!
//! Source: RFC 1740, appendix B; the attribute header is `struct attr_header` of XNU's `bsd/vfs/vfs_xattr.c`.

use wire::{Budget, Cursor, ParseError};

use crate::Xattr;

const STRUCTURE: &str = "AppleDouble file";
/// `ADH_MAGIC`.
const MAGIC: [u8; 4] = [0, 5, 0x16, 7];
/// `AD_RESOURCE`.
const ENTRY_RESOURCE_FORK: u32 = 2;
/// `AD_FINDERINFO`.
const ENTRY_FINDER_INFO: u32 = 9;
/// `FINDERINFOSIZE`: what comes after in the entry are attributes.
const FINDER_INFO_LEN: u64 = 32;
/// `ATTR_HDR_MAGIC`.
const ATTRIBUTES_MAGIC: [u8; 4] = *b"ATTR";

/// The attributes that the file holds, the resource fork and the Finder information among them if they are not
/// empty.
///
/// # Errors
/// If it is none, or damaged.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Xattr>, ParseError> {
    let mut cursor = Cursor::new(STRUCTURE, bytes);
    cursor.magic(MAGIC)?;
    cursor.skip(20)?; // version, filler
    let count = cursor.u16_be()?;
    let mut xattrs = Vec::new();
    // No byte is of two attributes: where they overlap, a small file would have any number of large ones.
    let mut budget = Budget::new(STRUCTURE, bytes.len() as u64, 0, 0);
    for _ in 0..count {
        let id = cursor.u32_be()?;
        let offset = u64::from(cursor.u32_be()?);
        let len = u64::from(cursor.u32_be()?);
        match id {
            ENTRY_RESOURCE_FORK if len > 0 => {
                budget.spend_bytes(len)?;
                xattrs.push(xattr("com.apple.ResourceFork", slice(bytes, offset, len)?));
            }
            ENTRY_FINDER_INFO => {
                let entry = slice(bytes, offset, len)?;
                finder_info(bytes, entry, &mut xattrs, &mut budget)?;
            }
            _ => {}
        }
    }
    xattrs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(xattrs)
}

fn finder_info(
    bytes: &[u8],
    entry: &[u8],
    xattrs: &mut Vec<Xattr>,
    budget: &mut Budget,
) -> Result<(), ParseError> {
    budget.spend_bytes(FINDER_INFO_LEN)?;
    let mut cursor = Cursor::new("AppleDouble Finder information", entry);
    let info = cursor.take(FINDER_INFO_LEN)?;
    if info.iter().any(|byte| *byte != 0) {
        xattrs.push(xattr("com.apple.FinderInfo", info));
    }
    if cursor.skip(2).is_err() || cursor.magic(ATTRIBUTES_MAGIC).is_err() {
        return Ok(()); // Finder information alone
    }
    cursor.skip(28)?; // debug tag, total size, start, length, reserved
    cursor.skip(2)?; // flags
    let count = cursor.u16_be()?;
    for _ in 0..count {
        attribute(bytes, &mut cursor, xattrs, budget)?;
    }
    Ok(())
}

/// One `attr_entry`; its offset counts from the start of the file.
fn attribute(
    bytes: &[u8],
    cursor: &mut Cursor<'_>,
    xattrs: &mut Vec<Xattr>,
    budget: &mut Budget,
) -> Result<(), ParseError> {
    let offset = u64::from(cursor.u32_be()?);
    let len = u64::from(cursor.u32_be()?);
    cursor.skip(2)?; // flags
    let name_len = cursor.u8()?;
    let mut name = cursor.part("AppleDouble attribute name", u64::from(name_len))?;
    let entry_len = u64::from(name_len).saturating_add(11);
    budget.spend_bytes(entry_len.saturating_add(len))?;
    xattrs.push(xattr(&name.c_string()?, slice(bytes, offset, len)?));
    let padding = entry_len.next_multiple_of(4).saturating_sub(entry_len);
    cursor.skip(padding)
}

fn slice(bytes: &[u8], offset: u64, len: u64) -> Result<&[u8], ParseError> {
    let mut cursor = Cursor::new(STRUCTURE, bytes);
    cursor.skip(offset)?;
    cursor.take(len)
}

fn xattr(name: &str, value: &[u8]) -> Xattr {
    Xattr {
        name: name.to_owned(),
        value: value.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finder information, one attribute and a resource fork, laid out as macOS does.
    fn sample() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0, 2, 0, 0]);
        bytes.extend(b"Mac OS X        ");
        bytes.extend([0, 2]);
        let (finder, finder_len, fork) = (50_u32, 32 + 2 + 36 + 16 + 3_u32, b"fork");
        bytes.extend([0, 0, 0, 9]);
        bytes.extend(finder.to_be_bytes());
        bytes.extend(finder_len.to_be_bytes());
        bytes.extend([0, 0, 0, 2]);
        bytes.extend((finder + finder_len).to_be_bytes());
        bytes.extend(4_u32.to_be_bytes());
        bytes.extend([1; 32]);
        bytes.extend([0, 0]);
        bytes.extend(ATTRIBUTES_MAGIC);
        bytes.extend([0; 28]);
        bytes.extend([0, 0, 0, 1]);
        bytes.extend((finder + 32 + 2 + 36 + 16).to_be_bytes());
        bytes.extend(3_u32.to_be_bytes());
        bytes.extend([0, 0, 4]);
        bytes.extend(b"a.b\0");
        bytes.extend([0]);
        bytes.extend(b"val");
        bytes.extend(fork);
        bytes
    }

    #[test]
    fn reads_forks_and_attributes() {
        let found = parse(&sample()).unwrap();
        let expected = [
            xattr("a.b", b"val"),
            xattr("com.apple.FinderInfo", &[1; 32]),
            xattr("com.apple.ResourceFork", b"fork"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = sample();
        for len in 0..bytes.len() {
            assert!(parse(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn attributes_that_overlap_are_an_error() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 20]);
        bytes.extend([0, 2]);
        for _ in 0..2 {
            bytes.extend([0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 40]);
        }
        assert_eq!(bytes.len(), 50);
        let error = parse(&bytes).unwrap_err().to_string();
        assert_eq!(error, "AppleDouble file: more than 50 bytes");
        bytes.resize(80, 0);
        assert_eq!(parse(&bytes).unwrap().len(), 2);
    }

    #[test]
    fn no_changed_byte_panics() {
        let bytes = sample();
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                parse(&bytes).map(drop).unwrap_or_default();
            }
        }
    }
}
