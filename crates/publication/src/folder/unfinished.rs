//! What was being written when a crash came.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::FolderRepository;
use crate::{Kind, RepositoryError, write::PART_PREFIX};

/// Every file of the repository that was never complete.
pub(super) fn unfinished(repository: &FolderRepository) -> Result<Vec<PathBuf>, RepositoryError> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        add_unfinished(&repository.root().join(kind.as_str()), &mut found)?;
    }
    add_unfinished(&repository.state_folder(), &mut found)?;
    Ok(found)
}

/// Links are not followed.
fn add_unfinished(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), RepositoryError> {
    let failed = |source| RepositoryError::io(folder, source);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            add_unfinished(&entry.path(), found)?;
        } else if entry.file_name().to_string_lossy().starts_with(PART_PREFIX) {
            found.push(entry.path());
        }
    }
    Ok(())
}
