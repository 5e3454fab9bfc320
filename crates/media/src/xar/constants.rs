//! Numbers and names of `xar.h`.

/// `XAR_HEADER_MAGIC`
pub(crate) const MAGIC: [u8; 4] = *b"xar!";
/// `sizeof(xar_header_t)` as it is stored.
pub(super) const HEADER_LEN: u16 = 28;
/// `XAR_HEADER_VERSION`
pub(super) const VERSION: u16 = 1;

/// `XAR_CKSUM_SHA1`
pub(super) const CHECKSUM_SHA1: u32 = 1;
/// `XAR_CKSUM_OTHER`: the name follows the header; without one it is Apple's `XAR_CKSUM_SHA256`.
pub(super) const CHECKSUM_OTHER: u32 = 3;
/// `XAR_CKSUM_SHA512`
pub(super) const CHECKSUM_SHA512: u32 = 4;

/// Longest table of contents that is read, stored or inflated. A package of a million files has about 1 GiB less
/// some; vendors' largest have a few MiB, as payloads are single members.
pub(super) const LONGEST_TOC: u64 = 64 << 20;
