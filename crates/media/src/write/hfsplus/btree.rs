//! B-trees, written at once from sorted records.

use crate::{
    MediaError,
    hfsplus::constants::{NODE_DESCRIPTOR_LEN, NODE_HEADER, NODE_INDEX, NODE_LEAF},
    write::too_large,
};

/// What makes one tree differ from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Length of a node in bytes.
    pub(super) node_len: u16,
    /// Longest key in bytes, without its own length.
    pub(super) longest_key: u16,
    /// How keys are compared.
    pub(super) compare: u8,
    /// What the tree's header says of it.
    pub(super) flags: u32,
}

/// A record and its key, both as stored, the key with its length.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) key: Vec<u8>,
    pub(super) data: Vec<u8>,
}

/// The bytes of the header node before its map of nodes.
const MAP_OFFSET: u16 = 248;

/// The tree that holds `records`, which are sorted.
///
/// # Errors
/// If they need more nodes than the header node has room to map.
pub(super) fn build(shape: Shape, records: Vec<Record>) -> Result<Vec<u8>, MediaError> {
    let leaf_records = number(records.len())?;
    let mut nodes = Nodes {
        shape,
        bytes: Vec::new(),
        count: 1,
    };
    let (mut depth, mut root, mut last_leaf) = (0, 0, 0);
    let mut level = records;
    while !level.is_empty() {
        let kind = if depth == 0 { NODE_LEAF } else { NODE_INDEX };
        depth = u8::saturating_add(depth, 1);
        level = nodes.add_level(kind, depth, level)?;
        root = nodes.count.saturating_sub(1);
        if depth == 1 {
            last_leaf = root;
        }
        if level.len() == 1 {
            break;
        }
    }
    let mut header = Vec::new();
    header.extend(u16::from(depth).to_be_bytes());
    for field in [root, leaf_records, u32::from(depth > 0), last_leaf] {
        header.extend(field.to_be_bytes());
    }
    header.extend(shape.node_len.to_be_bytes());
    header.extend(shape.longest_key.to_be_bytes());
    header.extend(nodes.count.to_be_bytes());
    header.extend([0; 6]); // free nodes, reserved
    header.extend(u32::from(shape.node_len).to_be_bytes());
    header.extend([0, shape.compare]);
    header.extend(shape.flags.to_be_bytes());
    header.resize(106, 0);
    let mut tree = header_node(shape.node_len, &header, nodes.count)?;
    tree.extend(nodes.bytes);
    Ok(tree)
}

/// The nodes after the header node.
struct Nodes {
    shape: Shape,
    bytes: Vec<u8>,
    /// How many nodes there are, the header node included.
    count: u32,
}

impl Nodes {
    /// Adds the nodes that hold `records`, and gives the records that lead to them.
    fn add_level(
        &mut self,
        kind: u8,
        height: u8,
        records: Vec<Record>,
    ) -> Result<Vec<Record>, MediaError> {
        let room = u64::from(self.shape.node_len).saturating_sub(NODE_DESCRIPTOR_LEN + 2);
        let mut groups: Vec<Vec<Record>> = Vec::new();
        let mut left = 0_u64;
        for record in records {
            let len = record.key.len().saturating_add(record.data.len());
            let needed = (len as u64).saturating_add(2);
            match groups.last_mut() {
                Some(group) if needed <= left => group.push(record),
                _ => {
                    groups.push(vec![record]);
                    left = room;
                }
            }
            left = left
                .checked_sub(needed)
                .ok_or_else(|| too_large("a record"))?;
        }
        let last = number(groups.len())?.saturating_add(self.count);
        let first = self.count;
        let mut above = Vec::new();
        for group in groups {
            let this = self.count;
            let next = this.saturating_add(1);
            let before = if this == first {
                0
            } else {
                this.saturating_sub(1)
            };
            let after = if next == last { 0 } else { next };
            if let Some(record) = group.first() {
                above.push(Record {
                    key: record.key.clone(),
                    data: this.to_be_bytes().to_vec(),
                });
            }
            let records: Vec<_> = group
                .iter()
                .map(|record| [&record.key[..], &record.data].concat())
                .collect();
            self.bytes.extend(node(
                self.shape.node_len,
                &Descriptor {
                    links: [after, before],
                    kind,
                    height,
                },
                &records,
            )?);
            self.count = next;
        }
        Ok(above)
    }
}

/// What a node begins with.
struct Descriptor {
    /// The next node of the level, and the one before.
    links: [u32; 2],
    kind: u8,
    height: u8,
}

fn node(len: u16, descriptor: &Descriptor, records: &[Vec<u8>]) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Vec::new();
    for link in descriptor.links {
        bytes.extend(link.to_be_bytes());
    }
    bytes.extend([descriptor.kind, descriptor.height]);
    bytes.extend(short(records.len())?.to_be_bytes());
    bytes.extend([0; 2]);
    let mut offsets = Vec::new();
    for record in records {
        offsets.push(short(bytes.len())?);
        bytes.extend(record);
    }
    offsets.push(short(bytes.len())?);
    let offsets: Vec<u8> = offsets
        .into_iter()
        .rev()
        .flat_map(u16::to_be_bytes)
        .collect();
    let start = usize::from(len).checked_sub(offsets.len());
    let start = start.filter(|start| bytes.len() <= *start);
    bytes.resize(start.ok_or_else(|| too_large("a node"))?, 0);
    bytes.extend(offsets);
    Ok(bytes)
}

/// The header node: the header, room for others, and a map in which all nodes are in use.
fn header_node(len: u16, header: &[u8], nodes: u32) -> Result<Vec<u8>, MediaError> {
    let map_len = usize::from(len).saturating_sub(usize::from(MAP_OFFSET) + 8);
    let map = used_bits(nodes.into());
    if map.len() > map_len {
        return Err(too_large("the catalog"));
    }
    let mut padded = map;
    padded.resize(map_len, 0);
    let descriptor = &Descriptor {
        links: [0, 0],
        kind: NODE_HEADER,
        height: 0,
    };
    node(len, descriptor, &[header.to_vec(), vec![0; 128], padded])
}

/// As many set bits, the first the highest of its byte.
pub(super) fn used_bits(count: u64) -> Vec<u8> {
    let whole = usize::try_from(count.div_euclid(8)).unwrap_or(usize::MAX);
    let mut bits = vec![0xff; whole];
    let rest = count.rem_euclid(8);
    if rest > 0 {
        bits.push(!(0xff_u8 >> rest));
    }
    bits
}

fn number(count: usize) -> Result<u32, MediaError> {
    u32::try_from(count)
        .ok()
        .ok_or_else(|| too_large("the number of records"))
}

fn short(count: usize) -> Result<u16, MediaError> {
    u16::try_from(count).ok().ok_or_else(|| too_large("a node"))
}

/// A tree as that of further stretches is, for tests of its reader.
#[cfg(test)]
pub(crate) fn tree_of(records: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    let shape = Shape {
        node_len: 4096,
        longest_key: 10,
        compare: 0,
        flags: crate::hfsplus::constants::TREE_BIG_KEYS,
    };
    let records = records.into_iter();
    let records = records.map(|(key, data)| Record { key, data });
    build(shape, records.collect()).unwrap()
}
