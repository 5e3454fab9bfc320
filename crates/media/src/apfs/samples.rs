//! Containers made by hand, for tests.

use super::constants::{
    NODE_FIXED, NODE_LEAF, NODE_ROOT, RECORD_EXTENT, RECORD_INODE, RECORD_NAME, RECORD_XATTR,
    ROOT_FOLDER, TYPE_CONTAINER, TYPE_OBJECT_MAP, TYPE_TREE, TYPE_TREE_NODE, TYPE_VOLUME,
    VOLUME_UNENCRYPTED,
};

/// Length of a block in bytes.
pub(crate) const BLOCK: usize = 4096;
/// Block in which the contents of files begin, one block each.
pub(crate) const FIRST_DATA: u64 = 32;
/// Numbers of the first file tree's nodes.
const TREE_OID: u64 = 2000;

/// Key and value of a record.
pub(crate) type Record = (Vec<u8>, Vec<u8>);

/// A volume, and the contents of files, one block each.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) flags: u64,
    pub(crate) incompatible: u64,
    pub(crate) records: Vec<Record>,
}

impl Volume {
    /// A volume with nothing but a root folder.
    pub(crate) fn new() -> Self {
        let mut volume = Self {
            flags: VOLUME_UNENCRYPTED,
            incompatible: 0,
            records: Vec::new(),
        };
        volume.inode(ROOT_FOLDER, 0o040_755, 0);
        volume
    }

    fn add(&mut self, id: u64, kind: u8, rest: &[u8], value: Vec<u8>) {
        let key = id | u64::from(kind) << 60;
        let key = [&key.to_le_bytes(), rest].concat();
        self.records.push((key, value));
    }

    pub(crate) fn inode(&mut self, id: u64, mode: u16, len: u64) {
        let mut value = Vec::new();
        for field in [0, id, 0, 1_600_000_000_000_000_000, 0, 0, 0] {
            value.extend(u64::to_le_bytes(field));
        }
        for field in [1, 0, 0, 0, 99, 99] {
            value.extend(u32::to_le_bytes(field));
        }
        value.extend(mode.to_le_bytes());
        value.resize(92, 0);
        value.extend([2, 0, 48, 0, 4, 2, 5, 0, 8, 0, 40, 0]); // two fields: a name, a stream
        value.extend(b"name\0\0\0\0");
        value.extend(len.to_le_bytes());
        value.resize(92 + 12 + 48, 0);
        self.add(id, RECORD_INODE, &[], value);
    }

