//! What the file systems have in common about extended attributes.

use wire::ParseError;

/// Name of the attribute that is the resource fork.
pub(crate) const RESOURCE_FORK: &str = "com.apple.ResourceFork";
/// Name of the attribute that is what the Finder keeps of a file.
pub(crate) const FINDER_INFO: &str = "com.apple.FinderInfo";

/// Longest attribute that is read, in bytes.
pub(crate) const LONGEST: u64 = 64 << 20;

/// Whether the system keeps the attribute for itself: access control lists and the like, which no copy has.
pub(crate) fn is_private(name: &str) -> bool {
    name.starts_with("com.apple.system.")
}

/// The error for an attribute that is too long to be read.
pub(crate) const fn too_long() -> ParseError {
    ParseError::Budget {
        structure: "extended attribute",
        limit: LONGEST,
        unit: "bytes",
    }
}
