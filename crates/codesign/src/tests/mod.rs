//! Judges real samples, altered ones, and some of our own making.

mod alterations;
mod bundles;
pub(crate) mod forge;
mod forged;
mod images;
mod memory;
mod programs;
mod samples;
mod self_signed;

use std::path::PathBuf;

use model::Timestamp;

use crate::{Pins, Report, verify_in};
use memory::MemoryTree;

/// The folder of real samples; nothing, and a word about it, where there is none.
pub(crate) fn corpus() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let corpus =
        std::env::var_os("AUTO_UPDATE_CORPUS").map_or_else(|| beside.into(), PathBuf::from);
    if corpus.is_dir() {
        return Some(corpus);
    }
    println!("skipped: there is no corpus at {}", corpus.display());
    None
}

/// A time at which no certificate of Apple's has expired.
fn now() -> Timestamp {
    Timestamp::from_secs(1_795_564_800)
}

fn judge(tree: &MemoryTree, path: &str) -> Report {
    verify_in(tree, path, &Pins::none(), now()).unwrap()
}

/// Whether code altered like this is refused; what cannot even be read is.
fn is_refused(tree: &MemoryTree, path: &str) -> bool {
    verify_in(tree, path, &Pins::none(), now()).map_or(true, |report| !report.holds())
}

/// The codes of the checks that failed.
fn codes(report: &Report) -> Vec<&'static str> {
    report.failures().filter_map(|check| check.code).collect()
}
