//! One writer at a time.

use std::{fs::File, path::Path};

use rustix::fs::{FlockOperation, flock};

use crate::{Held, RepositoryError, write};

/// The right to write to a repository, held until it is dropped. The system takes it back when the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else writes to the repository whose own folder is `state`.
    pub(super) fn wait(state: &Path) -> Result<Self, RepositoryError> {
        write::create_folders(state)?;
        let path = state.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| RepositoryError::io(&path, source))?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(RepositoryError::io(&path, error.into())),
            }
        }
    }
}

impl Held for Lock {
    /// The system does not take it from who has it.
    fn check(&self) -> Result<(), RepositoryError> {
        Ok(())
    }
}
