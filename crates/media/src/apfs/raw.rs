//! The structures as they are stored.

use wire::{Cursor, ParseError};

use super::constants::{
    CONTAINER_MAGIC, EXTENT_LEN_MASK, FIELD_STREAM, ID_MASK, NAME_LEN_MASK, OBJECT_HEADER_LEN,
    VOLUME_MAGIC, XATTR_STREAM,
};

/// `obj_phys_t`, without its checksum.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ObjectHeader {
    pub(super) oid: u64,
    pub(super) xid: u64,
    pub(super) kind: u32,
}

/// `nx_superblock_t`
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ContainerSuperblock {
    pub(super) header: ObjectHeader,
    pub(super) block_len: u32,
    pub(super) block_count: u64,
    pub(super) incompatible: u64,
    /// How many blocks the ring of checkpoints has; the highest bit says that they are not in one stretch.
    pub(super) checkpoint_blocks: u32,
    pub(super) checkpoint_base: u64,
    pub(super) object_map: u64,
    pub(super) volumes: Vec<u64>,
}

/// `omap_phys_t`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ObjectMapHeader {
    pub(super) tree: u64,
}

/// `apfs_superblock_t`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct VolumeSuperblock {
    pub(super) incompatible: u64,
    pub(super) root_tree_kind: u32,
    pub(super) object_map: u64,
    pub(super) root_tree: u64,
    pub(super) flags: u64,
}

/// `btree_node_phys_t`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NodeHeader {
    pub(super) flags: u16,
    pub(super) level: u16,
    pub(super) key_count: u32,
    pub(super) table_offset: u16,
    pub(super) table_len: u16,
}

/// `btree_info_t`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TreeInfo {
    pub(super) key_len: u32,
    pub(super) value_len: u32,
    pub(super) key_count: u64,
}

/// `j_inode_val_t`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Inode {
    /// The number of its stream.
    pub(super) stream: u64,
    pub(super) modified_ns: u64,
    pub(super) flags: u64,
    pub(super) bsd_flags: u32,
    pub(super) owner: u32,
    pub(super) group: u32,
    pub(super) mode: u16,
    pub(super) len: u64,
}

/// `j_file_extent_val_t`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FileExtent {
    pub(super) len: u64,
    /// 0 for a hole.
    pub(super) block: u64,
}

/// `j_xattr_val_t`
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum XattrValue {
    Embedded(Vec<u8>),
    Stream { stream: u64, len: u64 },
}

impl ObjectHeader {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        cursor.skip(8)?; // checksum
        let oid = cursor.u64_le()?;
        let xid = cursor.u64_le()?;
        let kind = cursor.u32_le()?;
        cursor.skip(4)?;
        Ok(Self { oid, xid, kind })
    }
}

impl ContainerSuperblock {
    /// Length of what is read of it, in bytes.
    pub(super) const LEN: u64 = 984;

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("APFS container superblock", bytes);
        let header = ObjectHeader::parse(&mut cursor)?;
        cursor.magic(CONTAINER_MAGIC)?;
        let block_len = cursor.u32_le()?;
        if !(4096..=65536).contains(&block_len) || !block_len.is_power_of_two() {
            return Err(cursor.invalid(format!("blocks of {block_len} bytes")));
        }
        let block_count = cursor.u64_le()?;
        cursor.skip(16)?; // features that need not be known
        let incompatible = cursor.u64_le()?;
        cursor.skip(32)?; // identifier, next numbers
        let checkpoint_blocks = cursor.u32_le()?;
        cursor.skip(4)?;
        let checkpoint_base = cursor.u64_le()?;
        cursor.seek_forward(160)?;
        let object_map = cursor.u64_le()?;
        cursor.seek_forward(184)?;
        let mut volumes = Vec::new();
        for _ in 0..100 {
            let volume = cursor.u64_le()?;
            if volume != 0 {
                volumes.push(volume);
            }
        }
        Ok(Self {
            header,
            block_len,
            block_count,
            incompatible,
            checkpoint_blocks,
            checkpoint_base,
            object_map,
            volumes,
        })
    }
}

impl ObjectMapHeader {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("APFS object map", bytes);
        cursor.seek_forward(48)?;
        let tree = cursor.u64_le()?;
        Ok(Self { tree })
    }
}

