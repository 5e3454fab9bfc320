//! cpio archives: payloads and scripts of flat packages.

mod raw;
mod reader;

pub(crate) use reader::open;

#[cfg(test)]
mod tests;
