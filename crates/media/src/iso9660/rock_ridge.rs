//! What Rock Ridge adds to a record: name, mode, owner, target of a link, and where a folder was moved.

use std::sync::Arc;

use model::Timestamp;
use wire::{Cursor, ParseError, ReadAt, read_vec};

use super::raw::{Record, time};
use crate::MediaError;

/// Most areas that one record goes on in.
const MOST_AREAS: usize = 64;

/// Longest area in bytes.
const LONGEST_AREA: u64 = 64 << 10;

/// What Rock Ridge says of a file or folder.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Attributes {
    pub(super) name: Option<Vec<u8>>,
    /// Kind and permissions.
    pub(super) mode: Option<u32>,
    pub(super) owner: Option<(u32, u32)>,
    pub(super) modified: Option<Timestamp>,
    pub(super) target: Option<Target>,
    /// The block of the folder that this stands for.
    pub(super) moved_to: Option<u64>,
    /// It lies here only because it would lie too deep in its own place.
    pub(super) is_moved: bool,
    /// Its contents are compressed.
    pub(super) is_compressed: bool,
}

/// The target of a link, as it grows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Target {
    pub(super) path: String,
    /// The last name goes on in the next component.
    goes_on: bool,
}

/// How the entries are laid out on this volume.
#[derive(Clone, Copy, Debug)]
pub(super) struct RockRidge {
    /// How many bytes come before the entries of each record.
    skip: u64,
    block_len: u64,
}

impl RockRidge {
    /// Whether there are such entries, as the first record of the root folder says.
    pub(super) fn find(dot: &Record, block_len: u64) -> Option<Self> {
        let mut cursor = Cursor::new("Rock Ridge", &dot.system_use);
        // CD-ROM XA puts 14 bytes of its own before.
        if !dot.system_use.starts_with(b"SP") {
            cursor.skip(14).ok()?;
        }
        cursor.magic(*b"SP\x07\x01\xbe\xef").ok()?;
        let skip = u64::from(cursor.u8().ok()?);
        Some(Self { skip, block_len })
    }

    /// What is said of a record.
    ///
    /// # Errors
    /// If it is damaged, or goes on where it cannot.
    pub(super) fn attributes(
        self,
        volume: &Arc<dyn ReadAt>,
        record: &Record,
    ) -> Result<Attributes, MediaError> {
        let mut attributes = Attributes::default();
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX);
        let mut area = record.system_use.get(skip..).unwrap_or_default().to_vec();
        for _ in 0..MOST_AREAS {
            let Some((block, offset, len)) = attributes.read(&area)? else {
                return Ok(attributes);
            };
            let start = block.saturating_mul(self.block_len).saturating_add(offset);
            area = read_vec(&**volume, start, len.min(LONGEST_AREA))
                .map_err(MediaError::content("Rock Ridge entries"))?;
        }
        Err(MediaError::Parse(ParseError::Budget {
            structure: "Rock Ridge entries",
            limit: MOST_AREAS as u64,
            unit: "areas",
        }))
    }
}

impl Attributes {
    /// Reads the entries of an area; the answer is where they go on: block, offset, length.
    fn read(&mut self, area: &[u8]) -> Result<Option<(u64, u64, u64)>, ParseError> {
        let mut cursor = Cursor::new("Rock Ridge entries", area);
        let mut next = None;
        while cursor.rest().len() >= 4 {
            let kind: [u8; 2] = cursor.array()?;
            let len = u64::from(cursor.u8()?);
            let version = cursor.u8()?;
            if kind == [0, 0] || version != 1 || len < 4 {
                break;
            }
            let mut entry = cursor.part("Rock Ridge entry", len.saturating_sub(4))?;
            match &kind {
                b"ST" => break,
                b"CE" => {
                    let mut number = || {
                        let number = entry.u32_le().map(u64::from);
                        entry.skip(4).and(number)
                    };
                    next = Some((number()?, number()?, number()?));
                }
                _ => self.entry(kind, entry)?,
            }
        }
        Ok(next)
    }

    fn entry(&mut self, kind: [u8; 2], mut entry: Cursor<'_>) -> Result<(), ParseError> {
        match &kind {
            b"PX" => {
                self.mode = Some(entry.u32_le()?);
                entry.skip(12)?; // other byte order, number of links
                let owner = entry.u32_le()?;
                entry.skip(4)?;
                self.owner = Some((owner, entry.u32_le()?));
            }
            b"NM" => {
                let flags = entry.u8()?;
                if flags & 0x06 == 0 {
                    let name = self.name.get_or_insert_default();
                    name.extend_from_slice(entry.rest());
                }
            }
            b"SL" => {
                entry.skip(1)?;
                self.target.get_or_insert_default().add(entry)?;
            }
            b"TF" => self.times(entry)?,
            b"CL" => self.moved_to = Some(entry.u32_le()?.into()),
            b"RE" => self.is_moved = true,
            b"ZF" => self.is_compressed = true,
            _ => {}
        }
        Ok(())
    }

    /// Times in the order of their flags: made, changed, …; the long form of 17 bytes is not read.
    fn times(&mut self, mut entry: Cursor<'_>) -> Result<(), ParseError> {
        let flags = entry.u8()?;
        if flags & 0x82 != 0x02 {
            return Ok(());
        }
        if flags & 1 != 0 {
            entry.skip(7)?;
        }
        self.modified = time(entry.array()?);
        Ok(())
    }
}

impl Target {
    /// Adds the components that an entry has.
    fn add(&mut self, mut entry: Cursor<'_>) -> Result<(), ParseError> {
        while !entry.is_empty() {
            let flags = entry.u8()?;
            let len = u64::from(entry.u8()?);
            let text = String::from_utf8_lossy(entry.take(len)?);
            let name = match flags & 0x0e {
                0x02 => ".",
                0x04 => "..",
                0x08 => "/",
                _ => &text,
            };
            let is_joined = self.goes_on || self.path.is_empty() || self.path.ends_with('/');
            if !is_joined {
                self.path.push('/');
            }
            self.path.push_str(name);
            self.goes_on = flags & 1 != 0;
        }
        Ok(())
    }
}
