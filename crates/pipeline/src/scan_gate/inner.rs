//! The programs in a medium that is too large for the scanner, which may know them.

use std::path::Path;

use media::{Entry, MediaError, Tree};
use model::Sha256;
use serde::{Deserialize, Serialize};

use super::through::{Visitor, each_file, unreadable};

/// Somebody may execute it.
const EXECUTABLE: u32 = 0o111;

/// The programs in a medium, the largest first, as far as they are asked about.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Inner {
    /// Those that are asked about.
    pub(crate) files: Vec<InnerFile>,
    /// How many more there are.
    pub(crate) more: u32,
}

/// A program in a medium.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct InnerFile {
    /// Where it is, from the root of the medium.
    pub(crate) path: String,
    pub(crate) sha256: Sha256,
    pub(crate) len_bytes: u64,
}

impl Inner {
    /// How many programs there are.
    pub(crate) fn count(&self) -> u32 {
        let asked = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        asked.saturating_add(self.more)
    }
}

/// The programs in the medium at `path`, of which the `most` largest are asked about; none if it cannot be looked
/// into. Blocking.
pub(crate) fn programs(path: &Path, most: u32) -> Inner {
    let mut programs = Programs(Vec::new());
    let looked = each_file(path, &mut programs);
    let mut found = looked.map_or_else(
        |error| {
            tracing::warn!(%error, path = %path.display(), "the programs in it are not known");
            Vec::new()
        },
        |()| programs.0,
    );
    found.sort_by(|a, b| (b.len_bytes, &a.path).cmp(&(a.len_bytes, &b.path)));
    found.dedup_by_key(|file| file.sha256);
    let asked = usize::try_from(most).unwrap_or(usize::MAX).min(found.len());
    let more = found.split_off(asked).len();
    Inner {
        files: found,
        more: u32::try_from(more).unwrap_or(u32::MAX),
    }
}

struct Programs(Vec<InnerFile>);

impl Visitor for Programs {
    fn file(&mut self, tree: &dyn Tree, entry: &Entry, shown: &str) -> Result<(), MediaError> {
        if !is_program(entry) {
            return Ok(());
        }
        let mut file = tree.open(&entry.path)?;
        let (sha256, len_bytes) =
            Sha256::of_reader(&mut file).map_err(|source| unreadable(&entry.path, source))?;
        self.0.push(InnerFile {
            path: shown.to_owned(),
            sha256,
            len_bytes,
        });
        Ok(())
    }
}

/// Whether it is run: by itself, by another program, or by the installer.
fn is_program(entry: &Entry) -> bool {
    entry.mode & EXECUTABLE != 0
        || Path::new(&entry.path)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("dylib"))
        || entry.path.starts_with("Scripts/")
        || entry.path.contains(".pkg/Scripts/")
}
