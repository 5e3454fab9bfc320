//! Compressions that are read from front to back.

mod checked;
mod pbzx;
mod reader;
pub(crate) mod xz;

pub(crate) use checked::Checked;
pub(crate) use pbzx::is_stream as is_pbzx;
pub(crate) use reader::{Codec, read_chunk};
