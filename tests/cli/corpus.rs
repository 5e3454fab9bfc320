//! Where the real data lie that expectations come from.

use std::path::PathBuf;

/// A folder of the corpus; none, and a word about it, if there is no corpus here.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
    let corpus = std::env::var_os("AUTO_UPDATE_CORPUS").unwrap_or_else(|| beside.into());
    let folder = PathBuf::from(corpus).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: there is no corpus at `{}`", folder.display());
    None
}
