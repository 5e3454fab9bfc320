//! The volume as a stream of bytes.

use std::io::{self, Read, Write};

use model::Timestamp;
use sha1::{Digest as _, Sha1};

use super::{
    btree::{self, Shape},
    catalog::{attributes, catalog, date},
    plan::{BLOCK, Fork, Item, items, unplaced},
};
use crate::{
    Kind, MediaError, Tree,
    hfsplus::constants::{FIRST_USER_ID, HEADER_LEN, HEADER_OFFSET, TREE_BIG_KEYS},
    write::{cannot_store, too_large},
    xattrs::RESOURCE_FORK,
};

/// A volume that is ready to be written.
#[derive(Debug)]
pub(crate) struct Volume<'a> {
    tree: &'a dyn Tree,
    items: Vec<Item>,
    header: Vec<u8>,
    special: Vec<Special>,
    total_blocks: u32,
}

/// A file of the volume itself: its place and its contents.
#[derive(Debug, Default)]
struct Special {
    fork: Fork,
    contents: Vec<u8>,
}

impl<'a> Volume<'a> {
    /// Lays out a volume that holds `tree`; only names, modes and lengths are read.
    ///
    /// # Errors
    /// If the tree cannot be read, or cannot be stored.
    pub(crate) fn new(tree: &'a dyn Tree, name: &str) -> Result<Self, MediaError> {
        let mut items = items(tree, name)?;
        let times = items.iter().filter_map(|item| item.entry.modified);
        let changed = times.max().unwrap_or(Timestamp::from_micros(0));
        let attributes = Special::new(attributes(&items)?.unwrap_or_default())?;
        // The places of the files do not change the length of the catalog that says them.
        let catalog_len = catalog(&items, changed)?.len();
        let mut catalog_file = Special::new(vec![0; catalog_len])?;
        let mut special = vec![
            Special::default(),
            Special::new(empty_tree()?)?,
            std::mem::take(&mut catalog_file),
            attributes,
        ];
        let total_blocks = place(&mut special, &mut items)?;
        if let Some(file) = special.get_mut(2) {
            file.contents = catalog(&items, changed)?;
        }
        if let Some(file) = special.first_mut() {
            file.contents = btree::used_bits(total_blocks.into());
        }
        let header = header(name, &items, changed, total_blocks, &special);
        Ok(Self {
            tree,
            items,
            header,
            special,
            total_blocks,
        })
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        u64::from(self.total_blocks).saturating_mul(BLOCK)
    }

    /// Writes it.
    ///
    /// # Errors
    /// If a file cannot be read or is not as long as it was, or if `out` cannot be written.
    pub(crate) fn write(&self, out: &mut Sink<'_>) -> Result<(), MediaError> {
        out.zeros(HEADER_OFFSET)?;
        out.bytes(&self.header)?;
        out.pad()?;
        for file in &self.special {
            out.bytes(&file.contents)?;
            out.pad()?;
        }
        for item in &self.items {
            self.write_contents(item, out)?;
            if let Some(fork) = item.xattrs.iter().find(|xattr| xattr.name == RESOURCE_FORK) {
                out.bytes(&fork.value)?;
                out.pad()?;
            }
        }
        out.zeros(BLOCK.saturating_sub(HEADER_OFFSET))?;
        out.bytes(&self.header)?;
        out.pad()
    }

    fn write_contents(&self, item: &Item, out: &mut Sink<'_>) -> Result<(), MediaError> {
        match &item.entry.kind {
            Kind::Folder => return Ok(()),
            Kind::Link { target } => out.bytes(target.as_bytes())?,
            Kind::File { len_bytes } => {
                let path = &item.entry.path;
                let mut reader = self.tree.open(path)?.take(len_bytes.saturating_add(1));
                if out.copy(path, &mut reader)? != *len_bytes {
                    return Err(cannot_store(path, "its length changed while it was read"));
                }
            }
        }
        out.pad()
    }
}

impl Special {
    fn new(contents: Vec<u8>) -> Result<Self, MediaError> {
        let fork = unplaced(contents.len() as u64)?;
        Ok(Self { fork, contents })
    }
}

/// Where a volume is written to.
pub(crate) struct Sink<'a> {
    to: &'a mut dyn Write,
    failed: &'a dyn Fn(io::Error) -> MediaError,
    written: u64,
}

