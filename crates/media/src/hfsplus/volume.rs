//! What is on a volume.

use std::sync::Arc;

use wire::{Cursor, ParseError, Part, ReadAt, read_vec};

use super::{
    attributes::Attributes,
    btree::BTree,
    constants::{
        CATALOG_FILE, FILE_LINKS_FOLDER, FOLDER_LINK_CREATOR, FOLDER_LINK_TYPE,
        FOLDER_LINKS_FOLDER, HEADER_LEN, HEADER_OFFSET, LINK_CREATOR, LINK_TYPE, ROOT_FOLDER,
        ROOT_PARENT,
    },
    forks::{ForkKind, Forks},
    names::{folded, from_stored},
    raw::{CatalogKey, CatalogRecord, VolumeHeader},
};
use crate::{MediaError, archive::peek, names::Names};

const STRUCTURE: &str = "HFS+ volume";

/// `kHFSVolumeJournaledBit`
const JOURNALED: u32 = 1 << 13;

/// Where a volume with a journal keeps it; a mount does not show them.
const JOURNAL_FILES: [&str; 2] = [".journal", ".journal_info_block"];

/// What is on a volume.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) forks: Forks,
    pub(super) attributes: Attributes,
    pub(super) names: Names,
    pub(super) records: Records,
}

/// The records of a catalog, found by the number of what they describe.
///
/// There are as many as there are files: an ordered list takes no more room than they do.
#[derive(Debug, Default)]
pub(super) struct Records {
    list: Vec<CatalogRecord>,
    /// By number, where in the list.
    places: Vec<(u32, usize)>,
}

impl Records {
    /// The record of what has the number `id`.
    pub(super) fn get(&self, id: u64) -> Option<&CatalogRecord> {
        let id = u32::try_from(id).ok()?;
        let at = self.places.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.list.get(self.places.get(at)?.1)
    }

    /// # Errors
    /// If two of them have the same number.
    fn of(list: Vec<CatalogRecord>) -> Result<Self, ParseError> {
        let numbered = list.iter().enumerate();
        let mut places: Vec<_> = numbered.map(|(at, record)| (record.id, at)).collect();
        places.sort_unstable();
        let twice = places.windows(2).find_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(*a),
            _ => None,
        });
        match twice {
            None => Ok(Self { list, places }),
            Some(id) => Err(invalid(format!("two things with the number {id}"))),
        }
    }
}

impl Volume {
    /// Reads the catalog of the volume that fills `source`, or lies in a wrapper there.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub(super) fn open(source: Arc<dyn ReadAt>) -> Result<Self, MediaError> {
        let source = unwrap(source)?;
        let header = read_vec(&*source, HEADER_OFFSET, HEADER_LEN);
        let header = VolumeHeader::parse(&header.map_err(MediaError::content(STRUCTURE))?)?;
        let len = u64::from(header.block_count).saturating_mul(header.block_len.into());
        if len > source.len() {
            let what = format!("a volume of {len} bytes on {}", source.len());
            return Err(invalid(what).into());
        }
        let forks = Forks::open(source, &header)?;
        let catalog = forks.fork(CATALOG_FILE, ForkKind::Data, &header.catalog)?;
        let catalog = BTree::open(catalog)?;
        let case_matters = header.is_x && catalog.is_binary();
        let fold = (!case_matters).then_some(folded as fn(&str) -> Vec<u16>);
        let mut contents = Contents {
            names: Names::new(STRUCTURE, ROOT_FOLDER.into(), fold),
            named: Vec::new(),
            records: Vec::new(),
        };
        catalog.visit(|record| contents.add(record.key, record.data))?;
        let (names, records) = contents.finish(header.flags & JOURNALED != 0)?;
        Ok(Self {
            attributes: Attributes::open(&header, &forks)?,
            forks,
            names,
            records,
        })
    }
}

