//! Follows files through the table from cluster to cluster.

use std::sync::Arc;

use wire::{Cursor, ParseError, Part, ReadAt, read_vec};

use super::raw::{Layout, Width};
use crate::{MediaError, extents::Run};

/// First number of a cluster: the two before have another meaning.
const FIRST_CLUSTER: u32 = 2;

/// How much of the table is read at once: a multiple of the length of every entry, three bytes for two of FAT12.
const WINDOW: u64 = 3 << 12;

/// The table, which has for each cluster the one that follows it in its file.
#[derive(Debug)]
pub(super) struct Table {
    table: Part,
    layout: Layout,
}

impl Table {
    pub(super) fn new(volume: &Arc<dyn ReadAt>, layout: Layout) -> Self {
        Self {
            table: Part::new(Arc::clone(volume), layout.table_start, layout.table_len),
            layout,
        }
    }

    /// Where the first `len` bytes of the file lie that begins with `first`; all of it if no length is given.
    ///
    /// # Errors
    /// If it is shorter, or leaves the volume or its own way.
    pub(super) fn runs(&self, first: u32, len: Option<u64>) -> Result<Vec<Run>, MediaError> {
        let mut runs: Vec<Run> = Vec::new();
        let mut window = Window::default();
        let (mut cluster, mut done, mut count) = (first, 0_u64, 0_u64);
        while len.is_none_or(|len| done < len) {
            let Some(place) = self.place(cluster) else {
                if len.is_none() && cluster >= self.end() {
                    break;
                }
                return Err(
                    invalid(format!("a file that goes on in the cluster {cluster}")).into(),
                );
            };
            count = count.saturating_add(1);
            if count > self.layout.cluster_count {
                return Err(invalid("a file that comes back to itself".to_owned()).into());
            }
            let start = done;
            done = done.saturating_add(self.layout.cluster_len);
            match runs.last_mut() {
                Some(run)
                    if run
                        .place
                        .is_some_and(|at| at.saturating_add(run.len) == place) =>
                {
                    run.len = run.len.saturating_add(self.layout.cluster_len);
                }
                _ => runs.push(Run {
                    start,
                    len: self.layout.cluster_len,
                    place: Some(place),
                }),
            }
            if len.is_none_or(|len| done < len) {
                cluster = self.next(cluster, &mut window)?;
            }
        }
        Ok(runs)
    }

    /// Where a cluster begins; none if there is no such cluster.
    fn place(&self, cluster: u32) -> Option<u64> {
        let number = u64::from(cluster.checked_sub(FIRST_CLUSTER)?);
        let start = number.saturating_mul(self.layout.cluster_len);
        (number < self.layout.cluster_count).then(|| self.layout.data_start.saturating_add(start))
    }

    /// The first of the numbers that mean that a file ends.
    const fn end(&self) -> u32 {
        match self.layout.width {
            Width::Fat12 => 0xff8,
            Width::Fat16 => 0xfff8,
            Width::Fat32 => 0x0fff_fff8,
        }
    }

    fn next(&self, cluster: u32, window: &mut Window) -> Result<u32, MediaError> {
        let cluster = u64::from(cluster);
        let offset = match self.layout.width {
            Width::Fat12 => cluster.saturating_add(cluster.div_euclid(2)),
            Width::Fat16 => cluster.saturating_mul(2),
            Width::Fat32 => cluster.saturating_mul(4),
        };
        let mut entry = window.at(&self.table, offset)?;
        Ok(match self.layout.width {
            Width::Fat12 if cluster & 1 == 0 => u32::from(entry.u16_le()? & 0xfff),
            Width::Fat12 => u32::from(entry.u16_le()?.wrapping_shr(4)),
            Width::Fat16 => u32::from(entry.u16_le()?),
            Width::Fat32 => entry.u32_le()? & 0x0fff_ffff,
        })
    }
}

/// The part of the table that was read last: most files go on in clusters that are near.
#[derive(Debug, Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The entry at `offset`, to be read.
    fn at(&mut self, table: &Part, offset: u64) -> Result<Cursor<'_>, MediaError> {
        let start = offset.div_euclid(WINDOW).saturating_mul(WINDOW);
        if self.bytes.is_empty() || self.start != start {
            // A byte more than a window, for the entry that begins with its last byte.
            let len = WINDOW
                .saturating_add(1)
                .min(table.len().saturating_sub(start));
            self.bytes = read_vec(table, start, len).map_err(MediaError::content("the FAT"))?;
            self.start = start;
        }
        let mut cursor = Cursor::new("FAT", &self.bytes);
        cursor.skip(offset.saturating_sub(start))?;
        Ok(cursor)
    }
}

pub(super) fn invalid(what: String) -> ParseError {
    ParseError::Invalid {
        structure: "FAT volume",
        what,
        offset: 0,
    }
}
