//! What is on a volume.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use unicode_normalization::UnicodeNormalization as _;
use wire::{Cursor, ParseError, ReadAt};

use super::{
    btree::{BTree, Storage},
    constants::{
        CASE_INSENSITIVE, INODE_SPARSE, NORMALIZATION_INSENSITIVE, RECORD_EXTENT, RECORD_INODE,
        RECORD_NAME, RECORD_XATTR, ROOT_FOLDER, SEALED, STORAGE_MASK,
    },
    object::Blocks,
    omap::ObjectMap,
    raw::{FileExtent, Inode, VolumeSuperblock, XattrValue, name, record_key},
};
use crate::{
    MediaError,
    archive::mode,
    extents::{Extents, Run},
    names::Names,
};

const STRUCTURE: &str = "APFS volume";

/// What is on a volume.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) names: Names,
    pub(super) inodes: HashMap<u64, Inode>,
    pub(super) xattrs: BTreeMap<(u64, String), XattrValue>,
    blocks: Blocks,
    /// The stretches of a stream, by their start in it.
    extents: HashMap<u64, BTreeMap<u64, FileExtent>>,
}

impl Volume {
    /// Reads all records of the volume, as it was in the transaction `xid`.
    ///
    /// # Errors
    /// If it is damaged, or of a kind that is not read.
    pub(super) fn open(
        blocks: &Blocks,
        superblock: &VolumeSuperblock,
        xid: u64,
    ) -> Result<Self, MediaError> {
        if superblock.incompatible & SEALED != 0 {
            return Err(MediaError::Parse(ParseError::Unsupported {
                structure: STRUCTURE,
                what: "a sealed volume".to_owned(),
            }));
        }
        let map = ObjectMap::open(blocks, superblock.object_map, xid)?;
        let tree = BTree {
            blocks,
            storage: if superblock.root_tree_kind & STORAGE_MASK == 0 {
                Storage::Virtual(&map)
            } else {
                Storage::Physical
            },
            root: superblock.root_tree,
        };
        let case = superblock.incompatible & CASE_INSENSITIVE != 0;
        let form = superblock.incompatible & NORMALIZATION_INSENSITIVE != 0;
        let mut records = Records {
            is_hashed: case || form,
            named: Vec::new(),
            volume: Self {
                names: Names::new(STRUCTURE, ROOT_FOLDER, fold(case, form)),
                inodes: HashMap::new(),
                xattrs: BTreeMap::new(),
                blocks: blocks.clone(),
                extents: HashMap::new(),
            },
        };
        tree.visit(|key, value| records.add(key, value))?;
        Ok(records.finish()?)
    }

    /// Whether its root folder holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        let root = self.names.children(ROOT_FOLDER);
        root.is_none_or(BTreeMap::is_empty)
    }

    /// The contents of a stream.
    ///
    /// # Errors
    /// If there are too few stretches, or they reach beyond the container.
    pub(super) fn stream(
        &self,
        stream: u64,
        len: u64,
        has_gaps: bool,
    ) -> Result<Arc<dyn ReadAt>, ParseError> {
        let hole = |start, len| Run {
            start,
            len,
            place: None,
        };
        let mut runs = Vec::new();
        let mut covered = 0_u64;
        for (start, extent) in self.extents.get(&stream).into_iter().flatten() {
            if has_gaps && *start > covered {
                runs.push(hole(covered, start.saturating_sub(covered)));
            }
            runs.push(Run {
                start: *start,
                len: extent.len,
                place: (extent.block != 0)
                    .then(|| extent.block.saturating_mul(self.blocks.block_len)),
            });
            covered = start.saturating_add(extent.len);
        }
        if has_gaps && len > covered {
            runs.push(hole(covered, len.saturating_sub(covered)));
        }
        let source = Arc::clone(&self.blocks.source);
        Ok(Arc::new(Extents::new("APFS file", source, runs, len)?))
    }
}

impl Inode {
    /// Whether what is not stored reads as zeros.
    pub(super) const fn has_gaps(&self) -> bool {
        self.flags & INODE_SPARSE != 0
    }

    /// Whether it is a folder.
    pub(super) const fn is_folder(&self) -> bool {
        self.mode as u32 & mode::KIND == mode::FOLDER
    }
}

/// The records of a volume, as they are read.
struct Records {
    is_hashed: bool,
    /// Folder, name and number of everything.
    named: Vec<(u64, String, u64)>,
    volume: Volume,
}

impl Records {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), MediaError> {
        let mut key = Cursor::new("APFS record key", key);
        let (id, kind) = record_key(&mut key)?;
        match kind {
            RECORD_INODE => {
                let inode = Inode::parse(value)?;
                if inode.is_folder() {
                    self.volume.names.add_folder(id);
                }
                self.volume.inodes.insert(id, inode);
            }
            RECORD_XATTR => {
                let name = name(&mut key, false)?;
                let value = XattrValue::parse(value)?;
                self.volume.xattrs.insert((id, name), value);
            }
            RECORD_EXTENT => {
                let start = key.u64_le()?;
                let extent = FileExtent::parse(value)?;
                let stream = self.volume.extents.entry(id).or_default();
                stream.insert(start, extent);
            }
            RECORD_NAME => {
                let name = name(&mut key, self.is_hashed)?;
                let child = Cursor::new("APFS name", value).u64_le()?;
                self.named.push((id, name, child));
            }
            _ => return Ok(()),
        }
        Ok(())
    }

    /// Gives everything its name.
    fn finish(mut self) -> Result<Volume, ParseError> {
        for (parent, name, id) in self.named {
            // Of deleted files that were still open when the disk was taken away, the folder may be gone.
            if self.volume.names.children(parent).is_none() {
                continue;
            }
            if !self.volume.inodes.contains_key(&id) {
                return Err(ParseError::Invalid {
                    structure: STRUCTURE,
                    what: format!("the name {name:?} of nothing"),
                    offset: 0,
                });
            }
            self.volume.names.add(parent, name, id)?;
        }
        Ok(self.volume)
    }
}

/// What two names have in common that are the same to the volume.
fn fold(case: bool, form: bool) -> Option<fn(&str) -> Vec<u16>> {
    match (case, form) {
        (true, _) => Some(|name| {
            let small: String = name.nfd().flat_map(char::to_lowercase).collect();
            small.nfd().collect::<String>().encode_utf16().collect()
        }),
        (false, true) => Some(|name| name.nfd().collect::<String>().encode_utf16().collect()),
        (false, false) => None,
    }
}
