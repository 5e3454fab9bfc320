//! Writes a bill of materials: what a package's receipt says of every file.
//!
//! Source: `bom(5)` and `lsbom(8)` for what it says; the layout as found in the packages of Apple's own tools. All
//! numbers are big-endian; blocks are named by their place in a table.

use std::{
    collections::HashMap,
    io::{self, Read},
    sync::LazyLock,
};

use super::cannot_store;
use crate::{Entry, Kind, MediaError, Tree, archive::mode, path};

/// Length of the head of the file in bytes.
const HEAD: usize = 512;

/// Length of a block of the tree of paths in bytes.
const NODE: usize = 4096;

/// How many entries such a block has room for.
const MOST_IN_NODE: usize = (NODE - 12) / 8;

/// `lsbom` calls this the architecture: all of them.
const ANY_ARCHITECTURE: u16 = 15;

/// The bill for `entries`, with the root before them.
///
/// # Errors
/// If a file cannot be read, or is of 4 GiB or more.
pub(super) fn of(tree: &dyn Tree, entries: &[Entry]) -> Result<Vec<u8>, MediaError> {
    let root = tree.entry("")?;
    let mut bill = Bill::default();
    let (mut keys, mut numbers, mut total) = (Vec::new(), HashMap::new(), 0_u32);
    for (number, entry) in (1_u32..).zip([&root].into_iter().chain(entries)) {
        let (folder, name) = path::split(&entry.path);
        let (parent, name) = match name {
            "" => (0, "."),
            name => (numbers.get(folder).copied().unwrap_or(0), name),
        };
        if entry.is_folder() {
            numbers.insert(entry.path.clone(), number);
        }
        let (facts, len) = facts(tree, entry)?;
        total = total.wrapping_add(len);
        let facts = bill.add(facts);
        let info = bill.add([number, facts].map(u32::to_be_bytes).concat());
        let key = [&parent.to_be_bytes()[..], name.as_bytes(), b"\0"].concat();
        keys.push((key, info));
    }
    keys.sort();
    bill.finish(keys, total)
}

/// What is said of an entry, and how many bytes it counts for.
fn facts(tree: &dyn Tree, entry: &Entry) -> Result<(Vec<u8>, u32), MediaError> {
    let too_large = |_| cannot_store(&entry.path, "it is too large");
    let (kind, bits, len, checksum, target) = match &entry.kind {
        Kind::File { len_bytes } => {
            let mut reader = tree.open(&entry.path)?;
            let checksum = checksum(&mut reader).map_err(MediaError::content(&entry.path))?;
            (1, mode::FILE, *len_bytes, checksum, "")
        }
        Kind::Folder => (2, mode::FOLDER, 0, 0, ""),
        Kind::Link { target } => {
            let checksum = checksum(&mut target.as_bytes());
            let checksum = checksum.map_err(MediaError::content(&entry.path))?;
            (
                3,
                mode::LINK,
                target.len() as u64,
                checksum,
                target.as_str(),
            )
        }
    };
    let len = u32::try_from(len).map_err(too_large)?;
    // Sixteen bits hold every kind and permission.
    let bits = u16::try_from(bits | entry.mode & 0o7777).map_err(too_large)?;
    let modified = entry.modified.map_or(0, |time| time.as_secs().max(0));
    let mut facts = vec![kind, 1];
    facts.extend(ANY_ARCHITECTURE.to_be_bytes());
    facts.extend(bits.to_be_bytes());
    for number in [
        entry.uid.unwrap_or(0),
        entry.gid.unwrap_or(0),
        u32::try_from(modified).unwrap_or(u32::MAX),
        len,
    ] {
        facts.extend(number.to_be_bytes());
    }
    facts.push(1);
    facts.extend(checksum.to_be_bytes());
    if target.is_empty() {
        facts.extend(0_u32.to_be_bytes());
    } else {
        let len = u32::try_from(target.len()).map_err(too_large)?;
        facts.extend(len.saturating_add(1).to_be_bytes());
        facts.extend(target.as_bytes());
        facts.push(0);
    }
    if entry.is_file() {
        facts.extend([0; 4]);
    }
    Ok((facts, len))
}

/// The checksum of `cksum(1)`: CRC-32 with the high bit first, over the bytes and their number.
fn checksum(reader: &mut dyn Read) -> io::Result<u32> {
    let mut crc = 0_u32;
    let mut len = 0_u64;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        crc = bytes.iter().fold(crc, |crc, byte| step(crc, *byte));
        len = len.saturating_add(read as u64);
    }
    let len = len.to_le_bytes();
    let significant = len
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at.saturating_add(1));
    let len = len.iter().take(significant);
    Ok(!len.fold(crc, |crc, byte| step(crc, *byte)))
}

fn step(crc: u32, byte: u8) -> u32 {
    let [high, ..] = crc.to_be_bytes();
    let added = TABLE.get(usize::from(high ^ byte)).copied();
    crc.wrapping_shl(8) ^ added.unwrap_or_default()
}

/// What a byte at the top adds: the polynomial wherever a bit of it leaves.
static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let add = |crc: u32, _bit| {
        let leaves = crc.wrapping_shr(31) == 1;
        crc.wrapping_shl(1) ^ if leaves { 0x04c1_1db7 } else { 0 }
    };
    (0..=255_u32)
        .map(|byte| (0..8).fold(byte.wrapping_shl(24), add))
        .collect()
});

