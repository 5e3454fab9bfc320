//! Zip archives.

mod constants;
mod end;
mod extra;
mod raw;
mod tree;

pub(crate) use constants::{END_OF_CENTRAL_DIRECTORY, LOCAL_HEADER};
pub(crate) use tree::ZipTree;
