//! What a run wants to add to the repository.

use std::path::PathBuf;

use model::{ChangeSetId, Sha256};
use serde::{Deserialize, Serialize};

use crate::Kind;

/// What a run wants to add to the repository; small enough to wait in a database while the bytes wait in the run's
/// workspace.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// Its name, and that of its publication.
    pub id: ChangeSetId,
    /// What is to be added.
    pub files: Vec<StagedFile>,
}

/// One file that is to be added to the repository.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Of what kind it is: a package, an icon or a pkginfo.
    pub kind: Kind,
    /// Where it goes, relative to the folder of its kind.
    pub location: String,
    /// Where its bytes are until then.
    pub source: PathBuf,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// How many bytes it has.
    pub len_bytes: u64,
}

impl ChangeSet {
    /// Whether there is nothing to add.
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &StagedFile> {
        self.files.iter().filter(move |file| file.kind == kind)
    }
}
