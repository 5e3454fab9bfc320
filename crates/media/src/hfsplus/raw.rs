//! The structures as they are stored.

use wire::{Cursor, ParseError};

use super::constants::{
    COMPARE_BINARY, FILE_RECORD, FILE_THREAD, FOLDER_RECORD, FOLDER_THREAD, SIGNATURE_PLUS,
    SIGNATURE_X,
};

/// `HFSPlusVolumeHeader`
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct VolumeHeader {
    pub(super) is_x: bool,
    pub(super) flags: u32,
    pub(super) block_len: u32,
    pub(super) block_count: u32,
    pub(super) extents: ForkData,
    pub(super) catalog: ForkData,
    pub(super) attributes: ForkData,
}

/// `HFSPlusForkData`
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ForkData {
    /// Its length in bytes.
    pub(super) len: u64,
    /// How many blocks it has in all.
    pub(super) block_count: u32,
    /// Its first stretches.
    pub(super) extents: Vec<Extent>,
}

/// `HFSPlusExtentDescriptor`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Extent {
    pub(super) start: u32,
    pub(super) count: u32,
}

/// `BTHeaderRec`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TreeHeader {
    pub(super) leaf_records: u32,
    pub(super) first_leaf: u32,
    pub(super) last_leaf: u32,
    pub(super) node_len: u16,
    pub(super) used_nodes: u32,
    /// Whether the case of names matters; only said in catalogs of HFSX.
    pub(super) is_binary: bool,
}

/// `BTNodeDescriptor`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NodeDescriptor {
    pub(super) next: u32,
    pub(super) kind: u8,
    pub(super) record_count: u16,
}

/// `HFSPlusCatalogFolder` and `HFSPlusCatalogFile`
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CatalogRecord {
    pub(super) is_folder: bool,
    pub(super) id: u32,
    pub(super) modified: u32,
    pub(super) owner: u32,
    pub(super) group: u32,
    pub(super) owner_flags: u8,
    pub(super) mode: u16,
    /// Of a hard link, the number in the name of the file that it leads to.
    pub(super) special: u32,
    pub(super) finder_info: [u8; 32],
    pub(super) data: ForkData,
    pub(super) resource: ForkData,
}

/// The key of a catalog record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CatalogKey {
    pub(super) parent: u32,
    pub(super) name: Vec<u16>,
}

impl VolumeHeader {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("HFS+ volume header", bytes);
        let signature: [u8; 2] = cursor.array()?;
        let version = cursor.u16_be()?;
        let is_x = match (signature, version) {
            (SIGNATURE_PLUS, 4) => false,
            (SIGNATURE_X, 5) => true,
            _ => return Err(cursor.invalid("neither version 4 of HFS+ nor version 5 of HFSX")),
        };
        let flags = cursor.u32_be()?;
        cursor.skip(32)?; // who mounted it, journal, dates, number of files and folders
        let block_len = cursor.u32_be()?;
        let block_count = cursor.u32_be()?;
        if block_len < 512 || !block_len.is_power_of_two() {
            return Err(cursor.invalid(format!("blocks of {block_len} bytes")));
        }
        cursor.seek_forward(112)?;
        ForkData::parse(&mut cursor)?; // map of the used blocks
        Ok(Self {
            is_x,
            flags,
            block_len,
            block_count,
            extents: ForkData::parse(&mut cursor)?,
            catalog: ForkData::parse(&mut cursor)?,
            attributes: ForkData::parse(&mut cursor)?,
        })
    }
}

impl ForkData {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let len = cursor.u64_be()?;
        cursor.skip(4)?; // clump
        Ok(Self {
            len,
            block_count: cursor.u32_be()?,
            extents: Extent::parse_eight(cursor)?,
        })
    }
}

