//! Writes disk images: a stream of sectors in, compressed chunks out.

use std::io::{self, Write};

use flate2::Crc;
use proplist::{Dict, KeyOrder, Value, to_xml};

use super::Compression;
use crate::udif::constants::{BLOCK_MAP_MAGIC, CHECKSUM_CRC32, CHUNK_END, SECTOR, TRAILER_MAGIC};

/// Longest chunk in bytes.
const CHUNK: usize = 512 << 10;

/// Writes an image, partition by partition.
#[derive(Debug)]
pub(super) struct ImageWriter<W> {
    out: W,
    compression: Compression,
    /// How many bytes of the data fork are written, and their checksum.
    stored: u64,
    stored_crc: Crc,
    maps: Vec<Map>,
    chunk: Vec<u8>,
}

/// The block map of a partition.
#[derive(Debug)]
struct Map {
    name: String,
    first_sector: u64,
    sectors: u64,
    crc: Crc,
    chunks: Vec<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    kind: u32,
    sector: u64,
    sectors: u64,
    offset: u64,
    len: u64,
}

impl<W: Write> ImageWriter<W> {
    pub(super) fn new(out: W, compression: Compression) -> Self {
        Self {
            out,
            compression,
            stored: 0,
            stored_crc: Crc::new(),
            maps: Vec::new(),
            chunk: Vec::new(),
        }
    }

    /// Begins a partition where the last one ends; `name` is what tools call it.
    ///
    /// # Errors
    /// If the last one cannot be finished.
    pub(super) fn begin(&mut self, name: &str) -> io::Result<()> {
        self.end_chunk()?;
        let first_sector = self
            .maps
            .last()
            .map_or(0, |map| map.first_sector.saturating_add(map.sectors));
        self.maps.push(Map {
            name: name.to_owned(),
            first_sector,
            sectors: 0,
            crc: Crc::new(),
            chunks: Vec::new(),
        });
        Ok(())
    }

    /// Writes the property list and the trailer.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.end_chunk()?;
        let mut master = Crc::new();
        for map in &self.maps {
            master.update(&map.crc.sum().to_be_bytes());
        }
        let sectors = self
            .maps
            .last()
            .map_or(0, |map| map.first_sector.saturating_add(map.sectors));
        let plist = plist(&self.maps)?;
        self.out.write_all(plist.as_bytes())?;
        let trailer = trailer(
            self.stored,
            plist.len() as u64,
            [self.stored_crc.sum(), master.sum()],
            sectors,
        );
        self.out.write_all(&trailer)?;
        Ok(self.out)
    }

    /// Writes the chunk that was gathered, filled up to a whole sector.
    fn end_chunk(&mut self) -> io::Result<()> {
        let sector = usize::try_from(SECTOR).unwrap_or(usize::MAX);
        self.chunk
            .resize(self.chunk.len().next_multiple_of(sector), 0);
        let Some(map) = self.maps.last_mut().filter(|_| !self.chunk.is_empty()) else {
            return Ok(());
        };
        map.crc.update(&self.chunk);
        let (kind, stored) = self.compression.encode(&self.chunk)?;
        self.out.write_all(&stored)?;
        self.stored_crc.update(&stored);
        let sectors = (self.chunk.len() as u64).div_euclid(SECTOR);
        map.chunks.push(Chunk {
            kind,
            sector: map.sectors,
            sectors,
            offset: self.stored,
            len: stored.len() as u64,
        });
        map.sectors = map.sectors.saturating_add(sectors);
        self.stored = self.stored.saturating_add(stored.len() as u64);
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for ImageWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK.saturating_sub(self.chunk.len());
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.chunk.extend(taken);
        if self.chunk.len() >= CHUNK {
            self.end_chunk()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn plist(maps: &[Map]) -> io::Result<String> {
    let text = |text: &str| Value::String(text.to_owned());
    let maps = maps.iter().zip(-1_i64..).map(|(map, id)| {
        let map = Dict::from_iter([
            ("Attributes".to_owned(), text("0x0050")),
            ("CFName".to_owned(), text(&map.name)),
            ("Data".to_owned(), Value::Data(map.to_bytes())),
            ("ID".to_owned(), text(&id.to_string())),
            ("Name".to_owned(), text(&map.name)),
        ]);
        Value::Dict(map)
    });
    let maps = Dict::from_iter([("blkx".to_owned(), Value::Array(maps.collect()))]);
    let plist = Dict::from_iter([("resource-fork".to_owned(), Value::Dict(maps))]);
    to_xml(&Value::Dict(plist), KeyOrder::AsIs).map_err(io::Error::other)
}

impl Map {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = BLOCK_MAP_MAGIC.to_vec();
        bytes.extend(1_u32.to_be_bytes());
        for number in [self.first_sector, self.sectors, 0] {
            bytes.extend(number.to_be_bytes());
        }
        let buffer = (CHUNK as u64).div_euclid(SECTOR).saturating_add(8);
        for number in [buffer, 0, 0, 0, 0, 0, 0, 0] {
            bytes.extend(u32::try_from(number).unwrap_or(0).to_be_bytes());
        }
        bytes.extend(checksum(self.crc.sum()));
        let count = self.chunks.len().saturating_add(1);
        bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        let end = Chunk {
            kind: CHUNK_END,
            sector: self.sectors,
            sectors: 0,
            offset: self
                .chunks
                .last()
                .map_or(0, |chunk| chunk.offset.saturating_add(chunk.len)),
            len: 0,
        };
        for chunk in self.chunks.iter().chain([&end]) {
            bytes.extend(chunk.kind.to_be_bytes());
            bytes.extend([0; 4]); // comment
            for number in [chunk.sector, chunk.sectors, chunk.offset, chunk.len] {
                bytes.extend(number.to_be_bytes());
            }
        }
        bytes
    }
}

/// The trailer of an image whose data fork begins the file and whose property list follows it.
fn trailer(stored: u64, plist_len: u64, [data, master]: [u32; 2], sectors: u64) -> Vec<u8> {
    let mut bytes = TRAILER_MAGIC.to_vec();
    for number in [4_u32, 512, 1] {
        bytes.extend(number.to_be_bytes());
    }
    for number in [0, 0, stored, 0, 0] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 1]); // segment 1 of 1
    for part in [stored, plist_len] {
        bytes.extend(part.to_be_bytes()); // what all segments have in common
    }
    bytes.extend(checksum(data));
    for number in [stored, plist_len] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.resize(352, 0);
    bytes.extend(checksum(master));
    bytes.extend(1_u32.to_be_bytes()); // variant: a device
    bytes.extend(sectors.to_be_bytes());
    bytes.resize(512, 0);
    bytes
}

fn checksum(crc: u32) -> Vec<u8> {
    let mut bytes = CHECKSUM_CRC32.to_be_bytes().to_vec();
    bytes.extend(32_u32.to_be_bytes());
    bytes.extend(crc.to_be_bytes());
    bytes.resize(136, 0);
    bytes
}
