//! Block maps.

use wire::{Cursor, ParseError};

use super::{
    chunk::Codec,
    constants::{
        BLOCK_MAP_MAGIC, CHUNK_ADC, CHUNK_BZIP2, CHUNK_COMMENT, CHUNK_END, CHUNK_IGNORE,
        CHUNK_LZFSE, CHUNK_LZMA, CHUNK_RAW, CHUNK_ZERO, CHUNK_ZLIB, SECTOR,
    },
    trailer::Checksum,
};

const STRUCTURE: &str = "disk image block map";

/// Longest chunk that is decoded at once, in bytes. Apple's tools make chunks of at most 1 MiB, and so do others.
const LONGEST_CHUNK: u64 = 32 << 20;

/// The block map of one partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct BlockMap {
    /// First sector of the partition.
    pub(super) first_sector: u64,
    /// How many sectors it has.
    pub(super) sector_count: u64,
    /// Of the decoded sectors.
    pub(super) checksum: Checksum,
    /// The chunks, without those of sectors that hold nothing: they read as zeros, and no checksum covers them.
    pub(super) runs: Vec<Run>,
}

/// A chunk: a run of sectors, and where it comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Run {
    /// Where it begins on the disk, in bytes.
    pub(super) start: u64,
    /// How many bytes of the disk it holds.
    pub(super) len: u64,
    /// How it is stored.
    pub(super) codec: Codec,
    /// Where it is stored, in bytes from the start of the data fork.
    pub(super) stored_offset: u64,
    /// How many bytes it is stored in.
    pub(super) stored_len: u64,
}

impl Run {
    /// Where it ends on the disk.
    pub(super) const fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

impl BlockMap {
    /// Parses a block map.
    ///
    /// # Errors
    /// If it is damaged or cut short, or has chunks of an unknown kind.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(STRUCTURE, bytes);
        cursor.magic(BLOCK_MAP_MAGIC)?;
        cursor.skip(4)?; // version
        let first_sector = cursor.u64_be()?;
        let sector_count = cursor.u64_be()?;
        let data_offset = cursor.u64_be()?;
        cursor.skip(32)?; // buffers that are needed, number of the map, reserved
        let checksum = Checksum::parse(&mut cursor)?;
        let count = cursor.u32_be()?;
        let mut runs = Vec::new();
        for _ in 0..count {
            match run(&mut cursor, first_sector, data_offset)? {
                Chunk::Run(run) => runs.push(run),
                Chunk::Nothing => {}
                Chunk::End => break,
            }
        }
        Ok(Self {
            first_sector,
            sector_count,
            checksum,
            runs,
        })
    }
}

enum Chunk {
    Run(Run),
    Nothing,
    End,
}

fn run(cursor: &mut Cursor<'_>, first_sector: u64, data_offset: u64) -> Result<Chunk, ParseError> {
    let kind = cursor.u32_be()?;
    cursor.skip(4)?; // comment
    let sector = cursor.u64_be()?;
    let sectors = cursor.u64_be()?;
    let stored_offset = cursor.u64_be()?;
    let stored_len = cursor.u64_be()?;
    let codec = match kind {
        CHUNK_IGNORE | CHUNK_COMMENT => return Ok(Chunk::Nothing),
        CHUNK_END => return Ok(Chunk::End),
        CHUNK_ZERO => Codec::Zero,
        CHUNK_RAW => Codec::Raw,
        CHUNK_ADC => Codec::Adc,
        CHUNK_ZLIB => Codec::Zlib,
        CHUNK_BZIP2 => Codec::Bzip2,
        CHUNK_LZFSE => Codec::Lzfse,
        CHUNK_LZMA => Codec::Lzma,
        other => return Err(cursor.unsupported(format!("a chunk of kind {other:#x}"))),
    };
    if sectors == 0 {
        return Ok(Chunk::Nothing);
    }
    let bytes = |sectors: u64| sectors.checked_mul(SECTOR);
    let start = first_sector.checked_add(sector).and_then(bytes);
    let len = bytes(sectors);
    let stored_offset = data_offset.checked_add(stored_offset);
    let (Some(start), Some(len), Some(stored_offset)) = (start, len, stored_offset) else {
        return Err(cursor.invalid("a chunk beyond any disk"));
    };
    if start.checked_add(len).is_none() {
        return Err(cursor.invalid("a chunk beyond any disk"));
    }
    let is_decoded = !matches!(codec, Codec::Raw | Codec::Zero);
    if is_decoded && len.max(stored_len) > LONGEST_CHUNK {
        return Err(cursor.invalid(format!("a chunk of {len} bytes, stored in {stored_len}")));
    }
    if codec == Codec::Raw && stored_len < len {
        return Err(cursor.invalid(format!("{len} bytes that are {stored_len}")));
    }
    Ok(Chunk::Run(Run {
        start,
        len,
        codec,
        stored_offset,
        stored_len,
    }))
}
