//! Numbers of the format. Source: Apple File System Reference (2020-06-22), whose names are given where they differ.

/// `NX_MAGIC`
pub(super) const CONTAINER_MAGIC: [u8; 4] = *b"NXSB";
/// `APFS_MAGIC`
pub(super) const VOLUME_MAGIC: [u8; 4] = *b"APSB";
/// `NX_INCOMPAT_FUSION`
pub(super) const CONTAINER_IS_FUSION: u64 = 0x100;

/// Length of `obj_phys_t` in bytes.
pub(super) const OBJECT_HEADER_LEN: u64 = 32;
/// `OBJECT_TYPE_MASK`
pub(super) const TYPE_MASK: u32 = 0xffff;
/// `OBJECT_TYPE_NX_SUPERBLOCK`
pub(super) const TYPE_CONTAINER: u32 = 1;
/// `OBJECT_TYPE_BTREE`
pub(super) const TYPE_TREE: u32 = 2;
/// `OBJECT_TYPE_BTREE_NODE`
pub(super) const TYPE_TREE_NODE: u32 = 3;
/// `OBJECT_TYPE_OMAP`
pub(super) const TYPE_OBJECT_MAP: u32 = 11;
/// `OBJECT_TYPE_FS`
pub(super) const TYPE_VOLUME: u32 = 13;
/// `OBJ_STORAGETYPE_MASK`; no bits are set for virtual objects.
pub(super) const STORAGE_MASK: u32 = 0xc000_0000;

/// `OMAP_VAL_DELETED`
pub(super) const MAPPING_DELETED: u32 = 1;
/// `OMAP_VAL_ENCRYPTED`
pub(super) const MAPPING_ENCRYPTED: u32 = 4;

/// `BTNODE_ROOT`
pub(super) const NODE_ROOT: u16 = 1;
/// `BTNODE_LEAF`
pub(super) const NODE_LEAF: u16 = 2;
/// `BTNODE_FIXED_KV_SIZE`
pub(super) const NODE_FIXED: u16 = 4;
/// `BTOFF_INVALID`
pub(super) const NO_VALUE: u64 = 0xffff;
/// Length of `btree_info_t`, at the end of a root node, in bytes.
pub(super) const TREE_INFO_LEN: u64 = 40;

/// `APFS_FS_UNENCRYPTED`
pub(super) const VOLUME_UNENCRYPTED: u64 = 1;
/// `APFS_INCOMPAT_CASE_INSENSITIVE`
pub(super) const CASE_INSENSITIVE: u64 = 1;
/// `APFS_INCOMPAT_NORMALIZATION_INSENSITIVE`
pub(super) const NORMALIZATION_INSENSITIVE: u64 = 8;
/// `APFS_INCOMPAT_SEALED_VOLUME`
pub(super) const SEALED: u64 = 0x20;

/// `APFS_TYPE_INODE`
pub(super) const RECORD_INODE: u8 = 3;
/// `APFS_TYPE_XATTR`
pub(super) const RECORD_XATTR: u8 = 4;
/// `APFS_TYPE_FILE_EXTENT`
pub(super) const RECORD_EXTENT: u8 = 8;
/// `APFS_TYPE_DIR_REC`
pub(super) const RECORD_NAME: u8 = 9;
/// `OBJ_ID_MASK`: the four bits above are the kind of the record.
pub(super) const ID_MASK: u64 = 0x0fff_ffff_ffff_ffff;
/// `J_FILE_EXTENT_LEN_MASK`
pub(super) const EXTENT_LEN_MASK: u64 = 0x00ff_ffff_ffff_ffff;
/// `J_DREC_LEN_MASK`
pub(super) const NAME_LEN_MASK: u32 = 0x3ff;
/// `XATTR_DATA_STREAM`
pub(super) const XATTR_STREAM: u16 = 1;
/// `INO_EXT_TYPE_DSTREAM`
pub(super) const FIELD_STREAM: u8 = 8;
/// `INODE_IS_SPARSE`
pub(super) const INODE_SPARSE: u64 = 0x200;

/// `ROOT_DIR_INO_NUM`
pub(super) const ROOT_FOLDER: u64 = 2;
