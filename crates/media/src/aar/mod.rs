//! Apple archives: what `aa` writes, and payloads that are too large for cpio.
//!
//! Source: `aa(1)`, `<AppleArchive/AAHeader.h>` and `<AppleArchive/AADefs.h>` for fields and types; the layout as found
//! in archives. Numbers are little-endian.

mod raw;
mod reader;

pub(crate) use raw::MAGICS;
pub(crate) use reader::open;

/// An archive made by hand.
#[cfg(test)]
pub(crate) fn sample() -> Vec<u8> {
    tests::archive()
}

#[cfg(test)]
mod tests;
