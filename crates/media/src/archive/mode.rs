//! The kind of a file as Unix writes it into a mode. Source: `<sys/stat.h>`, the same on all systems.

/// `S_IFMT`
pub(crate) const KIND: u32 = 0o170_000;
/// `S_IFDIR`
pub(crate) const FOLDER: u32 = 0o040_000;
/// `S_IFREG`
pub(crate) const FILE: u32 = 0o100_000;
/// `S_IFLNK`
pub(crate) const LINK: u32 = 0o120_000;

/// Longest target of a link, in bytes: `PATH_MAX` of Linux, four times that of macOS.
pub(crate) const LONGEST_LINK: u64 = 4 << 10;
