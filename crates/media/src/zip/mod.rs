//! Zip archives.

mod constants;
mod end;
mod extra;
mod raw;
mod tree;

pub(crate) use constants::{END_OF_CENTRAL_DIRECTORY, LOCAL_HEADER};
pub(crate) use tree::ZipTree;

/// An archive with a member in each method, made by hand.
#[cfg(test)]
pub(crate) fn sample() -> Vec<u8> {
    tests::sample()
}

#[cfg(test)]
mod tests;
