//! What archives have in common: an index of members by path, and files that can be read only from front to back.

mod index;
pub(crate) mod mode;
mod spool;
mod stored;

pub(crate) use index::{Index, path_budget};
pub(crate) use spool::{peek, spool};
pub(crate) use stored::{Contents, StoredTree, Stretch};
