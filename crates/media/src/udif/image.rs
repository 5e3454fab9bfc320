//! The disk that an image holds.

use std::{collections::BTreeSet, io, ops::Range, sync::Arc};

use flate2::Crc;
use proplist::Value;
use wire::{ParseError, ReadAt, read_up_to, read_vec};

use super::{
    ahead::Ahead,
    blockmap::{BlockMap, Run},
    chunk::Codec,
    chunks::Chunks,
    constants::SECTOR,
    resources,
    trailer::{Checksum, Trailer},
};
use crate::MediaError;

const STRUCTURE: &str = "disk image";

/// Longest property list: 128 MiB hold the block maps of a disk of several TiB.
const LONGEST_PLIST: u64 = 128 << 20;

/// Largest disk that is verified: zeros cost nothing to declare, but time to read.
const LARGEST_VERIFIED: u64 = 256 << 30;

/// The disk that an image holds, decoded where it is read.
///
/// Of decoded chunks only a few MiB are kept, however large the image is. Who reads from front to back has the next
/// chunks decoded by other threads meanwhile.
#[derive(Debug)]
pub struct Image {
    trailer: Trailer,
    maps: Vec<MapSummary>,
    chunks: Arc<Chunks>,
    ahead: Ahead,
    len: u64,
}

/// What is kept of a block map.
#[derive(Clone, Copy, Debug)]
struct MapSummary {
    first_sector: u64,
    sector_count: u64,
    checksum: Checksum,
}

impl Image {
    /// Opens the image that fills `source`.
    ///
    /// # Errors
    /// If it is none, is damaged, or is split into several files.
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Self, MediaError> {
        let trailer = trailer(&*source)?;
        let mut maps = Vec::new();
        let mut runs = Vec::new();
        for map in block_maps(&*source, &trailer)? {
            maps.push(MapSummary {
                first_sector: map.first_sector,
                sector_count: map.sector_count,
                checksum: map.checksum,
            });
            runs.extend(map.runs);
        }
        runs.sort_by_key(|run| run.start);
        let overlap = runs
            .iter()
            .zip(runs.iter().skip(1))
            .find(|(run, next)| run.end() > next.start);
        if let Some((_, next)) = overlap {
            return Err(invalid("two chunks for the same sectors", next.start).into());
        }
        let len = disk_len(&trailer, &maps, &runs)?;
        let chunks = Arc::new(Chunks::new(source, trailer.data_offset, runs));
        Ok(Self {
            trailer,
            maps,
            ahead: Ahead::new(Arc::clone(&chunks)),
            chunks,
            len,
        })
    }

    /// The trailer of the image.
    pub const fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// How its chunks are stored, for people: each kind once, in the order of their names.
    pub fn compressions(&self) -> Vec<&'static str> {
        let kinds: BTreeSet<_> = self.chunks.runs().iter().map(|run| run.codec).collect();
        kinds.into_iter().map(Codec::label).collect()
    }

    /// Reads all of the image, as stored and as decoded, and compares it with every checksum that it has.
    ///
    /// # Errors
    /// If one differs, or something cannot be decoded.
    pub fn verify(&self) -> Result<(), MediaError> {
        if self.len > LARGEST_VERIFIED {
            return Err(MediaError::Parse(ParseError::Budget {
                structure: STRUCTURE,
                limit: LARGEST_VERIFIED,
                unit: "bytes",
            }));
        }
        if let Checksum::Crc32(declared) = self.trailer.data_checksum {
            let (start, len) = (self.trailer.data_offset, self.trailer.data_len);
            let mut crc = Crc::new();
            add(&mut crc, self.chunks.source(), start, len)?;
            compare("the data fork", declared, crc.sum())?;
        }
        let mut all = Crc::new();
        for map in &self.maps {
            let Checksum::Crc32(declared) = map.checksum else {
                continue;
            };
            compare("a partition", declared, self.crc32(map)?)?;
            all.update(&declared.to_be_bytes());
        }
        match self.trailer.master_checksum {
            Checksum::Crc32(declared) => compare("the partitions", declared, all.sum()),
            _ => Ok(()),
        }
    }

    /// The checksum of a partition: of the sectors that a chunk holds.
    fn crc32(&self, map: &MapSummary) -> Result<u32, MediaError> {
        let start = map.first_sector.saturating_mul(SECTOR);
        let end = start.saturating_add(map.sector_count.saturating_mul(SECTOR));
        let runs = self.chunks.runs();
        let first = runs.partition_point(|run| run.start < start);
        let runs = runs.get(first..).unwrap_or_default();
        let mut crc = Crc::new();
        for run in runs.iter().take_while(|run| run.start < end) {
            add(&mut crc, self, run.start, run.len)?;
        }
        Ok(crc.sum())
    }

    /// The positions of the chunks that are needed for `len` bytes from `offset` on.
    fn positions(&self, offset: u64, len: u64) -> Range<usize> {
        let runs = self.chunks.runs();
        let end = offset.saturating_add(len);
        runs.partition_point(|run| run.end() <= offset)..runs.partition_point(|run| run.start < end)
    }

    /// Fills `buffer` from `offset` on, as far as one chunk or one gap between chunks reaches.
    fn read_run(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let runs = self.chunks.runs();
        let after = runs.partition_point(|run| run.start <= offset);
        let position = after.checked_sub(1);
        let run = position.and_then(|position| Some((position, runs.get(position)?)));
        if let Some((position, run)) = run.filter(|(_, run)| offset < run.end()) {
            let len = within(buffer.len(), run.end().saturating_sub(offset));
            let buffer = buffer.get_mut(..len).unwrap_or_default();
            self.ahead.note(position);
            let offset = offset.saturating_sub(run.start);
            return self.chunks.read(position, offset, buffer);
        }
        let next = runs.get(after).map_or(self.len, |run| run.start);
        let len = within(buffer.len(), next.min(self.len).saturating_sub(offset));
        buffer.get_mut(..len).unwrap_or_default().fill(0);
        Ok(len)
    }
}

