//! What archives have in common: an index of members by path, and files that can be read only from front to back.

mod index;
mod spool;

pub(crate) use index::Index;
pub(crate) use spool::{peek, spool};
