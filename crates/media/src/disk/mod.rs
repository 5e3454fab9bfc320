//! Disks: partition maps, and which file system lies where.

mod maps;
mod volume;

pub(crate) use volume::{is_disk, list, open};

#[cfg(test)]
mod tests;
