//! Bundles: a program, and everything sealed around it.

mod files;
mod judge;
mod layout;
mod links;
mod root;
mod rules;
mod seal;

pub(crate) use judge::judge_bundle;
pub(crate) use layout::{Layout, join, main_program_of, read_file};

/// What a list of resources says of a path, as far as the fuzzer needs it: whether the path must be sealed.
pub(crate) fn must_be_sealed(list: &[u8], path: &str) -> Result<bool, crate::flaw::Flaw> {
    let treatment = seal::Seal::read(list)?.rules().treatment(path);
    Ok(treatment != rules::Treatment::Omitted)
}
