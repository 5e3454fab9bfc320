//! Writes GUID partition tables with one partition.
//!
//! Source: UEFI specification 2.10, chapter 5.

use flate2::Crc;
use sha1::{Digest as _, Sha1};

use crate::udif::constants::SECTOR;

/// First sector of the partition: the first after the table that 4096 divides.
pub(super) const FIRST_SECTOR: u64 = 40;
/// Sectors of the table.
pub(super) const TABLE_SECTORS: u64 = 32;

/// `48465300-0000-11AA-AA11-00306543ECAC`, as stored.
const APPLE_HFS: [u8; 16] = *b"\x00\x53\x46\x48\x00\x00\xaa\x11\xaa\x11\x00\x30\x65\x43\xec\xac";

/// The partition table of a disk that ends with the second table and its header.
#[derive(Debug)]
pub(super) struct Gpt {
    name: String,
    sectors: u64,
}

impl Gpt {
    /// A disk with one partition of `sectors` sectors.
    pub(super) fn new(name: &str, sectors: u64) -> Self {
        let name = name.to_owned();
        Self { name, sectors }
    }

    fn last_of_partition(&self) -> u64 {
        FIRST_SECTOR.saturating_add(self.sectors).saturating_sub(1)
    }

    fn last(&self) -> u64 {
        self.last_of_partition().saturating_add(TABLE_SECTORS + 1)
    }

    /// The first sector, which tells old tools that the disk is in use.
    pub(super) fn protective_mbr(&self) -> Vec<u8> {
        let mut bytes = vec![0; 446];
        bytes.extend(b"\x00\x00\x02\x00\xee\xff\xff\xff\x01\x00\x00\x00");
        let sectors = u32::try_from(self.last()).unwrap_or(u32::MAX);
        bytes.extend(sectors.to_le_bytes());
        bytes.resize(510, 0);
        bytes.extend(b"\x55\xaa");
        bytes
    }

    /// The header at the start of the disk.
    pub(super) fn first_header(&self) -> Vec<u8> {
        self.header(1, self.last(), 2)
    }

    /// The header at the end of the disk.
    pub(super) fn second_header(&self) -> Vec<u8> {
        self.header(self.last(), 1, self.last().saturating_sub(TABLE_SECTORS))
    }

    fn header(&self, here: u64, other: u64, table: u64) -> Vec<u8> {
        let mut table_crc = Crc::new();
        table_crc.update(&self.table());
        let with_crc = |crc: u32| {
            let mut bytes = b"EFI PART\x00\x00\x01\x00\x5c\x00\x00\x00".to_vec();
            bytes.extend(crc.to_le_bytes());
            bytes.extend([0; 4]);
            for sector in [here, other, 2 + TABLE_SECTORS, self.last_of_partition()] {
                bytes.extend(sector.to_le_bytes());
            }
            bytes.extend(self.identifier("disk"));
            bytes.extend(table.to_le_bytes());
            for number in [128, 128, table_crc.sum()] {
                bytes.extend(number.to_le_bytes());
            }
            bytes
        };
        let mut crc = Crc::new();
        crc.update(&with_crc(0));
        let mut bytes = with_crc(crc.sum());
        bytes.resize(usize::try_from(SECTOR).unwrap_or(0), 0);
        bytes
    }

    /// The table.
    pub(super) fn table(&self) -> Vec<u8> {
        let mut bytes = APPLE_HFS.to_vec();
        bytes.extend(self.identifier("partition"));
        for number in [FIRST_SECTOR, self.last_of_partition(), 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend("disk image".encode_utf16().flat_map(u16::to_le_bytes));
        bytes.resize(128 * 128, 0);
        bytes
    }

    /// An identifier that only depends on the name and the length: the same folder makes the same image.
    fn identifier(&self, what: &str) -> Vec<u8> {
        let digest = Sha1::digest(format!("{what} {} {}", self.sectors, self.name));
        let mut identifier: Vec<u8> = digest.iter().copied().take(16).collect();
        // Version 5 and the variant of RFC 9562, in the order of bytes that GPT has.
        if let Some(version) = identifier.get_mut(7) {
            *version = *version & 0x0f | 0x50;
        }
        if let Some(variant) = identifier.get_mut(8) {
            *variant = *variant & 0x3f | 0x80;
        }
        identifier
    }
}
