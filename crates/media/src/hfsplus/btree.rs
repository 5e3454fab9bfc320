//! Goes through the records of a B-tree.

use std::{collections::HashSet, sync::Arc};

use wire::{Budget, Cursor, ParseError, ReadAt, read_vec};

use super::{
    constants::{NODE_DESCRIPTOR_LEN, NODE_LEAF},
    raw::{NodeDescriptor, TreeHeader},
};
use crate::MediaError;

const STRUCTURE: &str = "HFS+ tree";

/// Most records of a tree: a file has two, and some for its attributes.
const MOST_RECORDS: u64 = 16_000_000;

/// A B-tree, of which only the leaves are read, one after the other: everything in it is wanted.
#[derive(Debug)]
pub(super) struct BTree {
    file: Arc<dyn ReadAt>,
    header: TreeHeader,
}

/// A record of a leaf.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// The key without its length.
    pub(super) key: &'a [u8],
    /// What it leads to.
    pub(super) data: &'a [u8],
    /// Where that lies in the file.
    pub(super) data_offset: u64,
}

impl BTree {
    /// The tree that fills `file`.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn open(file: Arc<dyn ReadAt>) -> Result<Self, MediaError> {
        let start = read_vec(&*file, 0, 120).map_err(MediaError::content(STRUCTURE))?;
        let header = TreeHeader::parse(&start)?;
        // Nodes are taken from the start on; where they were not, something is expected in vain.
        let used = u64::from(header.used_nodes).saturating_mul(header.node_len.into());
        file.expect(0, used);
        Ok(Self { file, header })
    }

    /// Whether the case of names matters, if it is a catalog.
    pub(super) const fn is_binary(&self) -> bool {
        self.header.is_binary
    }

    /// Gives every record of the leaves, in their order, to `visit`.
    ///
    /// # Errors
    /// If a node is damaged, the chain of the leaves has a loop, or it has not as many records as it ought to have;
    /// and those of `visit`.
    pub(super) fn visit(
        &self,
        mut visit: impl FnMut(Record<'_>) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let mut visited = HashSet::new();
        let mut budget = Budget::new(STRUCTURE, 0, MOST_RECORDS, 0);
        let mut records = 0_u64;
        let (mut number, mut last) = (self.header.first_leaf, 0);
        while number != 0 {
            if !visited.insert(number) {
                return Err(invalid("leaves that go round in a circle", number).into());
            }
            let offset = u64::from(number).saturating_mul(self.header.node_len.into());
            let node = read_vec(&*self.file, offset, self.header.node_len.into())
                .map_err(MediaError::content(STRUCTURE))?;
            let next = visit_leaf(&node, offset, &mut |record| {
                budget.spend_entry()?;
                visit(record)
            })?;
            records = records.saturating_add(next.record_count.into());
            (last, number) = (number, next.next);
        }
        if records != u64::from(self.header.leaf_records) || last != self.header.last_leaf {
            let what = format!(
                "{records} records where there ought to be {}",
                self.header.leaf_records
            );
            return Err(invalid(&what, last).into());
        }
        Ok(())
    }
}

/// Gives every record of the leaf `node` to `visit`.
fn visit_leaf(
    node: &[u8],
    offset: u64,
    visit: &mut impl FnMut(Record<'_>) -> Result<(), MediaError>,
) -> Result<NodeDescriptor, MediaError> {
    let mut cursor = Cursor::new("HFS+ tree node", node);
    let descriptor = NodeDescriptor::parse(&mut cursor)?;
    if descriptor.kind != NODE_LEAF {
        return Err(cursor.invalid("no leaf where one ought to be").into());
    }
    let offsets_len = u64::from(descriptor.record_count)
        .saturating_add(1)
        .saturating_mul(2);
    let Some(table) = (node.len() as u64)
        .checked_sub(offsets_len)
        .filter(|table| *table >= NODE_DESCRIPTOR_LEN)
    else {
        return Err(cursor.invalid("more records than there is room for").into());
    };
    let mut offsets = Vec::new();
    let mut stored = Cursor::new("HFS+ tree node", node);
    stored.seek_forward(table)?;
    for _ in 0..=descriptor.record_count {
        offsets.push(u64::from(stored.u16_be()?));
    }
    for (start, end) in offsets.iter().rev().zip(offsets.iter().rev().skip(1)) {
        let len = end.checked_sub(*start);
        let Some(len) = len.filter(|_| *end <= table) else {
            return Err(cursor.invalid("records that overlap").into());
        };
        cursor.seek_forward(*start)?;
        let mut record = cursor.part("HFS+ tree record", len)?;
        let key_len = u64::from(record.u16_be()?);
        let key = record.take(key_len)?;
        record.skip(key_len.rem_euclid(2))?;
        visit(Record {
            key,
            data: record.rest(),
            data_offset: offset
                .saturating_add(*start)
                .saturating_add(record.offset()),
        })?;
    }
    Ok(descriptor)
}

fn invalid(what: &str, node: u32) -> ParseError {
    ParseError::Invalid {
        structure: STRUCTURE,
        what: format!("{what}, in node {node}"),
        offset: 0,
    }
}
