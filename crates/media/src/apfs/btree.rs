//! Goes through the records of a B-tree.

use std::collections::HashSet;

use wire::{Budget, Cursor, ParseError};

use super::{
    constants::{
        NO_VALUE, NODE_FIXED, NODE_LEAF, NODE_ROOT, TREE_INFO_LEN, TYPE_TREE, TYPE_TREE_NODE,
    },
    object::{Blocks, invalid},
    omap::ObjectMap,
    raw::{NodeHeader, TreeInfo},
};
use crate::MediaError;

/// Deepest tree; one of nodes with two keys would have more records than a medium may hold.
const DEEPEST: u16 = 16;

/// Most records of a tree: a file has about five.
const MOST_RECORDS: u64 = 16_000_000;

/// How the numbers of nodes lead to blocks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Storage<'a> {
    /// They are addresses.
    Physical,
    /// By an object map.
    Virtual(&'a ObjectMap),
}

/// A B-tree, of which all records are wanted.
#[derive(Debug)]
pub(super) struct BTree<'a> {
    pub(super) blocks: &'a Blocks,
    pub(super) storage: Storage<'a>,
    pub(super) root: u64,
}

/// A node and what it needs of the root.
struct Node {
    block: Vec<u8>,
    header: NodeHeader,
    /// Lengths of keys and values in trees where all are alike.
    fixed: TreeInfo,
}

impl BTree<'_> {
    /// Gives the key and the value of every record to `visit`, in their order.
    ///
    /// # Errors
    /// If a node is damaged or is there twice, or there are not as many records as there ought to be; and those of
    /// `visit`.
    pub(super) fn visit(
        &self,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let mut visited = HashSet::new();
        let mut budget = Budget::new("APFS tree", 0, MOST_RECORDS, 0);
        let (root, info) = self.root(&mut visited)?;
        let mut records = 0_u64;
        let mut nodes = self.visit_node(&root, &mut visit)?;
        if root.is_leaf() {
            records = root.header.key_count.into();
        }
        nodes.reverse();
        while let Some((number, level)) = nodes.pop() {
            let (header, block) = self.block(number, &mut visited)?;
            let node = Node {
                block,
                header,
                fixed: info,
            };
            if header.level != level || node.is_leaf() != (level == 0) {
                return Err(invalid("a node on the wrong level", number).into());
            }
            let mut children = self.visit_node(&node, &mut |key, value| {
                budget.spend_entry()?;
                visit(key, value)
            })?;
            nodes.extend(children.drain(..).rev());
            if node.is_leaf() {
                records = records.saturating_add(header.key_count.into());
            }
        }
        if records != info.key_count {
            let what = format!(
                "{records} records where there ought to be {}",
                info.key_count
            );
            return Err(invalid(&what, self.root).into());
        }
        Ok(())
    }

    /// The root, and what it says of all nodes.
    fn root(&self, visited: &mut HashSet<u64>) -> Result<(Node, TreeInfo), MediaError> {
        let (header, block) = self.block(self.root, visited)?;
        if header.flags & NODE_ROOT == 0 || header.level > DEEPEST {
            return Err(invalid("no root where one ought to be", self.root).into());
        }
        let mut info = Cursor::new("APFS tree", &block);
        info.seek_forward((block.len() as u64).saturating_sub(TREE_INFO_LEN))?;
        let fixed = TreeInfo::parse(info.rest())?;
        let root = Node {
            block,
            header,
            fixed,
        };
        Ok((root, fixed))
    }

    /// Gives the records of a leaf to `visit`; of another node, the answer is the nodes below it and their level.
    fn visit_node(
        &self,
        node: &Node,
        visit: &mut impl FnMut(&[u8], &[u8]) -> Result<(), MediaError>,
    ) -> Result<Vec<(u64, u16)>, MediaError> {
        if node.is_leaf() {
            node.records(visit)?;
            return Ok(Vec::new());
        }
        let Some(level) = node.header.level.checked_sub(1) else {
            return Err(invalid("a node on the wrong level", self.root).into());
        };
        let mut below = Vec::new();
        node.records(&mut |_, value| {
            below.push((Cursor::new("APFS tree node", value).u64_le()?, level));
            Ok(())
        })?;
        Ok(below)
    }

    fn block(
        &self,
        number: u64,
        visited: &mut HashSet<u64>,
    ) -> Result<(NodeHeader, Vec<u8>), MediaError> {
        let address = match self.storage {
            Storage::Physical => number,
            Storage::Virtual(map) => map.address(number)?,
        };
        if !visited.insert(address) {
            return Err(invalid("a tree with one node in two places", address).into());
        }
        let (object, block) = self.blocks.object(address, &[TYPE_TREE, TYPE_TREE_NODE])?;
        if object.oid != number {
            return Err(invalid("a node with another number", address).into());
        }
        Ok((NodeHeader::parse(&block)?, block))
    }
}

impl Node {
    const fn is_leaf(&self) -> bool {
        self.header.flags & NODE_LEAF != 0
    }

    /// Gives every key and value to `visit`.
    fn records(
        &self,
        visit: &mut impl FnMut(&[u8], &[u8]) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let table_at = NodeHeader::LEN.saturating_add(self.header.table_offset.into());
        let keys_at = table_at.saturating_add(self.header.table_len.into());
        let is_root = self.header.flags & NODE_ROOT != 0;
        let values_end =
            (self.block.len() as u64).saturating_sub(if is_root { TREE_INFO_LEN } else { 0 });
        let mut cursor = Cursor::new("APFS tree node", &self.block);
        cursor.seek_forward(table_at)?;
        let value_len = if self.is_leaf() {
            self.fixed.value_len
        } else {
            8
        };
        let mut table = cursor.part("APFS table of a node", self.header.table_len.into())?;
        for _ in 0..self.header.key_count {
            let key = self.place(&mut table, self.fixed.key_len)?;
            let value = self.place(&mut table, value_len)?;
            let key = self.part(keys_at.checked_add(key.0), key.1)?;
            let value = match value {
                (NO_VALUE, _) => &[],
                (offset, len) => self.part(values_end.checked_sub(offset), len)?,
            };
            visit(key, value)?;
        }
        Ok(())
    }

    /// Offset and length of the next key or value, whose length is `fixed` where all are alike.
    fn place(&self, table: &mut Cursor<'_>, fixed: u32) -> Result<(u64, u64), ParseError> {
        let offset = table.u16_le()?.into();
        if self.header.flags & NODE_FIXED != 0 {
            return Ok((offset, fixed.into()));
        }
        Ok((offset, table.u16_le()?.into()))
    }

    fn part(&self, start: Option<u64>, len: u64) -> Result<&[u8], ParseError> {
        let mut cursor = Cursor::new("APFS tree node", &self.block);
        let start = start.ok_or_else(|| cursor.invalid("a value that begins before the node"))?;
        cursor.seek_forward(start)?;
        cursor.take(len)
    }
}
