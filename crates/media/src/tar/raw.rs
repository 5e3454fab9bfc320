//! The header block of a member. Source: POSIX.1-2001 pax, "ustar Interchange Format"; tar(5) of FreeBSD.

use model::Timestamp;
use wire::{Cursor, ParseError};

use crate::path;

/// Length of a block: headers are one, contents are padded to whole ones.
pub(super) const BLOCK: u64 = 512;

/// Where the checksum lies in a header.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// What a member is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Type {
    File,
    HardLink,
    SymbolicLink,
    Folder,
    /// pax records for the next member.
    Pax,
    /// pax records for all that follow.
    PaxGlobal,
    /// The name of the next member.
    GnuLongName,
    /// The target of the next member.
    GnuLongLink,
    /// A file with holes, which is stored in a way of its own.
    GnuSparse,
    /// Devices, pipes, and what is not known.
    Other,
}

/// The header as stored.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) len: u64,
    pub(super) modified: Timestamp,
    pub(super) type_: Type,
    pub(super) target: String,
}

impl Header {
    /// Parses one block.
    ///
    /// # Errors
    /// If its checksum is wrong, or a length is no number.
    pub(super) fn parse(block: &[u8; 512]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("tar header", block);
        if !is_header(block) {
            return Err(cursor.invalid("a checksum that is wrong"));
        }
        let name = text(cursor.take(100)?);
        let mode = number(cursor.take(8)?).unwrap_or(0);
        let uid = number(cursor.take(8)?).unwrap_or(0);
        let gid = number(cursor.take(8)?).unwrap_or(0);
        let Some(len) = number(cursor.take(12)?) else {
            return Err(cursor.invalid("a length that is no number"));
        };
        let modified = signed_number(cursor.take(12)?).unwrap_or(0);
        cursor.skip(8)?; // checksum
        let type_ = kind(cursor.u8()?, &name);
        let target = text(cursor.take(100)?);
        let is_ustar = cursor.array()? == *b"ustar\0";
        cursor.skip(82)?; // version, names of owners, numbers of a device
        let prefix = text(cursor.take(155)?);
        let path = if is_ustar && !prefix.is_empty() {
            format!("{prefix}/{name}")
        } else {
            name
        };
        Ok(Self {
            path,
            mode: u32::try_from(mode & 0o7777).unwrap_or(0),
            uid: u32::try_from(uid).unwrap_or(u32::MAX),
            gid: u32::try_from(gid).unwrap_or(u32::MAX),
            len,
            modified: Timestamp::from_secs(modified),
            type_,
            target,
        })
    }
}

/// Whether a block is a header: its checksum is right. Archives older than ustar have nothing else to tell by. Some old
/// programs added the bytes up as signed ones, and other readers take that sum too.
pub(crate) fn is_header(block: &[u8; 512]) -> bool {
    let Some(stored) = block.get(CHECKSUM).and_then(number) else {
        return false;
    };
    let (mut sum, mut signed_sum) = (0_i64, 0_i64);
    for (at, byte) in block.iter().enumerate() {
        let byte = if CHECKSUM.contains(&at) { b' ' } else { *byte };
        sum = sum.saturating_add(i64::from(byte));
        signed_sum = signed_sum.saturating_add(i64::from(byte.cast_signed()));
    }
    i64::try_from(stored).is_ok_and(|stored| stored == sum || stored == signed_sum)
}

fn kind(flag: u8, name: &str) -> Type {
    match flag {
        b'0' | 0 if name.ends_with('/') => Type::Folder,
        b'0' | b'7' | 0 => Type::File,
        b'1' => Type::HardLink,
        b'2' => Type::SymbolicLink,
        b'5' => Type::Folder,
        b'x' => Type::Pax,
        b'g' => Type::PaxGlobal,
        b'L' => Type::GnuLongName,
        b'K' => Type::GnuLongLink,
        b'S' => Type::GnuSparse,
        _ => Type::Other,
    }
}

/// Text up to the NUL byte, if there is one.
pub(super) fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    path::from_bytes(text).into_owned()
}

/// Octal digits, or in the GNU way a big-endian number with the highest bit set. An empty field is zero.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = bytes.split_first() {
        return rest.iter().try_fold(0_u64, |number, byte| {
            Some(number.checked_mul(256)? | u64::from(*byte))
        });
    }
    let text = text(bytes);
    let digits = text.trim();
    if digits.is_empty() {
        return Some(0);
    }
    u64::from_str_radix(digits, 8).ok()
}

/// As [`number`]; in the GNU way it may also be negative, in two's complement.
fn signed_number(bytes: &[u8]) -> Option<i64> {
    if let Some((0xff, rest)) = bytes.split_first() {
        return rest.iter().try_fold(-1_i64, |number, byte| {
            number.checked_mul(256)?.checked_add(i64::from(*byte))
        });
    }
    i64::try_from(number(bytes)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_negative_in_the_gnu_way() {
        let field = |last: [u8; 2]| [&[0xff_u8; 10][..], &last].concat();
        assert_eq!(signed_number(&field([0xff, 0xff])), Some(-1));
        assert_eq!(signed_number(&field([0xfe, 0x00])), Some(-512));
        assert_eq!(signed_number(b"\xff\0\0\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(signed_number(b"\x80\0\0\0\0\0\0\0\0\0\x01\x02"), Some(258));
        assert_eq!(signed_number(b"00000000017\0"), Some(15));
        // What is not a time is never negative.
        assert_eq!(number(&field([0xff, 0xff])), None);
    }

    #[test]
    fn text_that_is_not_utf_8_is_told_apart() {
        assert_eq!(text(b"a\xff\0\0"), "a%FF");
        assert_eq!(text(b"a\xfe\0\0"), "a%FE");
        assert_eq!(number(b"1\xff\0\0"), None);
    }

    #[test]
    fn either_sum_is_a_checksum() {
        let mut block = [0; 512];
        block[..3].copy_from_slice(b"\xc3\xa4x");
        let sum = 0xc3 + 0xa4 + 0x78 + 8 * 0x20;
        for (stored, expected) in [(sum, true), (sum - 512, true), (sum - 256, false)] {
            block[148..156].copy_from_slice(format!("{stored:06o}\0 ").as_bytes());
            assert_eq!(is_header(&block), expected, "{stored}");
        }
    }
}
