//! Compressions that are read from front to back.

mod ahead;
pub(crate) mod bunzip;
mod checked;
pub(crate) mod lzma;
pub(crate) mod lzw;
mod pbzx;
mod reader;
pub(crate) mod xz;
pub(crate) mod zstd;

pub(crate) use ahead::ReadAhead;
pub(crate) use checked::Checked;
pub(crate) use pbzx::is_stream as is_pbzx;
pub(crate) use reader::{Codec, Failed, read_chunk};
