//! How often something is measured.

use std::env;

use anyhow::Context as _;

/// So often as `AUTO_UPDATE_BENCH_ROUNDS` says, or as usual. Never, if it is not to be measured at all: `cargo test
/// --benches` only wants to know that it starts.
pub(crate) fn rounds(usual: usize) -> anyhow::Result<Option<usize>> {
    if env::args().any(|argument| argument == "--test") {
        return Ok(None);
    }
    match env::var("AUTO_UPDATE_BENCH_ROUNDS") {
        Ok(text) => text
            .parse()
            .map(Some)
            .context("AUTO_UPDATE_BENCH_ROUNDS is no number"),
        Err(_) => Ok(Some(usual)),
    }
}
