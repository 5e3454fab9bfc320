//! Partition maps: GPT, Apple's, MBR.
//!
//! Source: UEFI specification 2.10, chapter 5; `<apm.h>` of `IOStorageFamily` (`Apple_partition_map`); the MBR as in
//! the UEFI specification, 5.2.

use wire::{Cursor, ParseError, ReadAt, read_vec};

use crate::{MediaError, archive::peek};

/// A partition: start and length in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Partition {
    pub(super) start: u64,
    pub(super) len: u64,
}

/// Most entries that are read of any map.
const MOST_ENTRIES: u32 = 1024;

/// Sector sizes that disks have.
const SECTOR_SIZES: [u64; 2] = [512, 4096];

/// The partitions in the order of the map; none if there is no map.
///
/// # Errors
/// If there is one and it is damaged.
pub(super) fn partitions(disk: &dyn ReadAt) -> Result<Option<Vec<Partition>>, MediaError> {
    for sector in SECTOR_SIZES {
        if starts(disk, sector)?.starts_with(b"EFI PART") {
            return gpt(disk, sector).map(Some);
        }
    }
    let start = starts(disk, 0)?;
    if start.starts_with(b"ER") || starts(disk, 512)?.starts_with(b"PM") {
        return apple(disk, start).map(Some);
    }
    let first: [u8; 512] = read(disk, 0)?;
    if first.ends_with(b"\x55\xaa") {
        return mbr(&first).map(Some).map_err(MediaError::from);
    }
    Ok(None)
}

fn gpt(disk: &dyn ReadAt, sector: u64) -> Result<Vec<Partition>, MediaError> {
    let header: [u8; 92] = read(disk, sector)?;
    let mut cursor = Cursor::new("GPT header", &header);
    cursor.skip(72)?; // signature to identifier of the disk
    let table = cursor.u64_le()?.saturating_mul(sector);
    let count = cursor.u32_le()?.min(MOST_ENTRIES);
    let len = u64::from(cursor.u32_le()?);
    if !(128..=4096).contains(&len) {
        return Err(cursor.invalid(format!("entries of {len} bytes")).into());
    }
    let entries = bytes(disk, table, len.saturating_mul(u64::from(count)))?;
    let mut cursor = Cursor::new("GPT entries", &entries);
    let mut partitions = Vec::new();
    for _ in 0..count {
        let mut entry = cursor.part("GPT entry", len)?;
        let kind: [u8; 16] = entry.array()?;
        entry.skip(16)?; // identifier
        let (first, last) = (entry.u64_le()?, entry.u64_le()?);
        let sectors = last.checked_sub(first).and_then(|len| len.checked_add(1));
        if let Some(sectors) = sectors.filter(|_| kind != [0; 16]) {
            partitions.push(Partition {
                start: first.saturating_mul(sector),
                len: sectors.saturating_mul(sector),
            });
        }
    }
    Ok(partitions)
}

/// Apple's map: the size of a block is in the first one, and the number of entries in every entry.
fn apple(disk: &dyn ReadAt, start: [u8; 8]) -> Result<Vec<Partition>, MediaError> {
    let mut cursor = Cursor::new("Apple driver descriptor", &start);
    cursor.skip(2)?;
    let block = u64::from(cursor.u16_be()?);
    // Discs for several systems say 2048, and many of them have the map in blocks of 512 all the same.
    let is_sane = block >= 512 && block.is_power_of_two();
    let block = if is_sane && starts(disk, block)?.starts_with(b"PM") {
        block
    } else {
        512
    };
    let mut partitions = Vec::new();
    let mut count = 1_u32;
    let mut entry = 1_u32;
    while entry <= count {
        let bytes: [u8; 512] = read(disk, block.saturating_mul(u64::from(entry)))?;
        let mut cursor = Cursor::new("Apple partition map", &bytes);
        cursor.magic(*b"PM")?;
        cursor.skip(2)?;
        count = cursor.u32_be()?.min(MOST_ENTRIES);
        let (first, blocks) = (cursor.u32_be()?, cursor.u32_be()?);
        partitions.push(Partition {
            start: u64::from(first).saturating_mul(block),
            len: u64::from(blocks).saturating_mul(block),
        });
        entry = entry.saturating_add(1);
    }
    Ok(partitions)
}

fn mbr(first: &[u8; 512]) -> Result<Vec<Partition>, ParseError> {
    let mut cursor = Cursor::new("master boot record", first);
    cursor.skip(446)?;
    let mut partitions = Vec::new();
    for _ in 0..4 {
        cursor.skip(4)?; // status, address of the first sector in the old way
        let kind = cursor.u8()?;
        cursor.skip(3)?;
        let (first, sectors) = (cursor.u32_le()?, cursor.u32_le()?);
        if kind != 0 && sectors != 0 {
            partitions.push(Partition {
                start: u64::from(first).saturating_mul(512),
                len: u64::from(sectors).saturating_mul(512),
            });
        }
    }
    Ok(partitions)
}

fn starts(disk: &dyn ReadAt, offset: u64) -> Result<[u8; 8], MediaError> {
    peek(disk, offset).map_err(MediaError::content("the disk"))
}

/// The `N` bytes from `offset` on.
fn read<const N: usize>(disk: &dyn ReadAt, offset: u64) -> Result<[u8; N], MediaError> {
    if disk.len().saturating_sub(offset) < N as u64 {
        return Ok([0; N]);
    }
    peek(disk, offset).map_err(MediaError::content("the disk"))
}

fn bytes(disk: &dyn ReadAt, offset: u64, len: u64) -> Result<Vec<u8>, MediaError> {
    read_vec(disk, offset, len).map_err(MediaError::content("the disk's partition map"))
}