/// The volume inside an older HFS volume, if that is what `source` is.
fn unwrap(source: Arc<dyn ReadAt>) -> Result<Arc<dyn ReadAt>, MediaError> {
    let block: [u8; 162] = peek(&*source, HEADER_OFFSET).map_err(MediaError::content(STRUCTURE))?;
    let mut cursor = Cursor::new("HFS wrapper", &block);
    if cursor.array()? != *b"BD" {
        return Ok(source);
    }
    cursor.seek_forward(20)?;
    let block_len = u64::from(cursor.u32_be()?);
    cursor.seek_forward(28)?;
    let first_block = u64::from(cursor.u16_be()?).saturating_mul(512);
    cursor.seek_forward(124)?;
    cursor.magic(super::constants::SIGNATURE_PLUS)?;
    let start = u64::from(cursor.u16_be()?).saturating_mul(block_len);
    let len = u64::from(cursor.u16_be()?).saturating_mul(block_len);
    let start = first_block.saturating_add(start);
    Ok(Arc::new(Part::new(source, start, len)))
}

/// What the catalog holds, as it is read.
struct Contents {
    names: Names,
    /// The folder and name of everything, and the place of its record.
    named: Vec<(u32, String, usize)>,
    records: Vec<CatalogRecord>,
}

impl Contents {
    fn add(&mut self, key: &[u8], data: &[u8]) -> Result<(), MediaError> {
        let Some(record) = CatalogRecord::parse(data)? else {
            return Ok(());
        };
        let CatalogKey { parent, name } = CatalogKey::parse(key)?;
        let id = record.id;
        if record.is_folder {
            self.names.add_folder(id.into());
        }
        if (parent == ROOT_PARENT) != (id == ROOT_FOLDER) {
            return Err(invalid(format!("the folder {parent} of {id}")).into());
        }
        if parent != ROOT_PARENT {
            let place = self.records.len();
            self.named.push((parent, from_stored(&name), place));
        }
        self.records.push(record);
        Ok(())
    }

    /// Gives everything its name, and the names of hard links to what they lead to.
    fn finish(mut self, has_journal: bool) -> Result<(Names, Records), MediaError> {
        let root = u64::from(ROOT_FOLDER);
        let records = Records::of(self.records)?;
        if !records.get(root).is_some_and(|root| root.is_folder) {
            return Err(invalid("no root folder".to_owned()).into());
        }
        let mut links = Vec::new();
        for (parent, name, place) in self.named {
            let Some(record) = records.list.get(place) else {
                continue;
            };
            match link_target(record) {
                Some(target) => links.push((parent, name, target)),
                None => self.names.add(parent.into(), name, record.id.into())?,
            }
        }
        let files = self.names.remove(root, FILE_LINKS_FOLDER);
        let folders = self.names.remove(root, FOLDER_LINKS_FOLDER);
        if has_journal {
            for name in JOURNAL_FILES {
                self.names.remove(root, name);
            }
        }
        let has_links = !links.is_empty();
        for (parent, name, target) in links {
            let (private, inner) = match target {
                Target::File(number) => (files, format!("iNode{number}")),
                Target::Folder(number) => (folders, format!("dir_{number}")),
            };
            let id = private.and_then(|private| self.names.find(private, &inner));
            let Some(id) = id else {
                return Err(invalid(format!("a hard link {name:?} to nothing")).into());
            };
            self.names.add_link(parent.into(), name, id)?;
        }
        if has_links {
            // What an ordinary link leads to may be a folder, too.
            self.names.check_paths()?;
        }
        Ok((self.names, records))
    }
}

/// What a hard link leads to: a number that is part of a name in a private folder.
enum Target {
    File(u32),
    Folder(u32),
}

fn link_target(record: &CatalogRecord) -> Option<Target> {
    if record.is_folder {
        return None;
    }
    let info = &record.finder_info;
    if info.starts_with(&[LINK_TYPE, LINK_CREATOR].concat()) {
        return Some(Target::File(record.special));
    }
    if info.starts_with(&[FOLDER_LINK_TYPE, FOLDER_LINK_CREATOR].concat()) && record.special >= 16 {
        return Some(Target::Folder(record.special));
    }
    None
}

fn invalid(what: String) -> ParseError {
    ParseError::Invalid {
        structure: STRUCTURE,
        what,
        offset: 0,
    }
}
