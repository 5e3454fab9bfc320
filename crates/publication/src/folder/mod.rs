//! A repository that is a folder.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use evidence::Log;

use crate::{
    Kind, Repository, RepositoryError,
    repository::checked,
    write::{self, CopyError, PartFile},
};

mod backend;
mod listing;
mod lock;
mod reading;
mod unfinished;

use listing::Wanted;
use lock::Lock;
use reading::Files;

/// The folder in which the house keeps what is its own; Munki does not see it.
const STATE: &str = ".auto-update";

/// A Munki repository that is a plain folder.
#[derive(Clone, Debug)]
pub struct FolderRepository {
    root: PathBuf,
}

impl FolderRepository {
    /// The repository at `root`.
    ///
    /// # Errors
    /// [`RepositoryError::NoRepository`] if there is no folder.
    pub fn open(root: &Path) -> Result<Self, RepositoryError> {
        let no_repository = |source| RepositoryError::NoRepository {
            path: root.to_owned(),
            source,
        };
        let root = fs::canonicalize(root).map_err(no_repository)?;
        if !root.is_dir() {
            return Err(no_repository(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { root })
    }

    /// The repository at `root`, made with its folders as far as they are missing.
    ///
    /// # Errors
    /// If they cannot be made.
    pub fn create(root: &Path) -> Result<Self, RepositoryError> {
        for kind in Kind::ALL {
            write::create_folders(&root.join(kind.as_str()))?;
        }
        Self::open(root)
    }

    /// The folder, without links in its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The log of publications, which lies among the evidence.
    pub fn log(&self) -> Log {
        Log::new(
            &self.root.join(Kind::Evidence.as_str()),
            &self.state_folder().join("log.lock"),
        )
    }

    /// The folder in which the house keeps what is its own.
    fn state_folder(&self) -> PathBuf {
        self.root.join(STATE)
    }

    fn wait_for_lock(&self) -> Result<Lock, RepositoryError> {
        Lock::wait(&self.state_folder())
    }

    /// The file behind a location, which no link leads out of the repository.
    fn resolve(&self, kind: Kind, location: &str) -> Result<PathBuf, RepositoryError> {
        let path = self.root.join(kind.as_str()).join(checked(location)?);
        for ancestor in path.ancestors() {
            match fs::canonicalize(ancestor) {
                Ok(real) if real.starts_with(&self.root) => return Ok(path),
                // A link to nowhere may lead anywhere once something is there.
                Err(_) if fs::symlink_metadata(ancestor).is_err() => {}
                Ok(_) | Err(_) => {
                    return Err(RepositoryError::Escapes {
                        path: ancestor.to_owned(),
                    });
                }
            }
        }
        Err(RepositoryError::Escapes { path })
    }

    /// Opens what is there, if something is.
    fn open_file(&self, kind: Kind, location: &str) -> Result<Option<File>, RepositoryError> {
        let path = self.resolve(kind, location)?;
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(RepositoryError::io(&path, source)),
        }
    }
}

impl Repository for FolderRepository {
    fn list(&self, kind: Kind) -> Result<Vec<String>, RepositoryError> {
        let found = listing::list(self, kind, Wanted::Names)?;
        Ok(found.into_iter().map(|(location, _)| location).collect())
    }

    fn open(&self, kind: Kind, location: &str) -> Result<Box<dyn Read + Send>, RepositoryError> {
        match self.open_file(kind, location)? {
            Some(file) => Ok(Box::new(file)),
            None => Err(RepositoryError::NotFound {
                kind,
                location: location.to_owned(),
            }),
        }
    }

    fn put(&self, kind: Kind, location: &str, contents: &[u8]) -> Result<(), RepositoryError> {
        let _lock = self.wait_for_lock()?;
        PartFile::of_bytes(&self.resolve(kind, location)?, contents)?.replace()
    }

    fn put_file(&self, kind: Kind, location: &str, from: &Path) -> Result<(), RepositoryError> {
        let _lock = self.wait_for_lock()?;
        let target = self.resolve(kind, location)?;
        let read_failed = |source| RepositoryError::Io {
            path: from.to_owned(),
            source,
        };
        let mut source = File::open(from).map_err(read_failed)?;
        match PartFile::copy(&mut source, &target) {
            Ok((part, ..)) => part.replace(),
            Err(CopyError::Read(source)) => Err(read_failed(source)),
            Err(CopyError::Write(error)) => Err(error),
        }
    }

    fn delete(&self, kind: Kind, location: &str) -> Result<(), RepositoryError> {
        let _lock = self.wait_for_lock()?;
        let path = self.resolve(kind, location)?;
        if fs::symlink_metadata(&path).is_err() {
            return Err(RepositoryError::NotFound {
                kind,
                location: location.to_owned(),
            });
        }
        write::remove(&path)
    }

    fn get(&self, kind: Kind, location: &str) -> Result<Vec<u8>, RepositoryError> {
        Files::new(self, kind).get(location)
    }

    fn path_for(&self, kind: Kind, location: &str) -> Option<PathBuf> {
        Some(self.root.join(kind.as_str()).join(location))
    }
}
