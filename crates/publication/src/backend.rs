//! What publishing needs of the place where a repository lies.

use std::{fmt, io::Read, path::PathBuf};

use evidence::{Log, LogError};
use model::{Sha256, Timestamp};

use crate::{Kind, PublishError, Repository, RepositoryError, StagedFile, Stamp};

/// One after the other; what cannot be read is told in its turn.
pub type Each<'a, T> = Box<dyn Iterator<Item = Result<T, RepositoryError>> + 'a>;

/// How something in a repository looks to who fetches it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Look {
    /// Its length.
    pub len_bytes: u64,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Changes with whatever is in it; letters, digits and `-` only.
    pub tag: String,
}

impl Look {
    /// How something looks that was made of what looks like this.
    #[must_use]
    pub fn of_made(&self, sha256: Sha256, made: &[u8]) -> Self {
        Self {
            len_bytes: u64::try_from(made.len()).unwrap_or(u64::MAX),
            modified: self.modified,
            tag: sha256.to_string(),
        }
    }
}

/// Where a repository lies, as publishing needs it: besides what Munki's plug-ins see, a lock, files that are made
/// before anybody sees them, and a corner of the house's own that Munki does not see.
///
/// A *name* is a path in that corner: `journal/ID.json`.
pub trait Backend: Repository {
    /// Waits until nobody else writes to the repository.
    ///
    /// # Errors
    /// If the lock cannot be had.
    fn lock(&self) -> Result<Box<dyn Held + '_>, RepositoryError>;

    /// The digest of what is there, if something is.
    ///
    /// # Errors
    /// If it cannot be read.
    fn digest(&self, kind: Kind, location: &str) -> Result<Option<Sha256>, RepositoryError> {
        let there = self.digest_and_len(kind, location)?;
        Ok(there.map(|(sha256, _)| sha256))
    }

    /// The digest and the length of the same bytes: of what is there, if something is. They are read, unless they are
    /// known to be what this process has read or written before.
    ///
    /// # Errors
    /// If they cannot be read.
    fn digest_and_len(
        &self,
        kind: Kind,
        location: &str,
    ) -> Result<Option<(Sha256, u64)>, RepositoryError>;

