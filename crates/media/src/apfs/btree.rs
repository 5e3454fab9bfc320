//! Goes through the records of a B-tree.

use std::collections::HashSet;

use wire::{Cursor, ParseError};

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
        let (header, block) = self.block(self.root, &mut visited)?;
        if header.flags & NODE_ROOT == 0 || header.level > DEEPEST {
            return Err(invalid("no root where one ought to be", self.root).into());
        }
        let info_at = (block.len() as u64).saturating_sub(TREE_INFO_LEN);
        let mut info = Cursor::new("APFS tree", &block);
        info.seek_forward(info_at)?;
        let info = TreeInfo::parse(info.rest())?;
        let root = Node {
            block,
            header,
            fixed: info,
        };
        let mut records = 0_u64;
        let mut nodes = vec![root];
        while let Some(node) = nodes.pop() {
            if node.header.flags & NODE_LEAF != 0 {
                records = records.saturating_add(node.header.key_count.into());
                node.records(&mut visit)?;
                continue;
            }
            for child in self.children(&node, &mut visited)?.into_iter().rev() {
                nodes.push(child);
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

    fn children(&self, node: &Node, visited: &mut HashSet<u64>) -> Result<Vec<Node>, MediaError> {
        let mut numbers = Vec::new();
        node.records(&mut |_, value| {
            numbers.push(Cursor::new("APFS tree node", value).u64_le()?);
            Ok(())
        })?;
        let mut children = Vec::new();
        for number in numbers {
            let (header, block) = self.block(number, visited)?;
            let is_leaf = header.flags & NODE_LEAF != 0;
            if node.header.level.checked_sub(1) != Some(header.level)
                || is_leaf != (header.level == 0)
            {
                return Err(invalid("a node on the wrong level", number).into());
            }
            children.push(Node {
                block,
                header,
                fixed: node.fixed,
            });
        }
        Ok(children)
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
        let mut table = cursor.part("APFS table of a node", self.header.table_len.into())?;
        for _ in 0..self.header.key_count {
            let (key, value) = self.places(&mut table)?;
            let key = self.part(keys_at.checked_add(key.0), key.1)?;
            let value = match value {
                (NO_VALUE, _) => &[],
                (offset, len) => self.part(values_end.checked_sub(offset.into()), len)?,
            };
            visit(key, value)?;
        }
        Ok(())
    }

    /// Offset and length of the next key, and of its value.
    fn places(&self, table: &mut Cursor<'_>) -> Result<((u64, u64), (u16, u64)), ParseError> {
        if self.header.flags & NODE_FIXED == 0 {
            let key = (table.u16_le()?.into(), table.u16_le()?.into());
            return Ok((key, (table.u16_le()?, table.u16_le()?.into())));
        }
        let is_leaf = self.header.flags & NODE_LEAF != 0;
        let value_len = if is_leaf { self.fixed.value_len } else { 8 };
        let key = (table.u16_le()?.into(), self.fixed.key_len.into());
        Ok((key, (table.u16_le()?, value_len.into())))
    }

    fn part(&self, start: Option<u64>, len: u64) -> Result<&[u8], ParseError> {
        let mut cursor = Cursor::new("APFS tree node", &self.block);
        let start = start.ok_or_else(|| cursor.invalid("a value that begins before the node"))?;
        cursor.seek_forward(start)?;
        cursor.take(len)
    }
}
