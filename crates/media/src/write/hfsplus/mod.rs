//! Writes HFS+ volumes: every file in one stretch, nothing free, nothing that depends on the time of writing.
//!
//! Source: TN1150.

mod btree;
mod catalog;
mod plan;
mod volume;

#[cfg(test)]
pub(crate) use btree::tree_of;
pub(crate) use volume::{Sink, Volume};
