//! The files of a processor, as they were approved.

use std::path::{Path, PathBuf};

use model::{FailureClass, Sha256};
use tempfile::TempDir;

use crate::StepError;

/// The files of a processor, as they were approved.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sources {
    /// The file of the class.
    pub processor: PathBuf,
    /// Every Python file that it may load, itself among them, and the digests that were approved.
    pub files: Vec<(PathBuf, Sha256)>,
    /// Further files of the recipe that it may read.
    pub resources: Vec<PathBuf>,
}

/// Copies of the files, whose bytes are the approved ones whatever becomes of the originals.
pub(super) struct CheckedOut {
    /// Keeps the copies.
    _folder: TempDir,
    /// Where each copy lies, and where the processor is to see it.
    pub(super) places: Vec<(PathBuf, PathBuf)>,
}

impl Sources {
    /// Copies every file whose bytes have the approved digest. Blocking.
    ///
    /// # Errors
    /// A [`FailureClass::Trust`] if one has other bytes; [`FailureClass::Internal`] if one cannot be copied.
    pub(super) fn check_out(&self) -> Result<CheckedOut, StepError> {
        let folder = tempfile::tempdir().map_err(|error| not_copied(&self.processor, error))?;
        let mut places = Vec::new();
        for (number, (path, approved)) in self.files.iter().enumerate() {
            let bytes = fs_err::read(path).map_err(|error| not_copied(path, error))?;
            if Sha256::of(&bytes) != *approved {
                return Err(StepError::new(
                    FailureClass::Trust,
                    format!("{} has changed since it was looked over", path.display()),
                ));
            }
            let copy = folder.path().join(number.to_string());
            fs_err::write(&copy, bytes).map_err(|error| not_copied(path, error))?;
            places.push((copy, path.clone()));
        }
        Ok(CheckedOut {
            _folder: folder,
            places,
        })
    }
}

fn not_copied(path: &Path, error: std::io::Error) -> StepError {
    StepError::new(
        FailureClass::Internal,
        format!("{} cannot be handed to its sandbox", path.display()),
    )
    .caused_by(error)
}
