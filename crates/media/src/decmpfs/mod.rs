//! Files that HFS+ and APFS keep compressed: in an extended attribute, or in blocks in the resource fork.
//!
//! Source: `<sys/decmpfs.h>`; what lies behind the header was worked out by others and is confirmed by real files.

mod blocks;
mod codec;
mod header;

pub(crate) use header::{Header, NAME, open};

#[cfg(test)]
mod tests;
