//! A repository in an object store: Amazon's S3 and what speaks like it, Google's, and Azure's.
//!
//! There is nothing beside a place in an object store, and no renaming: an object is whole when it is there. So
//! packages, icons, evidence and pkginfos go to their places one by one, each only where nothing is
//! (`If-None-Match: *`), and nobody knows of them until the catalogs name them. A catalog only takes the place of the
//! one that was looked at (`If-Match`): a writer that has lost its lease cannot put an older one over a newer.

mod backend;
mod bridge;
mod connect;
mod known;
mod look;
mod reader;
mod store;

use std::{fmt, sync::Arc};

pub use connect::{ObjectAddress, ObjectSettings, Provider};

use crate::{Held, RepositoryError};
use store::Store;

/// Lets one writer at a time at a repository that cannot be locked itself.
pub trait Locks: fmt::Debug + Send + Sync {
    /// Waits until nobody else writes.
    ///
    /// # Errors
    /// If it cannot be had.
    fn wait(&self) -> Result<Box<dyn Held + '_>, RepositoryError>;
}

/// A Munki repository in an object store.
#[derive(Debug)]
pub struct ObjectRepository {
    store: Store,
    locks: Arc<dyn Locks>,
}

impl ObjectRepository {
    /// The repository that `settings` name; asks the store once, so that what is wrong with address and credentials
    /// is known now.
    ///
    /// # Errors
    /// If the settings cannot be used, or the store refuses or does not answer.
    pub fn connect(
        settings: &ObjectSettings,
        locks: Arc<dyn Locks>,
    ) -> Result<Self, RepositoryError> {
        let store = settings.store()?;
        let repository = Self::over(store, settings.address.prefix(), locks)?;
        repository.store.probe()?;
        Ok(repository)
    }

    /// The repository below `prefix` in `store`.
    pub(crate) fn over(
        store: Arc<dyn object_store::ObjectStore>,
        prefix: &str,
        locks: Arc<dyn Locks>,
    ) -> Result<Self, RepositoryError> {
        Ok(Self {
            store: Store::new(store, prefix)?,
            locks,
        })
    }
}
