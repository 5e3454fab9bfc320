//! Descriptors and records, as they are on disk. Numbers are stored in both byte orders; the little one is read.

use chrono::{FixedOffset, NaiveDate};
use model::Timestamp;
use wire::{Cursor, ParseError};

/// Length of a sector in bytes: what descriptors fill, and records do not cross.
pub(super) const SECTOR: u64 = 2048;

const DESCRIPTOR_PRIMARY: u8 = 1;
const DESCRIPTOR_SUPPLEMENTARY: u8 = 2;
const DESCRIPTOR_END: u8 = 255;

/// What a supplementary descriptor has where names are UCS-2: Joliet's three levels.
const JOLIET: [&[u8]; 3] = [b"%/@", b"%/C", b"%/E"];

/// A volume descriptor.
#[derive(Clone, Debug)]
pub(super) enum Descriptor {
    /// There are no more.
    End,
    /// One that describes a tree of folders.
    Tree {
        is_joliet: bool,
        block_len: u64,
        root: Record,
    },
    /// Another one.
    Other,
}

impl Descriptor {
    /// Parses a descriptor.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("ISO 9660 descriptor", bytes);
        let kind = cursor.u8()?;
        cursor.magic(*b"CD001")?;
        cursor.seek_forward(88)?;
        let escapes = cursor.take(32)?;
        let is_joliet = JOLIET.iter().any(|escape| escapes.starts_with(escape));
        match kind {
            DESCRIPTOR_END => return Ok(Self::End),
            DESCRIPTOR_PRIMARY => {}
            DESCRIPTOR_SUPPLEMENTARY if is_joliet => {}
            _ => return Ok(Self::Other),
        }
        cursor.seek_forward(128)?;
        let block_len = u64::from(cursor.u16_le()?);
        if !matches!(block_len, 512 | 1024 | 2048) {
            return Err(cursor.invalid(format!("blocks of {block_len} bytes")));
        }
        cursor.seek_forward(156)?;
        match Record::parse(&mut cursor)? {
            Some(root) if root.is_folder => Ok(Self::Tree {
                is_joliet: kind == DESCRIPTOR_SUPPLEMENTARY,
                block_len,
                root,
            }),
            _ => Err(cursor.invalid("a root that is no folder")),
        }
    }
}

/// A file or a folder, or a part of a file.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The block that its contents begin with, after what describes them.
    pub(super) block: u64,
    pub(super) len: u64,
    pub(super) modified: Option<Timestamp>,
    pub(super) is_folder: bool,
    /// It is the resource fork of the file of the same name.
    pub(super) is_associated: bool,
    /// More of the file follows in the next record.
    pub(super) goes_on: bool,
    pub(super) name: Vec<u8>,
    /// What systems add of their own.
    pub(super) system_use: Vec<u8>,
}

const FLAG_FOLDER: u8 = 0x02;
const FLAG_ASSOCIATED: u8 = 0x04;
const FLAG_GOES_ON: u8 = 0x80;

impl Record {
    /// Parses a record; none where a sector has no more.
    ///
    /// # Errors
    /// If it is damaged, or of an interleaved file.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Self>, ParseError> {
        let len = cursor.u8()?;
        if len == 0 {
            return Ok(None);
        }
        let mut cursor = cursor.part("ISO 9660 record", u64::from(len).saturating_sub(1))?;
        let extra_blocks = u64::from(cursor.u8()?);
        let block = u64::from(cursor.u32_le()?).saturating_add(extra_blocks);
        cursor.skip(4)?;
        let contents_len = u64::from(cursor.u32_le()?);
        cursor.skip(4)?;
        let modified = time(cursor.array()?);
        let flags = cursor.u8()?;
        let interleaved: [u8; 2] = cursor.array()?;
        if interleaved != [0, 0] {
            return Err(cursor.unsupported("an interleaved file"));
        }
        cursor.skip(4)?;
        let name_len = u64::from(cursor.u8()?);
        let name = cursor.take(name_len)?.to_vec();
        if name_len & 1 == 0 && !cursor.is_empty() {
            cursor.skip(1)?;
        }
        Ok(Some(Self {
            block,
            len: contents_len,
            modified,
            is_folder: flags & FLAG_FOLDER != 0,
            is_associated: flags & FLAG_ASSOCIATED != 0,
            goes_on: flags & FLAG_GOES_ON != 0,
            name,
            system_use: cursor.rest().to_vec(),
        }))
    }

    /// Whether it stands for the folder that it is in, or for the one above.
    pub(super) fn is_dot(&self) -> bool {
        matches!(self.name.as_slice(), [0 | 1])
    }

    /// The name as paths have it: without its version, and without the dot before an extension that is not there.
    pub(super) fn plain_name(&self, is_joliet: bool) -> String {
        let name = if is_joliet {
            let units = self.name.chunks_exact(2);
            let units: Vec<u16> = units
                .filter_map(|unit| unit.try_into().ok().map(u16::from_be_bytes))
                .collect();
            String::from_utf16_lossy(&units)
        } else {
            String::from_utf8_lossy(&self.name).into_owned()
        };
        let name = match name.rsplit_once(';') {
            Some((name, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &name,
        };
        let stripped = name.strip_suffix('.').filter(|name| !name.is_empty());
        stripped.unwrap_or(name).to_owned()
    }
}

/// Years since 1900, month, day, hour, minute, second, and quarters of an hour from UTC.
pub(super) fn time(bytes: [u8; 7]) -> Option<Timestamp> {
    let [year, month, day, hour, minute, second, zone] = bytes;
    let date = NaiveDate::from_ymd_opt(
        i32::from(year).saturating_add(1900),
        month.into(),
        day.into(),
    )?;
    let time = date.and_hms_opt(hour.into(), minute.into(), second.into())?;
    let zone = i32::from(zone.cast_signed()).saturating_mul(900);
    let time = time
        .and_local_timezone(FixedOffset::east_opt(zone)?)
        .single()?;
    Some(Timestamp::from(time.to_utc()))
}
