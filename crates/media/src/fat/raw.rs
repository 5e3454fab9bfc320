//! The boot sector, and the entries of folders, as they are on disk.

use wire::{Cursor, ParseError};

/// Length of the boot sector in bytes.
pub(super) const BOOT_LEN: usize = 512;

/// Length of an entry of a folder in bytes.
pub(super) const ENTRY_LEN: u64 = 32;

/// Fewest clusters that need 16 bits, and fewest that need 32.
const FEWEST_CLUSTERS: (u64, u64) = (4085, 65_525);

/// How wide the entries of the table are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Width {
    Fat12,
    Fat16,
    Fat32,
}

/// Where things are on a volume, all in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Layout {
    pub(super) width: Width,
    pub(super) cluster_len: u64,
    /// How many clusters there are; the first one has the number 2.
    pub(super) cluster_count: u64,
    /// Where the first cluster begins.
    pub(super) data_start: u64,
    pub(super) table_start: u64,
    pub(super) table_len: u64,
    pub(super) root: Root,
}

/// Where the root folder is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Root {
    /// In a place of its own: start and length.
    Fixed(u64, u64),
    /// In clusters, from this one on.
    Clusters(u32),
}

/// Whether the sector is the first one of a FAT volume.
pub(crate) fn is_boot_sector(sector: &[u8]) -> bool {
    Layout::parse(sector).is_ok()
}

/// The fields of the boot sector that matter, in sectors unless another unit is named.
#[derive(Clone, Copy, Debug)]
struct Boot {
    sector_len: u64,
    sectors_per_cluster: u64,
    reserved: u64,
    tables: u64,
    root_entries: u64,
    sectors: u64,
    /// Length of a table of a small volume; 0 on a volume of 32 bits.
    short_table: u64,
    long_table: u64,
    root_cluster: u32,
}

impl Boot {
    fn parse(sector: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("FAT boot sector", sector);
        let jump = cursor.u8()?;
        cursor.seek_forward(11)?;
        let sector_len = u64::from(cursor.u16_le()?);
        let sectors_per_cluster = u64::from(cursor.u8()?);
        let reserved = u64::from(cursor.u16_le()?);
        let tables = u64::from(cursor.u8()?);
        let root_entries = u64::from(cursor.u16_le()?);
        let few_sectors = u64::from(cursor.u16_le()?);
        let medium = cursor.u8()?;
        let short_table = u64::from(cursor.u16_le()?);
        cursor.seek_forward(32)?;
        let many_sectors = u64::from(cursor.u32_le()?);
        let long_table = u64::from(cursor.u32_le()?);
        cursor.seek_forward(44)?;
        let root_cluster = cursor.u32_le()?;
        let is_sane = matches!(jump, 0xe9 | 0xeb)
            && matches!(sector_len, 512 | 1024 | 2048 | 4096)
            && sectors_per_cluster.is_power_of_two()
            && reserved > 0
            && (1..=2).contains(&tables)
            && medium >= 0xf0
            && short_table.saturating_add(long_table) > 0
            && sector.get(510..512) == Some(b"\x55\xaa");
        if !is_sane {
            return Err(cursor.invalid("no FAT volume"));
        }
        Ok(Self {
            sector_len,
            sectors_per_cluster,
            reserved,
            tables,
            root_entries,
            sectors: if few_sectors == 0 {
                many_sectors
            } else {
                few_sectors
            },
            short_table,
            long_table,
            root_cluster,
        })
    }
}

