//! What is on a volume.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use wire::{Cursor, ParseError, ReadAt, read_vec};

use super::{
    DESCRIPTORS,
    raw::{Descriptor, Record, SECTOR},
    rock_ridge::{Attributes, RockRidge},
};
use crate::{MediaError, extents::Run, names::Names};

pub(super) const STRUCTURE: &str = "ISO 9660 volume";

/// The number that the root folder has here. Others are counted.
const ROOT: u64 = 0;

/// Most descriptors that are read.
const MOST_DESCRIPTORS: u64 = 64;

/// Longest folder in bytes.
const LONGEST_FOLDER: u64 = 16 << 20;

/// What is on a volume.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) source: Arc<dyn ReadAt>,
    pub(super) names: Names,
    pub(super) items: HashMap<u64, Item>,
    layout: Layout,
    /// The blocks of the folders that were read.
    seen: HashSet<u64>,
}

/// A file, a folder or a link.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) record: Record,
    pub(super) attributes: Attributes,
    /// Where the contents lie; a large file has several stretches.
    pub(super) runs: Vec<Run>,
    pub(super) len: u64,
}

/// How names are written on this volume.
#[derive(Clone, Copy, Debug)]
struct Layout {
    block_len: u64,
    is_joliet: bool,
    rock_ridge: Option<RockRidge>,
}

impl Volume {
    /// Reads all folders of the volume that fills `source`.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub(super) fn open(source: Arc<dyn ReadAt>) -> Result<Self, MediaError> {
        let (layout, root) = layout(&*source)?;
        let mut volume = Self {
            source,
            names: Names::new(STRUCTURE, ROOT, Some(folded)),
            items: HashMap::new(),
            layout,
            seen: HashSet::new(),
        };
        let mut folders = vec![(ROOT, root)];
        while let Some((folder, record)) = folders.pop() {
            for item in volume.folder(&record)? {
                folders.extend(volume.add(folder, item)?);
            }
        }
        Ok(volume)
    }

    /// Adds what is in a folder; if it is a folder itself, its record is the answer.
    fn add(&mut self, folder: u64, mut item: Item) -> Result<Option<(u64, Record)>, MediaError> {
        let id = (self.items.len() as u64).saturating_add(1);
        if let Some(block) = item.attributes.moved_to {
            item.record = self.dot(block)?;
        }
        if item.attributes.is_moved {
            return Ok(None);
        }
        let name = match &item.attributes.name {
            Some(name) => String::from_utf8_lossy(name).into_owned(),
            None => item.record.plain_name(self.layout.is_joliet),
        };
        let record = item.record.clone();
        self.items.insert(id, item);
        if record.is_folder {
            self.names.add_folder(id);
        }
        self.names.add(folder, name, id)?;
        Ok(record.is_folder.then_some((id, record)))
    }

    /// The record of a folder for itself, which its contents begin with.
    fn dot(&self, block: u64) -> Result<Record, MediaError> {
        let start = block.saturating_mul(self.layout.block_len);
        let bytes = read_vec(&*self.source, start, 255).map_err(MediaError::content("a folder"))?;
        match Record::parse(&mut Cursor::new("ISO 9660 folder", &bytes))? {
            Some(record) if record.is_folder => Ok(record),
            _ => Err(invalid("a folder that was moved to where none is".to_owned()).into()),
        }
    }

    /// What is in a folder, without itself and the one above.
    fn folder(&mut self, folder: &Record) -> Result<Vec<Item>, MediaError> {
        if !self.seen.insert(folder.block) {
            let what = format!(
                "the folder at block {}, which is in two places",
                folder.block
            );
            return Err(invalid(what).into());
        }
        let mut items: Vec<Item> = Vec::new();
        let mut goes_on = false;
        for record in records(&*self.source, self.layout.block_len, folder)? {
            if record.is_dot() || record.is_associated {
                continue;
            }
            let more = record.goes_on;
            match items.last_mut() {
                Some(item) if goes_on && item.record.name == record.name => {
                    item.extend(&record, self.layout.block_len);
                }
                _ => items.push(self.item(&record)?),
            }
            goes_on = more;
        }
        Ok(items)
    }

    fn item(&self, record: &Record) -> Result<Item, MediaError> {
        let attributes = match self.layout.rock_ridge {
            Some(rock_ridge) => rock_ridge.attributes(&self.source, record)?,
            None => Attributes::default(),
        };
        let mut item = Item {
            record: record.clone(),
            attributes,
            runs: Vec::new(),
            len: 0,
        };
        item.extend(record, self.layout.block_len);
        Ok(item)
    }
}

impl Item {
    /// Adds a stretch of the contents.
    fn extend(&mut self, record: &Record, block_len: u64) {
        if record.len > 0 {
            self.runs.push(Run {
                start: self.len,
                len: record.len,
                place: Some(record.block.saturating_mul(block_len)),
            });
        }
        self.len = self.len.saturating_add(record.len);
    }
}

/// Which tree of folders is read: the one with Rock Ridge, else Joliet's, else the plain one.
fn layout(source: &dyn ReadAt) -> Result<(Layout, Record), MediaError> {
    let mut found = None;
    for number in 0..MOST_DESCRIPTORS {
        let start = DESCRIPTORS.saturating_add(number.saturating_mul(SECTOR));
        let bytes = read_vec(source, start, SECTOR).map_err(MediaError::content(STRUCTURE))?;
        let (is_joliet, block_len, root) = match Descriptor::parse(&bytes)? {
            Descriptor::End => break,
            Descriptor::Other => continue,
            Descriptor::Tree {
                is_joliet,
                block_len,
                root,
            } => (is_joliet, block_len, root),
        };
        let dot = records(source, block_len, &root)?.into_iter().next();
        let rock_ridge = dot.and_then(|dot| RockRidge::find(&dot, block_len));
        let layout = Layout {
            block_len,
            is_joliet,
            rock_ridge: rock_ridge.filter(|_| !is_joliet),
        };
        let has_rock_ridge = layout.rock_ridge.is_some();
        if has_rock_ridge || is_joliet || found.is_none() {
            found = Some((layout, root));
        }
        if has_rock_ridge {
            break;
        }
    }
    found.ok_or_else(|| invalid("no folders".to_owned()).into())
}

/// The records of a folder. None of them crosses from one sector to the next.
fn records(
    source: &dyn ReadAt,
    block_len: u64,
    folder: &Record,
) -> Result<Vec<Record>, MediaError> {
    if folder.len > LONGEST_FOLDER {
        return Err(MediaError::Parse(ParseError::Budget {
            structure: "ISO 9660 folder",
            limit: LONGEST_FOLDER,
            unit: "bytes",
        }));
    }
    let start = folder.block.saturating_mul(block_len);
    let bytes = read_vec(source, start, folder.len).map_err(MediaError::content("a folder"))?;
    let mut records = Vec::new();
    let sector_len = usize::try_from(SECTOR).unwrap_or(usize::MAX);
    for sector in bytes.chunks(sector_len) {
        let mut cursor = Cursor::new("ISO 9660 folder", sector);
        while !cursor.is_empty() {
            match Record::parse(&mut cursor)? {
                Some(record) => records.push(record),
                None => break,
            }
        }
    }
    Ok(records)
}

/// Case does not matter to a Mac.
fn folded(name: &str) -> Vec<u16> {
    name.to_lowercase().encode_utf16().collect()
}

pub(super) fn invalid(what: String) -> ParseError {
    ParseError::Invalid {
        structure: STRUCTURE,
        what,
        offset: 0,
    }
}