    /// Changes the inode that was added last: the flags of it, or those of BSD.
    pub(crate) fn set(&mut self, at: usize, bytes: &[u8]) {
        let (_, value) = self.records.last_mut().unwrap();
        value[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn name(&mut self, parent: u64, name: &str, id: u64) {
        let len = name.len() + 1;
        let len = if self.incompatible == 0 {
            u16::try_from(len).unwrap().to_le_bytes().to_vec()
        } else {
            (u32::try_from(len).unwrap() | 0xabc << 10)
                .to_le_bytes()
                .to_vec()
        };
        let rest = [len.as_slice(), name.as_bytes(), &[0]].concat();
        let value = [&id.to_le_bytes()[..], &[0; 10]].concat();
        self.add(parent, RECORD_NAME, &rest, value);
    }

    pub(crate) fn extent(&mut self, id: u64, start: u64, len: u64, block: u64) {
        let value = [len, block, 0].map(u64::to_le_bytes).concat();
        self.add(id, RECORD_EXTENT, &start.to_le_bytes(), value);
    }

    pub(crate) fn xattr(&mut self, id: u64, name: &str, flags: u16, data: &[u8]) {
        let len = u16::try_from(name.len() + 1).unwrap();
        let rest = [&len.to_le_bytes()[..], name.as_bytes(), &[0]].concat();
        let len = u16::try_from(data.len()).unwrap();
        let value = [&flags.to_le_bytes()[..], &len.to_le_bytes(), data].concat();
        self.add(id, RECORD_XATTR, &rest, value);
    }
}

/// Gives every block of a changed container that has a checksum the right one again.
pub(crate) fn seal(container: &mut [u8]) {
    let data = usize::try_from(FIRST_DATA).unwrap() * BLOCK;
    let end = data.min(container.len());
    super::object::seal(&mut container[..end]);
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

fn object(oid: u64, xid: u64, kind: u32) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    put(&mut block, 8, &oid.to_le_bytes());
    put(&mut block, 16, &xid.to_le_bytes());
    put(&mut block, 24, &kind.to_le_bytes());
    block
}

/// A node; `fixed` are the lengths of keys and values where all are alike.
fn node(oid: u64, level: u16, root_of: Option<u64>, fixed: bool, records: &[Record]) -> Vec<u8> {
    let is_root = root_of.is_some();
    let mut block = object(oid, 2, if is_root { TYPE_TREE } else { TYPE_TREE_NODE });
    let mut flags = 0;
    for (flag, is_set) in [
        (NODE_ROOT, is_root),
        (NODE_LEAF, level == 0),
        (NODE_FIXED, fixed),
    ] {
        flags |= if is_set { flag } else { 0 };
    }
    let entry_len = if fixed { 4 } else { 8 };
    let table_len = u16::try_from(records.len() * entry_len).unwrap();
    put(&mut block, 32, &flags.to_le_bytes());
    put(&mut block, 34, &level.to_le_bytes());
    put(
        &mut block,
        36,
        &u32::try_from(records.len()).unwrap().to_le_bytes(),
    );
    put(&mut block, 42, &table_len.to_le_bytes());
    let keys = 56 + usize::from(table_len);
    let values = if is_root { BLOCK - 40 } else { BLOCK };
    let (mut key_at, mut value_at) = (0, 0);
    for (number, (key, value)) in records.iter().enumerate() {
        value_at += value.len();
        put(&mut block, keys + key_at, key);
        put(&mut block, values - value_at, value);
        let places = if fixed {
            vec![key_at, value_at]
        } else {
            vec![key_at, key.len(), value_at, value.len()]
        };
        let places = places
            .into_iter()
            .map(|place| u16::try_from(place).unwrap());
        let places: Vec<u8> = places.flat_map(u16::to_le_bytes).collect();
        put(&mut block, 56 + number * entry_len, &places);
        key_at += key.len();
    }
    assert!(keys + key_at <= values - value_at, "a node with too much");
    if let Some(count) = root_of {
        let (key, value) = if fixed { (16_u32, 16_u32) } else { (0, 0) };
        put(&mut block, BLOCK - 32, &key.to_le_bytes());
        put(&mut block, BLOCK - 28, &value.to_le_bytes());
        put(&mut block, BLOCK - 16, &count.to_le_bytes());
    }
    block
}

/// An object map and its tree, in two blocks.
fn object_map(blocks: &mut Vec<Vec<u8>>, mappings: &[(u64, u64)]) -> u64 {
    let address = blocks.len() as u64;
    let mut map = object(address, 2, TYPE_OBJECT_MAP);
    put(&mut map, 48, &(address + 1).to_le_bytes());
    let records: Vec<Record> = mappings
        .iter()
        .map(|(oid, address)| {
            let key = [oid.to_le_bytes(), 1_u64.to_le_bytes()].concat();
            let value = [&[0, 0, 0, 0, 0, 16, 0, 0], &address.to_le_bytes()[..]].concat();
            (key, value)
        })
        .collect();
    blocks.push(map);
    let count = records.len() as u64;
    blocks.push(node(address + 1, 0, Some(count), true, &records));
    address
}

/// A container with these volumes and these contents of files.
pub(crate) fn container(volumes: &[Volume], data: &[&[u8]]) -> Vec<u8> {
    let mut blocks = vec![Vec::new(), Vec::new()];
    let mut mappings = Vec::new();
    for (number, volume) in (0..).zip(volumes) {
        let oid = 1000 + number;
        let first = blocks.len() as u64;
        let mut records = volume.records.clone();
        records.sort();
        let mut nodes = Vec::new();
        let tree_oid = TREE_OID + 100 * number;
        let leaves: Vec<_> = records.chunks(12).collect();
        let mut index = Vec::new();
        for (child, leaf) in (tree_oid + 1..).zip(&leaves) {
            nodes.push((child, first + nodes.len() as u64));
            blocks.push(node(child, 0, None, false, leaf));
            index.push((leaf[0].0.clone(), child.to_le_bytes().to_vec()));
        }
        nodes.push((tree_oid, blocks.len() as u64));
        let count = records.len() as u64;
        blocks.push(node(tree_oid, 1, Some(count), false, &index));
        let map = object_map(&mut blocks, &nodes);
        let mut superblock = object(oid, 2, TYPE_VOLUME);
        put(&mut superblock, 32, b"APSB");
        put(&mut superblock, 56, &volume.incompatible.to_le_bytes());
        put(&mut superblock, 128, &map.to_le_bytes());
        put(&mut superblock, 136, &tree_oid.to_le_bytes());
        put(&mut superblock, 264, &volume.flags.to_le_bytes());
        mappings.push((oid, blocks.len() as u64));
        blocks.push(superblock);
    }
    let map = object_map(&mut blocks, &mappings);
    let count = FIRST_DATA + data.len() as u64;
    for (address, map) in [(0, 0), (1, map)] {
        let mut superblock = object(1, address + 1, TYPE_CONTAINER);
        put(&mut superblock, 32, b"NXSB");
        put(&mut superblock, 36, &4096_u32.to_le_bytes());
        put(&mut superblock, 40, &count.to_le_bytes());
        put(&mut superblock, 104, &1_u32.to_le_bytes());
        put(&mut superblock, 112, &1_u64.to_le_bytes());
        put(&mut superblock, 160, &map.to_le_bytes());
        for (at, (oid, _)) in (184..).step_by(8).zip(&mappings) {
            put(&mut superblock, at, &oid.to_le_bytes());
        }
        blocks[usize::try_from(address).unwrap()] = superblock;
    }
    assert!(blocks.len() as u64 <= FIRST_DATA);
    let mut container = blocks.concat();
    for (number, contents) in (FIRST_DATA..).zip(data) {
        container.resize(usize::try_from(number).unwrap() * BLOCK, 0);
        container.extend(*contents);
    }
    container.resize(usize::try_from(count).unwrap() * BLOCK, 0);
    seal(&mut container);
    container
}
