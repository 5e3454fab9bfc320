//! Numbers of the zip format. Source: PKWARE APPNOTE 6.3.10; Info-ZIP `extrafld.txt`.

/// What every member begins with.
pub(crate) const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
/// What the record at the end, all there is of an empty archive, begins with.
pub(crate) const END_OF_CENTRAL_DIRECTORY: [u8; 4] = *b"PK\x05\x06";

/// Length of a local header without name and extra fields.
pub(super) const LOCAL_HEADER_LEN: u64 = 30;

pub(super) const METHOD_STORED: u16 = 0;
pub(super) const METHOD_DEFLATED: u16 = 8;
pub(super) const METHOD_DEFLATED_64: u16 = 9;
pub(super) const METHOD_BZIP2: u16 = 12;
pub(super) const METHOD_LZMA: u16 = 14;
pub(super) const METHOD_ZSTD: u16 = 93;
pub(super) const METHOD_XZ: u16 = 95;
/// Encrypted as `WinZip` does; the method is in an extra field.
pub(super) const METHOD_AES: u16 = 99;

/// The flag of a member that is encrypted.
pub(super) const FLAG_ENCRYPTED: u16 = 1;
/// The flag of a member that is encrypted as PKWARE's own programs do.
pub(super) const FLAG_STRONG: u16 = 1 << 6;

/// `WinZip`'s encryption. Source: `WinZip`, "AES Encryption Information".
pub(super) const EXTRA_AES: u16 = 0x9901;
/// "UT": times in seconds since 1970.
pub(super) const EXTRA_TIMESTAMP: u16 = 0x5455;
/// "UX": times, and owner in 16 bits; what Apple's ditto writes.
pub(super) const EXTRA_UNIX: u16 = 0x5855;
/// "ux": owner, of any width.
pub(super) const EXTRA_UNIX_OWNER: u16 = 0x7875;