impl Extent {
    /// Eight of them, of which those that have no blocks are left out.
    pub(super) fn parse_eight(cursor: &mut Cursor<'_>) -> Result<Vec<Self>, ParseError> {
        let eight: [u8; 64] = cursor.array()?;
        let (eight, _) = eight.as_chunks::<8>();
        let used = eight.iter().map(|[a, b, c, d, e, f, g, h]| Self {
            start: u32::from_be_bytes([*a, *b, *c, *d]),
            count: u32::from_be_bytes([*e, *f, *g, *h]),
        });
        let used = used.filter(|extent| extent.count > 0);
        // Most files have one or none: no more memory than that takes.
        let mut extents = Vec::with_capacity(used.clone().count());
        extents.extend(used);
        Ok(extents)
    }
}

impl TreeHeader {
    /// Parses the start of the first node.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("HFS+ tree header", bytes);
        let node = NodeDescriptor::parse(&mut cursor)?;
        if node.kind != super::constants::NODE_HEADER {
            return Err(cursor.invalid("a first node that is no header"));
        }
        cursor.skip(6)?; // depth, root
        let leaf_records = cursor.u32_be()?;
        let first_leaf = cursor.u32_be()?;
        let last_leaf = cursor.u32_be()?;
        let node_len = cursor.u16_be()?;
        if node_len < 512 || !node_len.is_power_of_two() {
            return Err(cursor.invalid(format!("nodes of {node_len} bytes")));
        }
        cursor.skip(2)?; // longest key
        let nodes = cursor.u32_be()?;
        let free_nodes = cursor.u32_be()?;
        cursor.skip(7)?; // reserved, clump, kind of tree
        Ok(Self {
            leaf_records,
            first_leaf,
            last_leaf,
            node_len,
            used_nodes: nodes.saturating_sub(free_nodes),
            is_binary: cursor.u8()? == COMPARE_BINARY,
        })
    }
}

impl NodeDescriptor {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let next = cursor.u32_be()?;
        cursor.skip(4)?; // node before
        let kind = cursor.u8()?;
        cursor.skip(1)?; // height
        let record_count = cursor.u16_be()?;
        cursor.skip(2)?;
        Ok(Self {
            next,
            kind,
            record_count,
        })
    }
}

impl CatalogKey {
    pub(super) fn parse(key: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("HFS+ catalog key", key);
        let parent = cursor.u32_be()?;
        let name = name(&mut cursor)?;
        Ok(Self { parent, name })
    }
}

impl CatalogRecord {
    /// Parses a record of the catalog; none if it is a thread, which leads from a number to its name.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, ParseError> {
        let mut cursor = Cursor::new("HFS+ catalog record", bytes);
        let is_folder = match cursor.u16_be()? {
            FOLDER_RECORD => true,
            FILE_RECORD => false,
            FOLDER_THREAD | FILE_THREAD => return Ok(None),
            other => return Err(cursor.invalid(format!("a record of kind {other}"))),
        };
        cursor.skip(6)?; // flags, number of things in the folder
        let id = cursor.u32_be()?;
        cursor.skip(4)?; // created
        let modified = cursor.u32_be()?;
        cursor.skip(12)?; // other dates
        let owner = cursor.u32_be()?;
        let group = cursor.u32_be()?;
        cursor.skip(1)?; // flags of the administrator
        let owner_flags = cursor.u8()?;
        let mode = cursor.u16_be()?;
        let special = cursor.u32_be()?;
        let finder_info = cursor.array()?;
        cursor.skip(8)?; // encoding of the name, reserved
        let mut fork = || {
            if is_folder {
                return Ok(ForkData::default());
            }
            ForkData::parse(&mut cursor)
        };
        Ok(Some(Self {
            is_folder,
            id,
            modified,
            owner,
            group,
            owner_flags,
            mode,
            special,
            finder_info,
            data: fork()?,
            resource: fork()?,
        }))
    }
}

/// `HFSUniStr255`
pub(super) fn name(cursor: &mut Cursor<'_>) -> Result<Vec<u16>, ParseError> {
    let len = cursor.u16_be()?;
    if usize::from(len) > super::names::LONGEST_NAME {
        return Err(cursor.invalid(format!("a name of {len} units")));
    }
    let mut name = Vec::with_capacity(len.into());
    for _ in 0..len {
        name.push(cursor.u16_be()?);
    }
    Ok(name)
}
