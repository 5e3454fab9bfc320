//! Numbers of the format, with the names that are used for them.

/// What the trailer begins with.
pub(crate) const TRAILER_MAGIC: [u8; 4] = *b"koly";
/// What a block map begins with.
pub(crate) const BLOCK_MAP_MAGIC: [u8; 4] = *b"mish";

/// Bytes of a sector, whatever the disk has.
pub(crate) const SECTOR: u64 = 512;

/// `UDIF` checksum of 32 bits, as in zlib.
pub(crate) const CHECKSUM_CRC32: u32 = 2;

pub(crate) const CHUNK_ZERO: u32 = 0;
pub(crate) const CHUNK_RAW: u32 = 1;
pub(crate) const CHUNK_IGNORE: u32 = 2;
pub(crate) const CHUNK_ADC: u32 = 0x8000_0004;
pub(crate) const CHUNK_ZLIB: u32 = 0x8000_0005;
pub(crate) const CHUNK_BZIP2: u32 = 0x8000_0006;
pub(crate) const CHUNK_LZFSE: u32 = 0x8000_0007;
pub(crate) const CHUNK_LZMA: u32 = 0x8000_0008;
pub(crate) const CHUNK_COMMENT: u32 = 0x7fff_fffe;
pub(crate) const CHUNK_END: u32 = 0xffff_ffff;
