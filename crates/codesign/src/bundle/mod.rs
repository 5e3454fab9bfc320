//! Bundles: a program, and everything sealed around it.

mod judge;
mod layout;
mod links;
mod root;
mod rules;
mod seal;

pub(crate) use judge::judge_bundle;
pub(crate) use layout::{Layout, join, main_program_of, read_file};
