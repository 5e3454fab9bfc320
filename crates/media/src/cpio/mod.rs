//! cpio archives: payloads and scripts of flat packages.

mod raw;
mod reader;
mod stream;

pub(crate) use reader::open;
pub(crate) use stream::{Stream, Streamed, is_streamable};

#[cfg(test)]
mod tests;
