//! Numbers of the format. Source: TN1150 and `<hfs/hfs_format.h>`, whose names are given where they differ.

/// `kHFSPlusSigWord`
pub(crate) const SIGNATURE_PLUS: [u8; 2] = *b"H+";
/// `kHFSXSigWord`
pub(crate) const SIGNATURE_X: [u8; 2] = *b"HX";
/// Where the volume header lies, in bytes from the start of the volume; the other one as far from the end.
pub(crate) const HEADER_OFFSET: u64 = 1024;
/// Length of the volume header in bytes.
pub(crate) const HEADER_LEN: u64 = 512;

/// `kHFSRootParentID`
pub(crate) const ROOT_PARENT: u32 = 1;
/// `kHFSRootFolderID`
pub(crate) const ROOT_FOLDER: u32 = 2;
/// `kHFSExtentsFileID`
pub(crate) const EXTENTS_FILE: u32 = 3;
/// `kHFSCatalogFileID`
pub(crate) const CATALOG_FILE: u32 = 4;
/// `kHFSAttributesFileID`
pub(crate) const ATTRIBUTES_FILE: u32 = 8;
/// `kHFSFirstUserCatalogNodeID`
pub(crate) const FIRST_USER_ID: u32 = 16;

/// `kHFSPlusFolderRecord`
pub(crate) const FOLDER_RECORD: u16 = 1;
/// `kHFSPlusFileRecord`
pub(crate) const FILE_RECORD: u16 = 2;
/// `kHFSPlusFolderThreadRecord`
pub(crate) const FOLDER_THREAD: u16 = 3;
/// `kHFSPlusFileThreadRecord`
pub(crate) const FILE_THREAD: u16 = 4;

/// `kHFSPlusAttrInlineData`
pub(crate) const ATTRIBUTE_INLINE: u32 = 0x10;
/// `kHFSPlusAttrForkData`
pub(crate) const ATTRIBUTE_FORK: u32 = 0x20;
/// `kHFSPlusAttrExtents`
pub(crate) const ATTRIBUTE_EXTENTS: u32 = 0x30;

/// `kBTLeafNode`
pub(crate) const NODE_LEAF: u8 = 0xff;
/// `kBTIndexNode`
pub(crate) const NODE_INDEX: u8 = 0;
/// `kBTHeaderNode`
pub(crate) const NODE_HEADER: u8 = 1;
/// Length of a node descriptor in bytes.
pub(crate) const NODE_DESCRIPTOR_LEN: u64 = 14;

/// `kBTBigKeysMask`: the lengths of keys have two bytes.
pub(crate) const TREE_BIG_KEYS: u32 = 2;
/// `kBTVariableIndexKeysMask`: keys of index nodes are as long as they say.
pub(crate) const TREE_VARIABLE_INDEX_KEYS: u32 = 4;
/// `kHFSCaseFolding`
pub(crate) const COMPARE_FOLDED: u8 = 0xcf;
/// `kHFSBinaryCompare`
pub(crate) const COMPARE_BINARY: u8 = 0xbc;

/// Type of a hard link to a file, whose creator is [`LINK_CREATOR`].
pub(crate) const LINK_TYPE: [u8; 4] = *b"hlnk";
/// `kHFSPlusCreator`
pub(crate) const LINK_CREATOR: [u8; 4] = *b"hfs+";
/// Type of a hard link to a folder: an alias.
pub(crate) const FOLDER_LINK_TYPE: [u8; 4] = *b"fdrp";
/// Creator of a hard link to a folder.
pub(crate) const FOLDER_LINK_CREATOR: [u8; 4] = *b"MACS";

/// `HFSPLUSMETADATAFOLDER`: where files with several names lie.
pub(crate) const FILE_LINKS_FOLDER: &str = "\0\0\0\0HFS+ Private Data";
/// `HFSPLUS_DIR_METADATA_FOLDER`: where folders with several names lie.
pub(crate) const FOLDER_LINKS_FOLDER: &str = ".HFS+ Private Directory Data\r";

/// Seconds from the start of 1904, when dates begin, to the start of 1970.
pub(crate) const EPOCH: i64 = 2_082_844_800;
