//! The header of a member.
//!
//! Source: POSIX.1-2001 pax, "cpio Interchange Format" (odc); cpio(5) of FreeBSD (bin, newc, crc).

use wire::{Cursor, ParseError};

const STRUCTURE: &str = "cpio header";

/// `070707`, the old portable form; numbers are octal.
const MAGIC_ODC: [u8; 6] = *b"070707";
/// `070701`, the new form; numbers are hexadecimal.
const MAGIC_NEWC: [u8; 6] = *b"070701";
/// `070702`, the new form with sums of the contents.
const MAGIC_CRC: [u8; 6] = *b"070702";

/// The same number as two bytes, the low one first: the old binary form.
const MAGIC_BINARY_LE: [u8; 2] = [0xc7, 0x71];
/// The old binary form of machines that put the high byte first.
const MAGIC_BINARY_BE: [u8; 2] = [0x71, 0xc7];

/// Length of the longest header.
pub(super) const LONGEST_HEADER: u64 = 110;

/// The header as stored.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Header {
    /// Length of the header itself.
    pub(super) len: u64,
    /// What name and contents are padded to a multiple of.
    pub(super) padding: u64,
    /// Device and number of the file, the same for all names of one file.
    pub(super) inode: (u64, u64),
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) link_count: u32,
    /// Seconds since 1970.
    pub(super) modified: u32,
    /// Length of the name with the NUL byte that ends it.
    pub(super) name_len: u64,
    pub(super) data_len: u64,
}

impl Header {
    /// Parses the header that `bytes` begin with.
    ///
    /// # Errors
    /// If there is none, or it is cut short.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(STRUCTURE, bytes);
        match bytes.first_chunk() {
            Some(&MAGIC_BINARY_LE) => return Self::binary(&mut cursor, u16::from_le_bytes),
            Some(&MAGIC_BINARY_BE) => return Self::binary(&mut cursor, u16::from_be_bytes),
            _ => {}
        }
        let magic: [u8; 6] = cursor.array()?;
        match magic {
            MAGIC_ODC => Self::odc(&mut cursor),
            MAGIC_NEWC | MAGIC_CRC => Self::newc(&mut cursor),
            _ => Err(cursor.invalid("no `070701`, `070702` or `070707` before it")),
        }
    }

    /// Numbers of 16 bits; longer ones are two of these, the high one first whatever the machine.
    fn binary(
        cursor: &mut Cursor<'_>,
        number: impl Fn([u8; 2]) -> u16,
    ) -> Result<Self, ParseError> {
        cursor.skip(2)?;
        let short = |cursor: &mut Cursor<'_>| cursor.array().map(&number);
        let long = |cursor: &mut Cursor<'_>| -> Result<u32, ParseError> {
            let (high, low) = (short(cursor)?, short(cursor)?);
            Ok(u32::from(high).wrapping_shl(16) | u32::from(low))
        };
        let inode = (u64::from(short(cursor)?), u64::from(short(cursor)?));
        let mode = u32::from(short(cursor)?);
        let uid = u32::from(short(cursor)?);
        let gid = u32::from(short(cursor)?);
        let link_count = u32::from(short(cursor)?);
        cursor.skip(2)?; // the device that it is
        let modified = long(cursor)?;
        let name_len = u64::from(short(cursor)?);
        Ok(Self {
            padding: 2,
            inode,
            mode,
            uid,
            gid,
            link_count,
            modified,
            name_len,
            data_len: u64::from(long(cursor)?),
            len: cursor.offset(),
        })
    }

    fn odc(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let inode = (digits::<6>(cursor, 8)?, digits::<6>(cursor, 8)?);
        let mode = narrow::<6>(cursor, 8)?;
        let uid = narrow::<6>(cursor, 8)?;
        let gid = narrow::<6>(cursor, 8)?;
        let link_count = narrow::<6>(cursor, 8)?;
        digits::<6>(cursor, 8)?; // the device that it is
        let modified = digits::<11>(cursor, 8)?;
        let name_len = digits::<6>(cursor, 8)?;
        Ok(Self {
            padding: 1,
            inode,
            mode,
            uid,
            gid,
            link_count,
            modified: u32::try_from(modified).unwrap_or(0),
            name_len,
            data_len: digits::<11>(cursor, 8)?,
            len: cursor.offset(),
        })
    }

    fn newc(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let number = digits::<8>(cursor, 16)?;
        let mode = narrow::<8>(cursor, 16)?;
        let uid = narrow::<8>(cursor, 16)?;
        let gid = narrow::<8>(cursor, 16)?;
        let link_count = narrow::<8>(cursor, 16)?;
        let modified = narrow::<8>(cursor, 16)?;
        let data_len = digits::<8>(cursor, 16)?;
        let device = digits::<8>(cursor, 16)?.wrapping_shl(32) | digits::<8>(cursor, 16)?;
        digits::<8>(cursor, 16)?; // the device that it is
        digits::<8>(cursor, 16)?;
        let name_len = digits::<8>(cursor, 16)?;
        digits::<8>(cursor, 16)?; // the sum of the contents
        Ok(Self {
            padding: 4,
            inode: (device, number),
            mode,
            uid,
            gid,
            link_count,
            modified,
            name_len,
            data_len,
            len: cursor.offset(),
        })
    }
}

fn digits<const N: usize>(cursor: &mut Cursor<'_>, radix: u32) -> Result<u64, ParseError> {
    let digits: [u8; N] = cursor.array()?;
    let mut number = 0_u64;
    for digit in digits {
        let Some(value) = char::from(digit).to_digit(radix) else {
            return Err(cursor.invalid("a field that is no number"));
        };
        number = number
            .wrapping_mul(u64::from(radix))
            .wrapping_add(u64::from(value));
    }
    Ok(number)
}

fn narrow<const N: usize>(cursor: &mut Cursor<'_>, radix: u32) -> Result<u32, ParseError> {
    let number = digits::<N>(cursor, radix)?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}
