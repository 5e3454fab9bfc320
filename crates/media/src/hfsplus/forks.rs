//! Where the contents of files lie.

use std::{collections::BTreeMap, sync::Arc};

use wire::{Cursor, ParseError, ReadAt};

use super::{
    btree::BTree,
    constants::EXTENTS_FILE,
    raw::{Extent, ForkData, VolumeHeader},
};
use crate::{
    MediaError,
    extents::{Extents, Run},
};

/// Which fork of a file; the numbers are those of the extents overflow file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum ForkKind {
    Data = 0,
    Resource = 0xff,
}

/// The volume's blocks, and the stretches for which the catalog has no room.
#[derive(Debug)]
pub(super) struct Forks {
    volume: Arc<dyn ReadAt>,
    block_len: u64,
    /// By file, fork and first block in the file.
    overflow: BTreeMap<(u32, u8, u32), Vec<Extent>>,
}

impl Forks {
    /// Reads the extents overflow file.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn open(volume: Arc<dyn ReadAt>, header: &VolumeHeader) -> Result<Self, MediaError> {
        let mut forks = Self {
            volume,
            block_len: header.block_len.into(),
            overflow: BTreeMap::new(),
        };
        let file = forks.fork(EXTENTS_FILE, ForkKind::Data, &header.extents)?;
        BTree::open(file)?.visit(|record| {
            let mut key = Cursor::new("HFS+ extents key", record.key);
            let kind = key.u8()?;
            key.skip(1)?;
            let key = (key.u32_be()?, kind, key.u32_be()?);
            let mut data = Cursor::new("HFS+ extents record", record.data);
            let extents = Extent::parse_eight(&mut data)?;
            forks.overflow.insert(key, extents);
            Ok(())
        })?;
        Ok(forks)
    }

    /// The contents of a fork.
    ///
    /// # Errors
    /// If there are too few stretches, or they reach beyond the volume.
    pub(super) fn fork(
        &self,
        id: u32,
        kind: ForkKind,
        fork: &ForkData,
    ) -> Result<Arc<dyn ReadAt>, ParseError> {
        let mut covered = count(&fork.extents);
        let mut more = Vec::new();
        while covered < u64::from(fork.block_count) {
            let first = u32::try_from(covered).unwrap_or(u32::MAX);
            let next = self.overflow.get(&(id, kind as u8, first));
            let Some(next) = next.filter(|next| count(next) > 0) else {
                break;
            };
            covered = covered.saturating_add(count(next));
            more.push(next);
        }
        let mut runs = Vec::new();
        let mut start = 0_u64;
        for extent in fork.extents.iter().chain(more.into_iter().flatten()) {
            let run = self.run(start, *extent);
            start = start.saturating_add(run.len);
            runs.push(run);
        }
        let volume = Arc::clone(&self.volume);
        Ok(Arc::new(Extents::new("HFS+ file", volume, runs, fork.len)?))
    }

    /// What lies in these stretches and no others.
    ///
    /// # Errors
    /// As [`Self::fork`].
    pub(super) fn stretches(
        &self,
        extents: &[Extent],
        len: u64,
    ) -> Result<Arc<dyn ReadAt>, ParseError> {
        let mut start = 0_u64;
        let runs = extents.iter().map(|extent| {
            let run = self.run(start, *extent);
            start = start.saturating_add(run.len);
            run
        });
        let runs = runs.collect();
        let volume = Arc::clone(&self.volume);
        Ok(Arc::new(Extents::new("HFS+ attribute", volume, runs, len)?))
    }

    fn run(&self, start: u64, extent: Extent) -> Run {
        Run {
            start,
            len: u64::from(extent.count).saturating_mul(self.block_len),
            place: Some(u64::from(extent.start).saturating_mul(self.block_len)),
        }
    }
}

fn count(extents: &[Extent]) -> u64 {
    extents.iter().map(|extent| u64::from(extent.count)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::tree_of;

    fn extents(extents: &[(u32, u32)]) -> Vec<Extent> {
        let extents = extents.iter();
        extents
            .map(|&(start, count)| Extent { start, count })
            .collect()
    }

    fn key(kind: u8, id: u32, first: u32) -> Vec<u8> {
        let mut key = vec![0, 10, kind, 0];
        key.extend(id.to_be_bytes());
        key.extend(first.to_be_bytes());
        key
    }

    fn data(extents: &[(u32, u32)]) -> Vec<u8> {
        let fields = extents.iter().flat_map(|(start, count)| [*start, *count]);
        let mut data: Vec<u8> = fields.flat_map(u32::to_be_bytes).collect();
        data.resize(64, 0);
        data
    }

    /// Blocks of 512 bytes that hold their number; the extents overflow file begins at block 100.
    fn forks() -> Forks {
        let tree = tree_of(vec![
            (key(0, 20, 8), data(&[(30, 1), (29, 1)])),
            (key(0, 20, 10), data(&[(40, 2)])),
            (key(0xff, 20, 0), data(&[(50, 1)])),
        ]);
        let mut volume: Vec<u8> = (0..100).flat_map(|number| [number; 512]).collect();
        volume.extend(&tree);
        let header = VolumeHeader {
            is_x: false,
            flags: 0,
            block_len: 512,
            block_count: 116,
            extents: ForkData {
                len: tree.len() as u64,
                block_count: 16,
                extents: extents(&[(100, 16)]),
            },
            catalog: ForkData::default(),
            attributes: ForkData::default(),
        };
        Forks::open(Arc::new(volume), &header).unwrap()
    }

    #[test]
    fn stretches_beyond_the_eighth_are_found() {
        let eight = [
            (1, 1),
            (3, 1),
            (5, 1),
            (7, 1),
            (9, 1),
            (11, 1),
            (13, 1),
            (15, 1),
        ];
        let mut fork = ForkData {
            len: 12 * 512 - 1,
            block_count: 12,
            extents: extents(&eight),
        };
        let forks = forks();
        let file = forks.fork(20, ForkKind::Data, &fork).unwrap();
        let bytes = wire::read_vec(&*file, 0, file.len()).unwrap();
        let numbers: Vec<u8> = bytes.chunks(512).map(|block| block[0]).collect();
        assert_eq!(numbers, [1, 3, 5, 7, 9, 11, 13, 15, 30, 29, 40, 41]);
        assert!(forks.fork(21, ForkKind::Data, &fork).is_err());
        fork.block_count = 13;
        fork.len = 13 * 512;
        assert!(forks.fork(20, ForkKind::Data, &fork).is_err());
        let fork = ForkData {
            len: 512,
            block_count: 1,
            extents: Vec::new(),
        };
        let file = forks.fork(20, ForkKind::Resource, &fork).unwrap();
        assert_eq!(wire::read_vec(&*file, 0, 1).unwrap(), [50]);
    }
}
