//! Numbers of the 7z format. Source: `7zFormat.txt`, "Property IDs"; `Methods.txt`.

/// What an archive begins with.
pub(crate) const MAGIC: [u8; 6] = *b"7z\xbc\xaf\x27\x1c";

/// Length of the header at the start, which says where the one at the end is.
pub(super) const START_LEN: u64 = 32;

pub(super) const END: u8 = 0x00;
pub(super) const HEADER: u8 = 0x01;
pub(super) const ARCHIVE_PROPERTIES: u8 = 0x02;
pub(super) const ADDITIONAL_STREAMS: u8 = 0x03;
pub(super) const MAIN_STREAMS: u8 = 0x04;
pub(super) const FILES: u8 = 0x05;
pub(super) const PACK_INFO: u8 = 0x06;
pub(super) const UNPACK_INFO: u8 = 0x07;
pub(super) const SUBSTREAMS: u8 = 0x08;
pub(super) const SIZE: u8 = 0x09;
pub(super) const CRC: u8 = 0x0a;
pub(super) const FOLDER: u8 = 0x0b;
pub(super) const UNPACK_SIZE: u8 = 0x0c;
pub(super) const NUM_UNPACK_STREAM: u8 = 0x0d;
pub(super) const EMPTY_STREAM: u8 = 0x0e;
pub(super) const EMPTY_FILE: u8 = 0x0f;
pub(super) const ANTI: u8 = 0x10;
pub(super) const NAMES: u8 = 0x11;
pub(super) const MODIFIED: u8 = 0x14;
pub(super) const ATTRIBUTES: u8 = 0x15;
pub(super) const ENCODED_HEADER: u8 = 0x17;

pub(super) const COPY: u64 = 0x00;
pub(super) const DELTA: u64 = 0x03;
pub(super) const ARM64: u64 = 0x0a;
pub(super) const RISCV: u64 = 0x0b;
pub(super) const LZMA2: u64 = 0x21;
pub(super) const LZMA: u64 = 0x03_01_01;
pub(super) const BCJ_X86: u64 = 0x03_03_01_03;
pub(super) const BCJ2: u64 = 0x03_03_01_1b;
pub(super) const BCJ_PPC: u64 = 0x03_03_02_05;
pub(super) const BCJ_IA64: u64 = 0x03_03_04_01;
pub(super) const BCJ_ARM: u64 = 0x03_03_05_01;
pub(super) const BCJ_ARM_THUMB: u64 = 0x03_03_07_01;
pub(super) const BCJ_SPARC: u64 = 0x03_03_08_05;
pub(super) const PPMD: u64 = 0x03_04_01;
pub(super) const DEFLATE: u64 = 0x04_01_08;
pub(super) const DEFLATE_64: u64 = 0x04_01_09;
pub(super) const BZIP2: u64 = 0x04_02_02;
pub(super) const ZSTD: u64 = 0x04_f7_11_01;
/// AES-256, the only encryption there is.
pub(super) const AES: u64 = 0x06_f1_07_01;

/// `FILE_ATTRIBUTE_DIRECTORY`
pub(super) const ATTRIBUTE_FOLDER: u32 = 0x10;
/// The mode of Unix is in the upper 16 bits.
pub(super) const ATTRIBUTE_UNIX: u32 = 0x8000;
