//! The header block of a member. Source: POSIX.1-2001 pax, "ustar Interchange Format"; tar(5) of FreeBSD.

use wire::{Cursor, ParseError};

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
    pub(super) modified: i64,
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
        let modified = number(cursor.take(12)?).unwrap_or(0);
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
            modified: i64::try_from(modified).unwrap_or(0),
            type_,
            target,
        })
    }
}

/// Whether a block is a header: its checksum is right. Archives older than ustar have nothing else to tell by.
pub(crate) fn is_header(block: &[u8; 512]) -> bool {
    let Some(stored) = block.get(CHECKSUM).and_then(number) else {
        return false;
    };
    let bytes = block.iter().enumerate();
    let sum: u64 = bytes
        .map(|(at, byte)| {
            if CHECKSUM.contains(&at) {
                u64::from(b' ')
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    stored == sum
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
    String::from_utf8_lossy(text).into_owned()
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