impl ReadAt for Image {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let len = within(buffer.len(), self.len.saturating_sub(offset));
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..len).filter(|rest| !rest.is_empty()) {
            let read = self.read_run(offset.saturating_add(done as u64), rest)?;
            if read == 0 {
                break;
            }
            done = done.saturating_add(read);
        }
        Ok(done)
    }

    fn expect(&self, offset: u64, len: u64) {
        self.ahead.expect(self.positions(offset, len));
    }
}

fn trailer(source: &dyn ReadAt) -> Result<Trailer, MediaError> {
    let start = source.len().saturating_sub(Trailer::LEN);
    let bytes = read_vec(source, start, source.len().min(Trailer::LEN))
        .map_err(MediaError::content(STRUCTURE))?;
    let trailer = Trailer::parse(&bytes)?;
    if trailer.segment_count > 1 {
        return Err(unsupported("an image that is split into several files").into());
    }
    if trailer.plist_len.max(trailer.resource_len) > LONGEST_PLIST {
        return Err(MediaError::Parse(ParseError::Budget {
            structure: "disk image property list",
            limit: LONGEST_PLIST,
            unit: "bytes",
        }));
    }
    Ok(trailer)
}

fn block_maps(source: &dyn ReadAt, trailer: &Trailer) -> Result<Vec<BlockMap>, MediaError> {
    if trailer.plist_len == 0 && trailer.resource_len > 0 {
        let fork = read_vec(source, trailer.resource_offset, trailer.resource_len)
            .map_err(MediaError::content("the disk image's resource fork"))?;
        let maps = resources::block_maps(&fork)?.into_iter();
        return Ok(maps.map(BlockMap::parse).collect::<Result<_, _>>()?);
    }
    let failed = MediaError::content("the disk image's property list");
    let xml = read_vec(source, trailer.plist_offset, trailer.plist_len).map_err(&failed)?;
    let plist = proplist::from_bytes(&xml)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    let maps = plist
        .as_dict()
        .and_then(|dict| dict.get("resource-fork"))
        .and_then(Value::as_dict)
        .and_then(|dict| dict.get("blkx"))
        .and_then(Value::as_array)
        .ok_or_else(|| invalid("no block maps", trailer.plist_offset))?;
    let mut found = Vec::new();
    for map in maps {
        let bytes = map
            .as_dict()
            .and_then(|dict| dict.get("Data"))
            .and_then(Value::as_data)
            .ok_or_else(|| invalid("a block map without data", trailer.plist_offset))?;
        found.push(BlockMap::parse(bytes)?);
    }
    Ok(found)
}

/// How many bytes the disk has. The trailers of some tools do not say; the chunks must not reach further than those
/// that do.
fn disk_len(trailer: &Trailer, maps: &[MapSummary], runs: &[Run]) -> Result<u64, MediaError> {
    let used = runs.iter().map(Run::end).max().unwrap_or(0);
    let too_large = || invalid("a disk of impossible size", 0);
    let declared = if trailer.sector_count > 0 {
        trailer.sector_count.checked_mul(SECTOR)
    } else {
        maps.iter().try_fold(used, |len, map| {
            let end = map.first_sector.checked_add(map.sector_count)?;
            Some(len.max(end.checked_mul(SECTOR)?))
        })
    };
    let declared = declared.ok_or_else(too_large)?;
    if used > declared {
        return Err(invalid("a chunk beyond the end of the disk", used).into());
    }
    Ok(declared)
}

/// Adds a stretch of `source` to a checksum.
fn add(crc: &mut Crc, source: &dyn ReadAt, start: u64, len: u64) -> Result<(), MediaError> {
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0_u64;
    while done < len {
        let rest = within(buffer.len(), len.saturating_sub(done));
        let part = buffer.get_mut(..rest).unwrap_or_default();
        let read = read_up_to(source, start.saturating_add(done), part)
            .map_err(MediaError::content(STRUCTURE))?;
        if read == 0 {
            return Err(
                invalid("an end before the declared one", start.saturating_add(done)).into(),
            );
        }
        crc.update(part.get(..read).unwrap_or_default());
        done = done.saturating_add(read as u64);
    }
    Ok(())
}

fn compare(what: &str, declared: u32, found: u32) -> Result<(), MediaError> {
    if declared == found {
        return Ok(());
    }
    let what = format!("{what} with the CRC-32 {found:08x}, not {declared:08x}");
    Err(invalid(&what, 0).into())
}

/// The smaller of a buffer's length and what is left.
fn within(buffer_len: usize, left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(buffer_len)
}

fn invalid(what: &str, offset: u64) -> ParseError {
    ParseError::Invalid {
        structure: STRUCTURE,
        what: what.to_owned(),
        offset,
    }
}

fn unsupported(what: &str) -> ParseError {
    ParseError::Unsupported {
        structure: STRUCTURE,
        what: what.to_owned(),
    }
}
