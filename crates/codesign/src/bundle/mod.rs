//! Bundles: a program, and everything sealed around it.

mod judge;
mod layout;
mod rules;
mod seal;

pub(crate) use judge::judge_bundle;
pub(crate) use layout::{Layout, main_program_of};