    /// What is in each of `locations`, in their order: as [`Repository::get`], for who reads very many.
    ///
    /// # Errors
    /// If the repository cannot be read at all.
    fn each<'a>(
        &'a self,
        kind: Kind,
        locations: &'a [String],
    ) -> Result<Each<'a, Vec<u8>>, RepositoryError>;

    /// The digest of what is in each of `locations`, in their order.
    ///
    /// # Errors
    /// If the repository cannot be read at all.
    fn each_digest<'a>(
        &'a self,
        kind: Kind,
        locations: &'a [String],
    ) -> Result<Each<'a, Sha256>, RepositoryError>;

    /// What reads very many files of a kind, one for each thread, where several do so sooner than [`Self::each`] does.
    fn readers(&self, _kind: Kind) -> Option<Readers<'_>> {
        None
    }

    /// How what is there looks to who fetches it, if something is there.
    ///
    /// # Errors
    /// If the location is none, or leads out of the repository, or cannot be looked at.
    fn look(&self, kind: Kind, location: &str) -> Result<Option<Look>, RepositoryError>;

    /// What is there, from its byte `from` on, if it still looks like `look`.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] if it does not, or if it cannot be read.
    fn read_from(
        &self,
        kind: Kind,
        location: &str,
        look: &Look,
        from: u64,
    ) -> Result<Box<dyn Read + Send>, RepositoryError>;

    /// As [`Repository::list`], and how what is there looks from outside, if that changes with whatever is in it;
    /// nothing if it cannot be told.
    ///
    /// # Errors
    /// As [`Repository::list`].
    fn list_stamped(&self, kind: Kind) -> Result<Vec<(String, Option<Stamp>)>, RepositoryError> {
        let locations = self.list(kind)?;
        Ok(locations
            .into_iter()
            .map(|location| (location, None))
            .collect())
    }

    /// How what the house has written under `name` looks, by the same clock.
    fn own_stamp(&self, _name: &str) -> Option<Stamp> {
        None
    }

    /// Folders of the repository that have to be made for `location`, outermost first.
    ///
    /// # Errors
    /// If the location is none.
    fn missing_folders(&self, kind: Kind, location: &str) -> Result<Vec<String>, RepositoryError>;

    /// Removes the folder, if nothing is in it.
    ///
    /// # Errors
    /// If that cannot be made to last.
    fn remove_folder(&self, folder: &str) -> Result<(), RepositoryError>;

    /// Makes a staged file ready to be put in its place; what was changed since it was staged is refused.
    ///
    /// # Errors
    /// If it cannot be read or written, or was changed.
    fn prepare_file(&self, file: &StagedFile) -> Result<Box<dyn Part + '_>, PublishError>;

    /// Whether what is there is made of these pieces and nothing else.
    ///
    /// # Errors
    /// If it cannot be read.
    fn holds(&self, kind: Kind, location: &str, pieces: &[&[u8]]) -> Result<bool, RepositoryError>;

    /// Makes what these pieces make ready to be put in its place.
    ///
    /// # Errors
    /// If they cannot be written.
    fn prepare_pieces(
        &self,
        kind: Kind,
        location: &str,
        pieces: &[&[u8]],
    ) -> Result<Box<dyn Part + '_>, RepositoryError>;

    /// Removes what is there; it is no error if nothing is.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, kind: Kind, location: &str) -> Result<(), RepositoryError>;

    /// Files that were never complete, relative to the repository.
    ///
    /// # Errors
    /// If the repository cannot be read.
    fn unfinished(&self) -> Result<Vec<String>, RepositoryError>;

    /// Removes files that were never complete. Only for who holds the lock.
    ///
    /// # Errors
    /// If they cannot be removed.
    fn remove_unfinished(&self) -> Result<(), RepositoryError>;

    /// What the house has written under `name`, if it has.
    ///
    /// # Errors
    /// If it cannot be read.
    fn own(&self, name: &str) -> Result<Option<Vec<u8>>, RepositoryError>;

    /// The names of the house's own files directly in `folder`, sorted.
    ///
    /// # Errors
    /// If it cannot be read.
    fn own_names(&self, folder: &str) -> Result<Vec<String>, RepositoryError>;

    /// Writes `contents` under `name`, all at once, and lasting when this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    fn put_own(&self, name: &str, contents: &[u8]) -> Result<(), RepositoryError>;

    /// Writes `contents` under `name`, all at once; a crash may lose them, or leave something else there.
    ///
    /// # Errors
    /// If it cannot be written.
    fn note_own(&self, name: &str, contents: &[u8]) -> Result<(), RepositoryError> {
        self.put_own(name, contents)
    }

    /// Removes what the house has written under `name`, a file or everything below it; it is no error if nothing is
    /// there.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove_own(&self, name: &str) -> Result<(), RepositoryError>;

    /// Keeps what is in the repository under `name` as well, unless something is there already. Answers the digest
    /// of what is kept, nothing if there is nothing to keep.
    ///
    /// # Errors
    /// If it cannot be read or written.
    fn keep(
        &self,
        kind: Kind,
        location: &str,
        name: &str,
    ) -> Result<Option<Sha256>, RepositoryError>;

    /// Puts what is kept under `name` in the place of whatever is there; answers whether something is kept.
    ///
    /// # Errors
    /// If it cannot be read or written.
    fn restore(&self, name: &str, kind: Kind, location: &str) -> Result<bool, RepositoryError>;

    /// What is kept under `name`, as the source of a staged file, and its length.
    ///
    /// # Errors
    /// If it cannot be looked at.
    fn kept_source(&self, name: &str) -> Result<Option<(PathBuf, u64)>, RepositoryError>;

    /// Has `work` read the log of publications, or add to it.
    ///
    /// # Errors
    /// Those of `work`, or if the log cannot be got or written.
    fn with_log(
        &self,
        work: &mut dyn FnMut(&Log) -> Result<(), LogError>,
    ) -> Result<(), PublishError>;
}

/// The right to write to a repository, held until it is dropped.
pub trait Held: fmt::Debug {
    /// That it is held still. A lock that is lost must not even undo: who has it now does.
    ///
    /// # Errors
    /// If it is not.
    fn check(&self) -> Result<(), RepositoryError>;
}

/// Makes what reads files, for each thread one of its own.
pub type Readers<'a> = Box<dyn Fn() -> Box<dyn Reader + 'a> + Sync + 'a>;

/// How a file looked before it was read, as [`Backend::list_stamped`] tells it.
pub type Seen = Option<Stamp>;

/// Reads files of one kind, one after the other.
pub trait Reader {
    /// Reads all that is in the file into `contents`, in the place of what is in there.
    ///
    /// # Errors
    /// If it cannot be read; what is in `contents` then means nothing.
    fn read(&mut self, location: &str, contents: &mut Vec<u8>) -> Result<Seen, RepositoryError>;

    /// The digest of all that is in the file.
    ///
    /// # Errors
    /// If it cannot be read.
    fn digest(&mut self, location: &str) -> Result<(Sha256, Seen), RepositoryError> {
        let mut contents = Vec::new();
        let seen = self.read(location, &mut contents)?;
        Ok((Sha256::of(&contents), seen))
    }
}

/// A file that is ready to be put in its place; it is gone when dropped.
pub trait Part: Send {
    /// All that is in it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn contents(&self) -> Result<Vec<u8>, RepositoryError>;

    /// Puts it in its place, where nothing may be.
    ///
    /// # Errors
    /// If something is there, or it cannot be written.
    fn place(self: Box<Self>) -> Result<(), RepositoryError>;

    /// Puts it in its place instead of what is there.
    ///
    /// # Errors
    /// If it cannot be written.
    fn replace(self: Box<Self>) -> Result<(), RepositoryError>;
}