/// A bill as it grows: blocks, and where they lie.
#[derive(Debug, Default)]
struct Bill {
    bytes: Vec<u8>,
    /// Start and length of each block; the first one has the number 1.
    blocks: Vec<(u32, u32)>,
}

impl Bill {
    /// Adds a block; the answer is its number.
    fn add(&mut self, block: Vec<u8>) -> u32 {
        let start = self.bytes.len().saturating_add(HEAD);
        self.blocks.push((small(start), small(block.len())));
        self.bytes.extend(block);
        small(self.blocks.len())
    }

    /// A tree: its top block, the length of a block, and how many paths it has.
    fn tree(&mut self, top: u32, node_len: u32, paths: u32) -> u32 {
        let mut tree = b"tree".to_vec();
        for number in [1, top, node_len, paths] {
            tree.extend(number.to_be_bytes());
        }
        tree.push(0);
        self.add(tree)
    }

    fn empty_tree(&mut self, node_len: usize) -> u32 {
        let top = self.add(node(1, &[], (0, 0), node_len));
        self.tree(top, small(node_len), 0)
    }

    /// The tree of paths, whose leaves have the keys in their order.
    fn paths(&mut self, keys: Vec<(Vec<u8>, u32)>) -> u32 {
        let count = small(keys.len());
        let mut level: Vec<(u32, u32)> = Vec::new();
        for (key, info) in keys {
            let key = self.add(key);
            level.push((info, key));
        }
        let mut kind = 1;
        loop {
            let chunks: Vec<_> = level.chunks(MOST_IN_NODE).map(<[_]>::to_vec).collect();
            let first = small(self.blocks.len()).saturating_add(1);
            let last = first.saturating_add(small(chunks.len())).saturating_sub(1);
            let mut above = Vec::new();
            for (number, chunk) in (first..).zip(&chunks) {
                // Leaves know their neighbours; 0 stands for none.
                let next = if kind == 1 && number < last {
                    number.saturating_add(1)
                } else {
                    0
                };
                let previous = if kind == 1 && number > first {
                    number.saturating_sub(1)
                } else {
                    0
                };
                let block = self.add(node(kind, chunk, (next, previous), NODE));
                above.extend(chunk.last().map(|(_, key)| (block, *key)));
            }
            kind = 0;
            match above.as_slice() {
                [(top, _)] => return self.tree(*top, small(NODE), count),
                _ => level = above,
            }
        }
    }

    /// The whole file.
    fn finish(mut self, keys: Vec<(Vec<u8>, u32)>, total: u32) -> Result<Vec<u8>, MediaError> {
        let count = small(keys.len()).saturating_add(1);
        let info = [1, count, 1, 0, 0, total, 0].map(u32::to_be_bytes).concat();
        let info = self.add(info);
        let paths = self.paths(keys);
        let links = self.empty_tree(NODE);
        let versions = self.empty_tree(128);
        let versions = [&[1, versions, 0].map(u32::to_be_bytes).concat()[..], &[0]].concat();
        let versions = self.add(versions);
        let sizes = self.empty_tree(NODE);
        let mut variables = 5_u32.to_be_bytes().to_vec();
        for (name, block) in [
            ("BomInfo", info),
            ("Paths", paths),
            ("HLIndex", links),
            ("VIndex", versions),
            ("Size64", sizes),
        ] {
            variables.extend(block.to_be_bytes());
            variables.push(u8::try_from(name.len()).unwrap_or(0));
            variables.extend(name.as_bytes());
        }
        let mut table = small(self.blocks.len())
            .saturating_add(1)
            .to_be_bytes()
            .to_vec();
        table.extend([0; 8]); // the block 0, which is none
        for (start, len) in &self.blocks {
            table.extend([*start, *len].map(u32::to_be_bytes).concat());
        }
        table.extend([0; 20]); // the list of what is free: two entries of nothing
        let table_start = self.bytes.len().saturating_add(HEAD);
        let variables_start = table_start.saturating_add(table.len());
        let end = variables_start.saturating_add(variables.len());
        u32::try_from(end).map_err(|_large| cannot_store("Bom", "there are too many files"))?;
        let mut file = b"BOMStore".to_vec();
        for number in [
            1,
            small(self.blocks.len()),
            small(table_start),
            small(table.len()),
            small(variables_start),
            small(variables.len()),
        ] {
            file.extend(number.to_be_bytes());
        }
        file.resize(HEAD, 0);
        file.extend(self.bytes);
        file.extend(table);
        file.extend(variables);
        Ok(file)
    }
}

/// A block of a tree: of the bottom or not, its neighbours, and its entries.
fn node(kind: u16, entries: &[(u32, u32)], (next, previous): (u32, u32), len: usize) -> Vec<u8> {
    let mut node = kind.to_be_bytes().to_vec();
    node.extend(u16::try_from(entries.len()).unwrap_or(0).to_be_bytes());
    node.extend([next, previous].map(u32::to_be_bytes).concat());
    for (value, key) in entries {
        node.extend([*value, *key].map(u32::to_be_bytes).concat());
    }
    node.resize(len, 0);
    node
}

/// A length that was found to fit before anything is written: [`Bill::finish`] looks at the last one.
fn small(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_cksum() {
        let sum = |mut bytes: &[u8]| checksum(&mut bytes).unwrap();
        assert_eq!(sum(b""), 0xffff_ffff);
        assert_eq!(sum(b"123456789"), 0x377a_6011);
    }
}