impl VolumeSuperblock {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("APFS volume superblock", bytes);
        cursor.seek_forward(OBJECT_HEADER_LEN)?;
        cursor.magic(VOLUME_MAGIC)?;
        cursor.seek_forward(56)?;
        let incompatible = cursor.u64_le()?;
        cursor.seek_forward(116)?;
        let root_tree_kind = cursor.u32_le()?;
        cursor.seek_forward(128)?;
        let object_map = cursor.u64_le()?;
        let root_tree = cursor.u64_le()?;
        cursor.seek_forward(264)?;
        let flags = cursor.u64_le()?;
        Ok(Self {
            incompatible,
            root_tree_kind,
            object_map,
            root_tree,
            flags,
        })
    }
}

impl NodeHeader {
    /// Where what comes after it begins.
    pub(super) const LEN: u64 = 56;

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("APFS tree node", bytes);
        cursor.seek_forward(OBJECT_HEADER_LEN)?;
        Ok(Self {
            flags: cursor.u16_le()?,
            level: cursor.u16_le()?,
            key_count: cursor.u32_le()?,
            table_offset: cursor.u16_le()?,
            table_len: cursor.u16_le()?,
        })
    }
}

impl TreeInfo {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("APFS tree", bytes);
        cursor.skip(8)?; // flags, length of a node
        let key_len = cursor.u32_le()?;
        let value_len = cursor.u32_le()?;
        cursor.skip(8)?; // longest key and value
        Ok(Self {
            key_len,
            value_len,
            key_count: cursor.u64_le()?,
        })
    }
}

/// The number and the kind that the key of a record begins with.
pub(super) fn record_key(cursor: &mut Cursor<'_>) -> Result<(u64, u8), ParseError> {
    let key = cursor.u64_le()?;
    let [.., kind] = key.to_le_bytes();
    Ok((key & ID_MASK, kind >> 4))
}

impl Inode {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("APFS inode", bytes);
        cursor.skip(8)?; // folder
        let stream = cursor.u64_le()?;
        cursor.skip(8)?; // created
        let modified_ns = cursor.u64_le()?;
        cursor.skip(16)?; // other times
        let flags = cursor.u64_le()?;
        cursor.skip(12)?; // number of children or names, protection class, generation
        let bsd_flags = cursor.u32_le()?;
        let owner = cursor.u32_le()?;
        let group = cursor.u32_le()?;
        let mode = cursor.u16_le()?;
        cursor.seek_forward(92)?;
        Ok(Self {
            stream,
            modified_ns,
            flags,
            bsd_flags,
            owner,
            group,
            mode,
            len: stream_len(&mut cursor)?,
        })
    }
}

/// What the extended fields say of the length of the stream; 0 if there is none.
fn stream_len(cursor: &mut Cursor<'_>) -> Result<u64, ParseError> {
    if cursor.is_empty() {
        return Ok(0);
    }
    let count = cursor.u16_le()?;
    cursor.skip(2)?; // length of the values
    let mut fields = Vec::new();
    for _ in 0..count {
        let kind = cursor.u8()?;
        cursor.skip(1)?;
        fields.push((kind, u64::from(cursor.u16_le()?)));
    }
    for (kind, len) in fields {
        if kind == FIELD_STREAM {
            return cursor.part("APFS stream", len)?.u64_le();
        }
        cursor.skip(len.next_multiple_of(8))?;
    }
    Ok(0)
}

/// The name in the key of a name: where case or form does not matter, a hash comes with its length.
pub(super) fn name(cursor: &mut Cursor<'_>, is_hashed: bool) -> Result<String, ParseError> {
    let len = if is_hashed {
        cursor.u32_le()? & NAME_LEN_MASK
    } else {
        cursor.u16_le()?.into()
    };
    cursor.part("APFS name", len.into())?.c_string()
}

impl FileExtent {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("APFS file extent", bytes);
        Ok(Self {
            len: cursor.u64_le()? & EXTENT_LEN_MASK,
            block: cursor.u64_le()?,
        })
    }
}

impl XattrValue {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("APFS extended attribute", bytes);
        let flags = cursor.u16_le()?;
        let len = cursor.u16_le()?;
        let mut value = cursor.part("APFS extended attribute", len.into())?;
        if flags & XATTR_STREAM == 0 {
            return Ok(Self::Embedded(value.rest().to_vec()));
        }
        Ok(Self::Stream {
            stream: value.u64_le()?,
            len: value.u64_le()?,
        })
    }
}