impl<'a> Sink<'a> {
    /// Writes to `to`, whose errors `failed` explains.
    pub(crate) fn new(to: &'a mut dyn Write, failed: &'a dyn Fn(io::Error) -> MediaError) -> Self {
        Self {
            to,
            failed,
            written: 0,
        }
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        self.to.write_all(bytes).map_err(self.failed)?;
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn zeros(&mut self, len: u64) -> Result<(), MediaError> {
        self.copy("zeros", &mut io::repeat(0).take(len)).map(drop)
    }

    /// Fills up the block.
    fn pad(&mut self) -> Result<(), MediaError> {
        let end = self.written.next_multiple_of(BLOCK);
        self.zeros(end.saturating_sub(self.written))
    }

    /// Writes what `reader` yields, and says how much that was.
    fn copy(&mut self, path: &str, reader: &mut dyn Read) -> Result<u64, MediaError> {
        let mut buffer = vec![0; 64 << 10];
        let mut done = 0_u64;
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => return Ok(done),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(MediaError::content(path)(error)),
            };
            self.bytes(buffer.get(..read).unwrap_or_default())?;
            done = done.saturating_add(read as u64);
        }
    }
}

/// Gives every file its place: the header's block, the files of the volume itself, the others, and a block for the
/// second header. The answer is how many blocks that makes.
fn place(special: &mut [Special], items: &mut [Item]) -> Result<u32, MediaError> {
    let mut next = 0_u32;
    for file in special.iter_mut() {
        file.fork.place(&mut next)?;
    }
    for item in items.iter_mut() {
        item.data.place(&mut next)?;
        item.resource.place(&mut next)?;
    }
    // One more for the first and the last block, and as many as a map takes that covers itself too.
    let others = u64::from(next).saturating_add(2);
    let bits = BLOCK.saturating_mul(8);
    let map_blocks = others.div_ceil(bits.saturating_sub(1));
    let total = others.saturating_add(map_blocks);
    let shift = u32::try_from(map_blocks.saturating_add(1))
        .ok()
        .ok_or_else(|| too_large("a volume"))?;
    let forks = items
        .iter_mut()
        .flat_map(|item| [&mut item.data, &mut item.resource]);
    for fork in special.iter_mut().map(|file| &mut file.fork).chain(forks) {
        if fork.blocks > 0 {
            fork.start = fork.start.saturating_add(shift);
        }
    }
    if let Some(map) = special.first_mut() {
        map.fork = unplaced(map_blocks.saturating_mul(BLOCK))?;
        map.fork.start = 1;
    }
    u32::try_from(total)
        .ok()
        .ok_or_else(|| too_large("a volume"))
}

/// The tree of further stretches, which no file here has.
fn empty_tree() -> Result<Vec<u8>, MediaError> {
    let shape = Shape {
        node_len: 4096,
        longest_key: 10,
        compare: 0,
        flags: TREE_BIG_KEYS,
    };
    btree::build(shape, Vec::new())
}

/// The volume header.
fn header(
    name: &str,
    items: &[Item],
    changed: Timestamp,
    total_blocks: u32,
    special: &[Special],
) -> Vec<u8> {
    let folders = items.iter().filter(|item| item.entry.is_folder()).count();
    let files = items.len().saturating_sub(folders);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let last_id = items.last().map_or(0, |item| item.id);
    let next_id = last_id.saturating_add(1).max(FIRST_USER_ID);
    let block = u32::try_from(BLOCK).unwrap_or(0);
    let mut bytes = b"H+\x00\x04\x00\x00\x01\x0010.0\0\0\0\0".to_vec(); // version 4, unmounted in order
    for date in [date(changed), date(changed), 0, date(changed)] {
        bytes.extend(date.to_be_bytes());
    }
    let numbers = [
        count(files),
        count(folders.saturating_sub(1)),
        block,
        total_blocks,
        0, // free blocks
        0, // where to look for them
        block,
        block,
        next_id,
        1, // how often it was written
    ];
    for number in numbers {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(1_u64.to_be_bytes()); // encodings: Roman
    bytes.extend([0; 24]); // blessed folders
    bytes.extend(Sha1::digest(name).iter().take(8)); // identifier
    for file in special {
        bytes.extend(file.fork.to_bytes(block));
    }
    bytes.resize(usize::try_from(HEADER_LEN).unwrap_or(0), 0);
    bytes
}
