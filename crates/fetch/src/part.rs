//! A download that is not complete yet, beside its place.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use model::Sha256;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::{FetchError, state::file_error};

/// By what the rest of a file may be asked for later; stored beside the part, so that it outlives the process.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resume {
    /// Where it was asked for: another address never continues it. Hashed, because it may hold a secret.
    pub(crate) url: Sha256,
    /// A strong validator, as `If-Range` takes it.
    pub(crate) validator: String,
    /// The length of the whole.
    pub(crate) total_bytes: u64,
}

/// The bytes that have come, and their hash so far.
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    hasher: sha2::Sha256,
    len_bytes: u64,
    resume: Option<Resume>,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part")
            .field("path", &self.path)
            .field("len_bytes", &self.len_bytes)
            .finish_non_exhaustive()
    }
}

impl Part {
    /// Opens the part of `target`; what an earlier process left of it is hashed if it can be continued.
    pub(crate) fn open(target: &Path, url: Sha256) -> Result<Self, FetchError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        // Hidden, so that no recipe's wildcard finds it.
        let path = target.with_file_name(format!(".{name}.part"));
        let file = fs_err::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(file_error(&path))?
            .into_file();
        lock(&file, &path)?;
        let mut part = Self {
            path,
            file,
            hasher: sha2::Sha256::new(),
            len_bytes: 0,
            resume: None,
        };
        match part.stored().filter(|stored| stored.url == url) {
            Some(stored) => part.reread(stored)?,
            None => part.restart()?,
        }
        Ok(part)
    }

    /// Where the bytes are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes have come.
    pub(crate) const fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// By what the rest can be asked for, if anything has come and it can.
    pub(crate) fn resume(&self) -> Option<&Resume> {
        self.resume
            .as_ref()
            .filter(|resume| self.len_bytes > 0 && self.len_bytes < resume.total_bytes)
    }

    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(file_error(&self.path))?;
        self.take(bytes);
        Ok(())
    }

    /// Forgets everything that has come.
    pub(crate) fn restart(&mut self) -> Result<(), FetchError> {
        remove(&self.resume_path())?;
        self.resume = None;
        self.hasher = sha2::Sha256::new();
        self.len_bytes = 0;
        self.file.set_len(0).map_err(file_error(&self.path))?;
        self.file.rewind().map_err(file_error(&self.path))
    }

    /// Forgets everything that has come, and notes by what the rest of what comes now may be asked for.
    pub(crate) fn begin(&mut self, resume: Option<Resume>) -> Result<(), FetchError> {
        self.restart()?;
        resume.map_or(Ok(()), |resume| self.note(resume))
    }

    fn note(&mut self, resume: Resume) -> Result<(), FetchError> {
        let json =
            serde_json::to_vec(&resume).map_err(|error| file_error(&self.path)(error.into()))?;
        fs_err::write(self.resume_path(), json).map_err(file_error(&self.path))?;
        self.resume = Some(resume);
        Ok(())
    }

    /// The complete file, safely on the disk, and its digest.
    pub(crate) fn finish(self) -> Result<Whole, FetchError> {
        remove(&self.resume_path())?;
        self.file.sync_all().map_err(file_error(&self.path))?;
        Ok(Whole {
            sha256: Sha256::from_bytes(self.hasher.finalize().into()),
            path: self.path,
            len_bytes: self.len_bytes,
            file: self.file,
        })
    }

    /// Throws everything away.
    pub(crate) fn discard(self) -> Result<(), FetchError> {
        remove(&self.resume_path())?;
        remove(&self.path)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.len_bytes = self.len_bytes.saturating_add(added);
    }

    fn resume_path(&self) -> PathBuf {
        self.path.with_extension("part.json")
    }

    fn stored(&self) -> Option<Resume> {
        // Not there, or damaged: either way there is nothing to continue.
        serde_json::from_slice(&fs_err::read(self.resume_path()).ok()?).ok()
    }

    /// Hashes what is there; the place to write is then at its end.
    fn reread(&mut self, stored: Resume) -> Result<(), FetchError> {
        self.file.rewind().map_err(file_error(&self.path))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let len = self
                .file
                .read(&mut buffer)
                .map_err(file_error(&self.path))?;
            match buffer.get(..len) {
                Some(bytes) if !bytes.is_empty() => self.take(bytes),
                _ => break,
            }
        }
        self.resume = Some(stored);
        Ok(())
    }
}

/// A complete file that is not in its place.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) path: PathBuf,
    pub(crate) sha256: Sha256,
    pub(crate) len_bytes: u64,
    /// Held for its lock: until the file is in its place, nobody else may write the part.
    file: File,
}

impl Whole {
    /// Lets go of the file, once it is in its place.
    pub(crate) fn release(self) {
        drop(self.file);
    }
}

/// Two writers would mix two downloads into one file; the lock ends with the process, however that ends.
fn lock(file: &File, path: &Path) -> Result<(), FetchError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(std::fs::TryLockError::WouldBlock) => Err(FetchError::Locked {
            path: path.to_owned(),
        }),
        // A file system without locks: then there is no protection against a second process.
        Err(std::fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(())
        }
        Err(std::fs::TryLockError::Error(source)) => Err(file_error(path)(source)),
    }
}

/// Removes the file at `path`, if there is one.
pub(crate) fn remove(path: &Path) -> Result<(), FetchError> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resume(url: Sha256) -> Resume {
        Resume {
            url,
            validator: "\"v1\"".to_owned(),
            total_bytes: 6,
        }
    }

    #[test]
    fn continues_after_the_process_ended() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("App.dmg");
        let url = Sha256::of(b"url");
        let mut part = Part::open(&target, url).unwrap();
        part.note(resume(url)).unwrap();
        part.write(b"abc").unwrap();
        drop(part);
        let mut part = Part::open(&target, url).unwrap();
        assert_eq!(part.resume(), Some(&resume(url)));
        part.write(b"def").unwrap();
        let whole = part.finish().unwrap();
        assert_eq!((whole.sha256, whole.len_bytes), (Sha256::of(b"abcdef"), 6));
    }

    #[test]
    fn another_address_starts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("App.dmg");
        let mut part = Part::open(&target, Sha256::of(b"one")).unwrap();
        part.note(resume(Sha256::of(b"one"))).unwrap();
        part.write(b"abc").unwrap();
        drop(part);
        let part = Part::open(&target, Sha256::of(b"two")).unwrap();
        assert_eq!((part.resume(), part.len_bytes()), (None, 0));
    }

    #[test]
    fn only_one_may_write() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("App.dmg");
        let _first = Part::open(&target, Sha256::of(b"url")).unwrap();
        assert!(matches!(
            Part::open(&target, Sha256::of(b"url")),
            Err(FetchError::Locked { .. })
        ));
    }
}
