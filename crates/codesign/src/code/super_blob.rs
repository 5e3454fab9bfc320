//! The parts of an embedded signature.

use wire::{Cursor, ParseError};

use crate::flaw::Flaw;

/// The places of a signature's parts (`CSSLOT_…` in `cs_blobs.h`).
pub(crate) mod slot {
    pub(crate) const CODE_DIRECTORY: u32 = 0;
    pub(crate) const INFO: u32 = 1;
    pub(crate) const REQUIREMENTS: u32 = 2;
    pub(crate) const RESOURCES: u32 = 3;
    pub(crate) const ENTITLEMENTS: u32 = 5;
    pub(crate) const REP_SPECIFIC: u32 = 6;
    pub(crate) const ENTITLEMENTS_DER: u32 = 7;
    pub(crate) const ALTERNATE_CODE_DIRECTORIES: std::ops::RangeInclusive<u32> = 0x1000..=0x1004;
    pub(crate) const SIGNATURE: u32 = 0x10000;
    pub(crate) const TICKET: u32 = 0x10002;
    /// Parts above this are not hashed by the code directory.
    pub(crate) const LAST_SEALED: u32 = 0xfff;
}

const EMBEDDED_SIGNATURE: [u8; 4] = [0xfa, 0xde, 0x0c, 0xc0];
pub(super) const CODE_DIRECTORY: [u8; 4] = [0xfa, 0xde, 0x0c, 0x02];
const REQUIREMENTS: [u8; 4] = [0xfa, 0xde, 0x0c, 0x01];
const ENTITLEMENTS: [u8; 4] = [0xfa, 0xde, 0x71, 0x71];
const ENTITLEMENTS_DER: [u8; 4] = [0xfa, 0xde, 0x71, 0x72];
const WRAPPER: [u8; 4] = [0xfa, 0xde, 0x0b, 0x01];

const HEADER_LEN: u64 = 8;
const MAX_BLOBS: u32 = 64;

/// The parts of a signature by slot.
#[derive(Clone, Debug)]
pub(crate) struct Blobs<'a> {
    list: Vec<(u32, &'a [u8])>,
    /// The message of the signer, if it was read from a place of its own.
    message: Option<&'a [u8]>,
}

impl<'a> Blobs<'a> {
    /// Reads an embedded signature. The parts may not overlap, and what lies between and after them must be zero: it
    /// is protected by nothing.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let mut cursor = Cursor::new("embedded signature", bytes);
        cursor.magic(EMBEDDED_SIGNATURE)?;
        let len = u64::from(cursor.u32_be()?);
        let count = cursor.u32_be()?;
        if count > MAX_BLOBS {
            return Err(cursor.invalid(format!("{count} parts")).into());
        }
        let mut index = Vec::new();
        for _ in 0..count {
            index.push((cursor.u32_be()?, u64::from(cursor.u32_be()?)));
        }
        let mut whole = Cursor::new("embedded signature", bytes);
        let mut inside = whole.part("embedded signature", len)?;
        inside.skip(cursor.offset())?;
        need_zero(whole.rest())?;
        let mut by_offset = index.clone();
        by_offset.sort_by_key(|(_, offset)| *offset);
        let mut list: Vec<(u32, &[u8])> = Vec::new();
        for (slot, offset) in by_offset {
            let Some(gap) = offset.checked_sub(inside.offset()) else {
                return Err(inside.invalid("parts that overlap").into());
            };
            need_zero(inside.take(gap)?)?;
            let mut header = inside.clone();
            header.skip(4)?;
            let blob = inside.take(u64::from(header.u32_be()?).max(HEADER_LEN))?;
            if list.iter().any(|(other, _)| *other == slot) {
                return Err(inside.invalid(format!("the part {slot:#x} twice")).into());
            }
            need_magic(slot, blob)?;
            list.push((slot, blob));
        }
        need_zero(inside.rest())?;
        Ok(Self {
            list,
            message: None,
        })
    }

    /// The parts of a signature that were read one by one. All but the message come with their headers.
    pub(crate) fn of_parts(parts: &'a [(u32, Vec<u8>)]) -> Result<Self, Flaw> {
        let mut blobs = Self {
            list: Vec::new(),
            message: None,
        };
        for (slot, bytes) in parts {
            if *slot == slot::SIGNATURE {
                blobs.message = Some(bytes);
                continue;
            }
            need_magic(*slot, bytes)?;
            let mut cursor = Cursor::new("part of a signature", bytes);
            cursor.skip(4)?;
            if u64::from(cursor.u32_be()?) != bytes.len() as u64 {
                return Err(cursor
                    .invalid("a part that is of another length than it says")
                    .into());
            }
            blobs.list.push((*slot, bytes));
        }
        Ok(blobs)
    }

    /// The message of the signer; nothing if there is none, or it is empty.
    pub(crate) fn message(&self) -> Option<&'a [u8]> {
        self.message
            .or_else(|| self.payload(slot::SIGNATURE))
            .filter(|message| !message.is_empty())
    }

    /// The part in `slot`, with its header.
    pub(crate) fn get(&self, slot: u32) -> Option<&'a [u8]> {
        self.list
            .iter()
            .find(|(other, _)| *other == slot)
            .map(|(_, blob)| *blob)
    }

    /// The part in `slot` without its header.
    pub(crate) fn payload(&self, slot: u32) -> Option<&'a [u8]> {
        self.get(slot)
            .and_then(|blob| blob.split_at_checked(8))
            .map(|(_, payload)| payload)
    }

    /// The slots that are filled.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        self.list.iter().map(|(slot, _)| *slot)
    }
}

fn need_zero(bytes: &[u8]) -> Result<(), Flaw> {
    if bytes.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        Err(Flaw::new(
            "signature-padding",
            "bytes beside the parts of the signature, which nothing protects",
        ))
    }
}

fn need_magic(slot: u32, blob: &[u8]) -> Result<(), ParseError> {
    let expected = match slot {
        slot::CODE_DIRECTORY => CODE_DIRECTORY,
        slot::REQUIREMENTS => REQUIREMENTS,
        slot::ENTITLEMENTS => ENTITLEMENTS,
        slot::ENTITLEMENTS_DER => ENTITLEMENTS_DER,
        slot::SIGNATURE => WRAPPER,
        _ if slot::ALTERNATE_CODE_DIRECTORIES.contains(&slot) => CODE_DIRECTORY,
        slot::TICKET | ..=slot::LAST_SEALED => return Ok(()),
        _ => {
            let cursor = Cursor::new("embedded signature", blob);
            return Err(cursor.unsupported(format!("the part {slot:#x}")));
        }
    };
    Cursor::new("part of an embedded signature", blob).magic(expected)
}
