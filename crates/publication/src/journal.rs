//! The journal: what an interrupted publication was about to do.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use model::ChangeSetId;

use crate::{
    FolderRepository, PublishError, RepositoryError,
    plan::Plan,
    write::{self, Part},
};

/// The journal of one publication: `.auto-update/journal/ID.json`.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
}

impl Journal {
    /// Writes down what is about to happen, on the disk when this returns.
    pub(crate) fn write(repository: &FolderRepository, plan: &Plan) -> Result<Self, PublishError> {
        let path = path(repository, plan.id);
        let contents = serde_json::to_vec_pretty(plan).map_err(|source| PublishError::Journal {
            path: path.clone(),
            source,
        })?;
        Part::of_bytes(&path, &contents)?.replace()?;
        Ok(Self { path })
    }

    /// Every journal that an interrupted publication left, oldest first.
    pub(crate) fn read_all(
        repository: &FolderRepository,
    ) -> Result<Vec<(Self, Plan)>, PublishError> {
        let folder = folder(repository);
        let failed = |source| RepositoryError::io(&folder, source);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source).into()),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                paths.push(path);
            }
        }
        paths.sort();
        paths.into_iter().map(read).collect()
    }

    /// Notes that the publication is whole, or undone.
    pub(crate) fn remove(self) -> Result<(), RepositoryError> {
        write::remove(&self.path)
    }
}

fn folder(repository: &FolderRepository) -> PathBuf {
    repository.state_folder().join("journal")
}

fn path(repository: &FolderRepository, id: ChangeSetId) -> PathBuf {
    folder(repository).join(format!("{id}.json"))
}

fn read(path: PathBuf) -> Result<(Journal, Plan), PublishError> {
    let contents = read_file(&path)?;
    match serde_json::from_slice(&contents) {
        Ok(plan) => Ok((Journal { path }, plan)),
        Err(source) => Err(PublishError::Journal { path, source }),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, RepositoryError> {
    fs::read(path).map_err(|source| RepositoryError::io(path, source))
}
