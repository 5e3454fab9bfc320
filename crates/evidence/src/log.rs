//! The log of publications, as files.

use std::{
    fs::{File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use fs_err as fs;
use model::Timestamp;

use crate::{Chain, Event, KeyError, Keyring, LogError, PrivateKey, PublicKey, verify_log};

const LOG: &str = "publications.jsonl";
const CHECKPOINT: &str = "publications.checkpoint.json";
const FILE_MODE: u32 = 0o644;

/// Whether a file of this name in the folder of evidence is the log, or the checkpoint of it.
pub fn is_log(name: &str) -> bool {
    name == LOG || name == CHECKPOINT
}

/// The log of publications in a folder.
#[derive(Clone, Debug)]
pub struct Log {
    folder: PathBuf,
    lock: PathBuf,
}

impl Log {
    /// The log in `folder`; who writes to it locks the file `lock`.
    pub fn new(folder: &Path, lock: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            lock: lock.to_owned(),
        }
    }

    /// The file that it is written to.
    pub fn path(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    /// The file with the newest checkpoint.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.folder.join(CHECKPOINT)
    }

    /// Reads it, and holds it against its checkpoint and `keys`; it may be empty.
    ///
    /// # Errors
    /// If it cannot be read, or is not as it was written.
    pub fn read(&self, keys: &[PublicKey]) -> Result<Chain, LogError> {
        self.read_against(keys, &[])
    }

    /// As [`Log::read`], and holds it against checkpoints that somebody has kept, too.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn read_against(&self, keys: &[PublicKey], kept: &[Vec<u8>]) -> Result<Chain, LogError> {
        // First the checkpoint: an entry that is added meanwhile does no harm then.
        let checkpoint = contents(&self.checkpoint_path())?;
        let log = contents(&self.path())?.unwrap_or_default();
        let checkpoints: Vec<Vec<u8>> =
            checkpoint.into_iter().chain(kept.iter().cloned()).collect();
        verify_log(&log, &checkpoints, keys).map_err(|source| LogError::Altered {
            path: self.path(),
            source,
        })
    }

    /// Adds that a change set was published, unless that is in it; answers whether it was not. What a crash cut off
    /// is mended first. It waits while another process writes.
    ///
    /// # Errors
    /// If the log cannot be read or written, was changed, or another key has to sign. Nothing is added then.
    pub fn append(
        &self,
        published: &Event,
        keyring: &Keyring,
        now: Timestamp,
    ) -> Result<bool, LogError> {
        let _lock = self.lock()?;
        let signer = keyring.signer()?;
        let chain = self.read(&keyring.public_keys()?)?;
        if chain
            .entries
            .iter()
            .any(|entry| is_same(&entry.event, published))
        {
            return Ok(false);
        }
        self.write(chain, published, &signer, now)?;
        Ok(true)
    }

    /// That something could be added now, so that nothing is published which could not be logged.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn check(&self, keyring: &Keyring) -> Result<(), LogError> {
        let _lock = self.lock()?;
        let signer = keyring.signer()?;
        let chain = self.read(&keyring.public_keys()?)?;
        self.may_sign(&chain, &signer)
    }

    /// Has a new key sign from now on: the old one signs that it does, and its private half is gone then.
    ///
    /// Interrupted at any point, doing it again goes on where it ended.
    ///
    /// # Errors
    /// As [`Log::append`], or if the key cannot be made or changed.
    pub fn change_key(&self, keyring: &Keyring, now: Timestamp) -> Result<PublicKey, LogError> {
        let _lock = self.lock()?;
        let signer = keyring.signer()?;
        let next = keyring.next()?.public().clone();
        let chain = self.read(&keyring.public_keys()?)?;
        if chain.next_key() != Some(next.id()) {
            let event = Event::KeyChanged { to: next.clone() };
            self.write(chain, &event, &signer, now)?;
        }
        keyring.change()?;
        Ok(next)
    }

    fn write(
        &self,
        mut chain: Chain,
        event: &Event,
        signer: &PrivateKey,
        now: Timestamp,
    ) -> Result<(), LogError> {
        self.may_sign(&chain, signer)?;
        let line = chain.next_line(event, now, signer);
        self.add(&line, chain.whole_len as u64)?;
        let altered = |source| LogError::Altered {
            path: self.path(),
            source,
        };
        chain
            .push(line.strip_suffix(b"\n").unwrap_or(&line))
            .map_err(altered)?;
        match chain.checkpoint(now, signer) {
            Some(checkpoint) => replace(&self.checkpoint_path(), &checkpoint),
            None => Ok(()),
        }
    }

    fn may_sign(&self, chain: &Chain, signer: &PrivateKey) -> Result<(), LogError> {
        match chain.next_key() {
            Some(expected) if expected != signer.id() => Err(LogError::OtherKey {
                path: self.path(),
                expected,
                found: signer.id(),
            }),
            _ => Ok(()),
        }
    }

    /// Adds a line behind the whole ones; what cannot be written whole is taken away again.
    fn add(&self, line: &[u8], whole_len: u64) -> Result<(), LogError> {
        let path = self.path();
        let failed = |source| LogError::io(&path, source);
        let is_new = !path.exists();
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed)?;
        file.set_len(whole_len).map_err(failed)?;
        if let Err(error) = file.write_all(line).and_then(|()| file.sync_all()) {
            // If this fails as well, the next one to write sees a line that was cut off.
            file.set_len(whole_len).unwrap_or_default();
            return Err(failed(error));
        }
        if is_new {
            sync_folder(&self.folder)?;
        }
        Ok(())
    }

    fn lock(&self) -> Result<File, LogError> {
        let above = self.lock.parent().unwrap_or(&self.lock);
        for folder in [self.folder.as_path(), above] {
            fs::create_dir_all(folder).map_err(|error| LogError::io(folder, error))?;
        }
        let failed = |source| LogError::io(&self.lock, source);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock)
            .map_err(failed)?;
        loop {
            match file.lock() {
                Ok(()) => return Ok(file),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

/// A change set is told of once.
fn is_same(entry: &Event, published: &Event) -> bool {
    published.change_set().is_some() && entry.change_set() == published.change_set()
}

fn contents(path: &Path) -> Result<Option<Vec<u8>>, LogError> {
    let mut contents = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut contents));
    match read {
        Ok(_) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::io(path, error)),
    }
}

fn replace(path: &Path, contents: &[u8]) -> Result<(), LogError> {
    let failed = |source| LogError::io(path, source);
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::Builder::new()
        .prefix(".auto-update-part-")
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(contents)
        .and_then(|()| {
            file.as_file()
                .set_permissions(Permissions::from_mode(FILE_MODE))
        })
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<(), LogError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| LogError::io(folder, source))
}

impl LogError {
    /// Whether trying again may help without anybody doing anything.
    pub const fn is_of_the_system(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Key(KeyError::Io { .. }))
    }
}
