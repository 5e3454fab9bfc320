//! One signature of one piece of code: the directory of its hashes, and who signed that.

mod cdhashes;
mod directory;
mod facts;
mod judge;
mod pages;
mod super_blob;

pub(crate) use directory::{CodeDirectory, HashKind};
pub(crate) use facts::Facts;
pub(crate) use judge::{Subject, dictionary, judge, judge_chain, note_chain};
pub(crate) use super_blob::{Blobs, slot};
