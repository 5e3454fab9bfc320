//! What is written where.

use std::collections::HashSet;

use crate::{
    Entry, Kind, MediaError, Tree, Xattr,
    hfsplus::{
        constants::{FIRST_USER_ID, ROOT_FOLDER, ROOT_PARENT},
        names::{self, LONGEST_NAME},
    },
    path,
    write::{cannot_store, too_large},
    xattrs::RESOURCE_FORK,
};

/// Length of an allocation block in bytes.
pub(super) const BLOCK: u64 = 4096;

/// Where a file's contents lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fork {
    /// Its length in bytes.
    pub(super) len: u64,
    /// Its first block.
    pub(super) start: u32,
    /// How many blocks it has.
    pub(super) blocks: u32,
}

/// Something with a number of its own: a folder, a file or a link.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: u32,
    pub(super) parent: u32,
    /// As stored.
    pub(super) name: Vec<u16>,
    pub(super) entry: Entry,
    /// How many things are in it, if it is a folder.
    pub(super) valence: u32,
    pub(super) xattrs: Vec<Xattr>,
    pub(super) data: Fork,
    pub(super) resource: Fork,
}

/// Everything in `tree`, in the order of the paths, with numbers but without places.
///
/// # Errors
/// If the tree cannot be read, or a name cannot be stored.
pub(super) fn items(tree: &dyn Tree, volume_name: &str) -> Result<Vec<Item>, MediaError> {
    let root = tree.entry("")?;
    let mut items = vec![Item {
        id: ROOT_FOLDER,
        parent: ROOT_PARENT,
        name: stored_name(volume_name, volume_name)?,
        xattrs: tree.xattrs("")?,
        entry: root,
        valence: 0,
        data: Fork::default(),
        resource: Fork::default(),
    }];
    let mut next_id = FIRST_USER_ID;
    let mut position = 0_usize;
    // Folders are gone through in the order in which they were found, so that a deep tree needs no deep stack.
    while let Some((id, path)) = items.get(position).map(|item| (item.id, &item.entry)) {
        if path.is_folder() {
            let path = path.path.clone();
            path::check_depth(&path)?;
            let children = children(tree, &path, id, &mut next_id)?;
            if let Some(item) = items.get_mut(position) {
                item.valence = u32::try_from(children.len())
                    .ok()
                    .ok_or_else(|| too_large("a folder"))?;
            }
            items.extend(children);
        }
        position = position.saturating_add(1);
    }
    Ok(items)
}

/// What is in a folder.
fn children(
    tree: &dyn Tree,
    folder: &str,
    parent: u32,
    next_id: &mut u32,
) -> Result<Vec<Item>, MediaError> {
    let mut items = Vec::new();
    let mut known = HashSet::new();
    for entry in tree.children(folder)? {
        let name = stored_name(entry.name(), &entry.path)?;
        if !known.insert(names::folded(entry.name())) {
            let why = "another name differs from it only in case";
            return Err(cannot_store(&entry.path, why));
        }
        let xattrs = tree.xattrs(&entry.path)?;
        let resource = xattrs.iter().find(|xattr| xattr.name == RESOURCE_FORK);
        let resource = resource.map_or(0, |xattr| xattr.value.len() as u64);
        let data = match &entry.kind {
            Kind::File { len_bytes } => *len_bytes,
            Kind::Folder => 0,
            Kind::Link { target } => target.len() as u64,
        };
        items.push(Item {
            id: *next_id,
            parent,
            name,
            valence: 0,
            xattrs,
            data: unplaced(data)?,
            resource: unplaced(resource)?,
            entry,
        });
        *next_id = next_id
            .checked_add(1)
            .ok_or_else(|| too_large("a volume"))?;
    }
    Ok(items)
}

fn stored_name(name: &str, path: &str) -> Result<Vec<u16>, MediaError> {
    let stored = names::to_stored(name);
    match stored.len() {
        0 => Err(cannot_store(path, "it has no name")),
        1..=LONGEST_NAME => Ok(stored),
        _ => Err(cannot_store(path, "its name is too long")),
    }
}

/// A fork of that length without a place.
pub(super) fn unplaced(len: u64) -> Result<Fork, MediaError> {
    let blocks = u32::try_from(len.div_ceil(BLOCK))
        .ok()
        .ok_or_else(|| too_large("a file"))?;
    Ok(Fork {
        len,
        start: 0,
        blocks,
    })
}

impl Fork {
    /// Gives it the blocks from `next` on, and moves `next` behind them.
    ///
    /// # Errors
    /// If the volume would have too many blocks.
    pub(super) fn place(&mut self, next: &mut u32) -> Result<(), MediaError> {
        self.start = if self.blocks == 0 { 0 } else { *next };
        *next = next
            .checked_add(self.blocks)
            .ok_or_else(|| too_large("a volume"))?;
        Ok(())
    }

    /// As the catalog and the volume header have it, with all of its blocks in one stretch.
    pub(super) fn to_bytes(self, clump: u32) -> Vec<u8> {
        let mut bytes = self.len.to_be_bytes().to_vec();
        for field in [clump, self.blocks, self.start, self.blocks] {
            bytes.extend(field.to_be_bytes());
        }
        bytes.resize(80, 0);
        bytes
    }
}
