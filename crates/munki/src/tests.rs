//! What the tests of this crate share.

use std::path::PathBuf;

/// The file or folder of the corpus, if the corpus is there.
pub(crate) fn corpus(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("AUTO_UPDATE_CORPUS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/corpus"
            ))
        },
        PathBuf::from,
    );
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there is no {}", path.display());
    None
}
