//! What is on a volume.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use wire::{ParseError, ReadAt, read_vec};

use super::{
    folder::{Item, items},
    raw::{BOOT_LEN, Layout, Root, ShortEntry, Width},
    table::{Table, invalid},
};
use crate::{
    MediaError,
    archive::peek,
    extents::Extents,
    names::{Names, lower_case},
};

pub(super) const STRUCTURE: &str = "FAT volume";

/// The number that the root folder has here. Others are counted.
const ROOT: u64 = 0;

/// Longest folder in bytes: 65,536 entries, as Windows allows.
const LONGEST_FOLDER: u64 = 2 << 20;

/// What is on a volume.
#[derive(Debug)]
pub(super) struct Volume {
    source: Arc<dyn ReadAt>,
    width: Width,
    table: Table,
    pub(super) names: Names,
    pub(super) entries: HashMap<u64, ShortEntry>,
}

impl Volume {
    /// Reads all folders of the volume that fills `source`.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub(super) fn open(source: Arc<dyn ReadAt>) -> Result<Self, MediaError> {
        let boot: [u8; BOOT_LEN] = peek(&*source, 0).map_err(MediaError::content(STRUCTURE))?;
        let layout = Layout::parse(&boot)?;
        let mut volume = Self {
            table: Table::new(&source, layout),
            source,
            width: layout.width,
            names: Names::new(STRUCTURE, ROOT, Some(lower_case)),
            entries: HashMap::new(),
        };
        let mut seen = HashSet::new();
        let root = match layout.root {
            Root::Fixed(start, len) => read_vec(&*volume.source, start, len)
                .map_err(MediaError::content("the root folder"))?,
            Root::Clusters(first) => {
                seen.insert(first);
                volume.folder(first)?
            }
        };
        let mut folders = vec![(ROOT, items(&root, layout.width)?)];
        while let Some((folder, items)) = folders.pop() {
            for item in items {
                folders.extend(volume.add(folder, item, &mut seen)?);
            }
        }
        Ok(volume)
    }

    /// Adds what is in a folder; if it is a folder itself, what is in it is the answer.
    fn add(
        &mut self,
        folder: u64,
        item: Item,
        seen: &mut HashSet<u32>,
    ) -> Result<Option<(u64, Vec<Item>)>, MediaError> {
        let Item { name, short } = item;
        let id = (self.entries.len() as u64).saturating_add(1);
        self.entries.insert(id, short);
        if !short.is_folder {
            self.names.add(folder, name, id)?;
            return Ok(None);
        }
        self.names.add_folder(id);
        if !seen.insert(short.first_cluster) {
            return Err(invalid(format!("the folder {name:?}, which is in two places")).into());
        }
        self.names.add(folder, name, id)?;
        let inside = self.folder(short.first_cluster)?;
        Ok(Some((id, items(&inside, self.width)?)))
    }

    /// The bytes of the folder that begins with that cluster.
    fn folder(&self, first: u32) -> Result<Vec<u8>, MediaError> {
        let runs = self.table.runs(first, None)?;
        let len = runs.iter().map(|run| run.len).fold(0, u64::saturating_add);
        if len > LONGEST_FOLDER {
            return Err(MediaError::Parse(ParseError::Budget {
                structure: "FAT folder",
                limit: LONGEST_FOLDER,
                unit: "bytes",
            }));
        }
        let extents = Extents::new(STRUCTURE, Arc::clone(&self.source), runs, len)?;
        read_vec(&extents, 0, len).map_err(MediaError::content("a folder"))
    }

    /// The contents of a file.
    pub(super) fn contents(&self, entry: &ShortEntry) -> Result<Arc<dyn ReadAt>, MediaError> {
        let len = u64::from(entry.len);
        let runs = self.table.runs(entry.first_cluster, Some(len))?;
        let extents = Extents::new(STRUCTURE, Arc::clone(&self.source), runs, len)?;
        Ok(Arc::new(extents))
    }
}