impl Layout {
    /// Parses a boot sector.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn parse(sector: &[u8]) -> Result<Self, ParseError> {
        let boot = Boot::parse(sector)?;
        let bytes = |sectors: u64| sectors.saturating_mul(boot.sector_len);
        let is_long = boot.short_table == 0;
        let table = if is_long {
            boot.long_table
        } else {
            boot.short_table
        };
        let root_len = boot.root_entries.saturating_mul(ENTRY_LEN);
        let root_start = boot
            .tables
            .saturating_mul(table)
            .saturating_add(boot.reserved);
        let data_start = root_start.saturating_add(root_len.div_ceil(boot.sector_len));
        let data = boot.sectors.saturating_sub(data_start);
        let cluster_count = data.checked_div(boot.sectors_per_cluster).unwrap_or(0);
        let width = match cluster_count {
            _ if is_long => Width::Fat32,
            count if count < FEWEST_CLUSTERS.0 => Width::Fat12,
            count if count < FEWEST_CLUSTERS.1 => Width::Fat16,
            _ => Width::Fat32,
        };
        let root = if width == Width::Fat32 {
            Root::Clusters(boot.root_cluster)
        } else {
            Root::Fixed(bytes(root_start), root_len)
        };
        Ok(Self {
            width,
            cluster_len: bytes(boot.sectors_per_cluster),
            cluster_count,
            data_start: bytes(data_start),
            table_start: bytes(boot.reserved),
            table_len: bytes(table),
            root,
        })
    }
}

/// An entry of a folder, as it is on disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum RawEntry {
    /// The entries end here.
    End,
    /// Nothing, or nothing any more; or the label of the volume.
    Unused,
    /// A part of a long name: its number, whether it is the last one, the sum that it was made for, and its text.
    Name {
        number: u8,
        is_last: bool,
        checksum: u8,
        text: [u16; 13],
    },
    /// A file or a folder.
    Short(ShortEntry),
}

/// A file or a folder, as it is on disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShortEntry {
    pub(super) name: [u8; 11],
    pub(super) is_folder: bool,
    /// Bits of Windows NT: the name is in small letters, its extension is.
    pub(super) case: u8,
    /// Time and date of the last change.
    pub(super) modified: (u16, u16),
    pub(super) first_cluster: u32,
    pub(super) len: u32,
}

const ATTRIBUTE_LABEL: u8 = 0x08;
const ATTRIBUTE_FOLDER: u8 = 0x10;
const ATTRIBUTES_OF_NAME: u8 = 0x0f;

impl RawEntry {
    /// Parses an entry.
    ///
    /// # Errors
    /// If it is cut short.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let mut cursor = cursor.part("FAT folder entry", ENTRY_LEN)?;
        let rest = cursor.clone();
        let name: [u8; 11] = cursor.array()?;
        let attributes = cursor.u8()?;
        match name.first() {
            Some(0) => return Ok(Self::End),
            Some(0xe5) => return Ok(Self::Unused),
            _ if attributes & 0x3f == ATTRIBUTES_OF_NAME => return Self::name(rest),
            _ if attributes & ATTRIBUTE_LABEL != 0 => return Ok(Self::Unused),
            _ => {}
        }
        let case = cursor.u8()?;
        cursor.seek_forward(20)?;
        let high = u32::from(cursor.u16_le()?);
        let modified = (cursor.u16_le()?, cursor.u16_le()?);
        let low = u32::from(cursor.u16_le()?);
        Ok(Self::Short(ShortEntry {
            name,
            is_folder: attributes & ATTRIBUTE_FOLDER != 0,
            case,
            modified,
            first_cluster: high.wrapping_shl(16) | low,
            len: cursor.u32_le()?,
        }))
    }

    fn name(mut cursor: Cursor<'_>) -> Result<Self, ParseError> {
        let number = cursor.u8()?;
        let mut text = [0; 13];
        let (mut checksum, mut units) = (0, text.iter_mut());
        for (len, skipped) in [(5, 3), (6, 2), (2, 0)] {
            for unit in units.by_ref().take(len) {
                *unit = cursor.u16_le()?;
            }
            if skipped == 3 {
                cursor.skip(2)?; // attributes, kind
                checksum = cursor.u8()?;
            } else {
                cursor.skip(skipped)?;
            }
        }
        Ok(Self::Name {
            number: number & 0x3f,
            is_last: number & 0x40 != 0,
            checksum,
            text,
        })
    }
}
