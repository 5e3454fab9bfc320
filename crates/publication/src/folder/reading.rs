//! Reading very many files of a folder.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use model::Sha256;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::FolderRepository;
use crate::{Kind, RepositoryError, repository::checked};

/// How many files go from one thread to the other at once.
const BATCH: usize = 64;

/// How many batches wait at most for whoever takes them.
const AHEAD: usize = 4;

/// As large as nearly every pkginfo, several times over.
const BUFFER_LEN: usize = 1 << 16;

type Contents = Result<Vec<u8>, RepositoryError>;

/// Opens files of one repository, one after the other.
pub(super) struct Files<'a> {
    repository: &'a FolderRepository,
    /// The repository's folder; without it each file is looked for from `/` on.
    root: Option<OwnedFd>,
    buffer: Vec<u8>,
}

impl<'a> Files<'a> {
    pub(super) fn new(repository: &'a FolderRepository) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(repository.root(), flags, Mode::empty());
        Self {
            repository,
            root: root.ok(),
            buffer: vec![0; BUFFER_LEN],
        }
    }

    /// All that is in a file.
    pub(super) fn get(&mut self, kind: Kind, location: &str) -> Contents {
        let mut file = self.open(kind, location)?;
        whole(&mut file, &mut self.buffer)
            .map_err(|source| RepositoryError::io(&self.repository.path(kind, location), source))
    }

    /// The digest of all that is in a file.
    pub(super) fn digest(&mut self, kind: Kind, location: &str) -> Result<Sha256, RepositoryError> {
        let mut file = self.open(kind, location)?;
        let (sha256, _) = Sha256::of_reader(&mut file)
            .map_err(|source| RepositoryError::io(&self.repository.path(kind, location), source))?;
        Ok(sha256)
    }

    /// Opens what is there.
    ///
    /// The kernel sees to it that no link leads out of the repository. It also refuses what only seems to, and whatever
    /// it refuses is looked at closely.
    fn open(&self, kind: Kind, location: &str) -> Result<File, RepositoryError> {
        let location = checked(location)?;
        let opened = self.root.as_ref().and_then(|root| {
            let path = format!("{kind}/{location}");
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            openat2(root, path, flags, Mode::empty(), ResolveFlags::BENEATH).ok()
        });
        if let Some(file) = opened {
            return Ok(file.into());
        }
        let found = self.repository.open_file(kind, location)?;
        found.ok_or_else(|| RepositoryError::NotFound {
            kind,
            location: location.to_owned(),
        })
    }
}

/// All that is in the file. Asking for its length first would cost more than it saves, unless it is long.
fn whole(file: &mut File, buffer: &mut [u8]) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(contents),
            Ok(len) => {
                contents.extend_from_slice(buffer.get(..len).unwrap_or_default());
                if len == buffer.len() {
                    // Makes room for as much as the file says that is left.
                    file.read_to_end(&mut contents)?;
                    return Ok(contents);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The contents of files in their order, which a thread reads while others are looked at.
pub(super) struct ReadAhead {
    /// Nothing once it is dropped, which tells the thread to end.
    batches: Option<Receiver<Vec<Contents>>>,
    batch: std::vec::IntoIter<Contents>,
    /// How many are still to come.
    left: usize,
    thread: Option<JoinHandle<()>>,
}

impl ReadAhead {
    /// Begins to read.
    ///
    /// # Errors
    /// If there are no more threads to be had.
    pub(super) fn new(
        repository: &FolderRepository,
        kind: Kind,
        locations: &[String],
    ) -> io::Result<Self> {
        let (to, batches) = sync_channel(AHEAD);
        let left = locations.len();
        let (repository, locations) = (repository.clone(), locations.to_vec());
        let thread = thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || read(&repository, kind, &locations, &to))?;
        Ok(Self {
            batches: Some(batches),
            batch: Vec::new().into_iter(),
            left,
            thread: Some(thread),
        })
    }

    /// Whether it is worth a thread.
    pub(super) const fn is_worth_it(locations: &[String]) -> bool {
        locations.len() > BATCH
    }
}

fn read(
    repository: &FolderRepository,
    kind: Kind,
    locations: &[String],
    to: &SyncSender<Vec<Contents>>,
) {
    let mut files = Files::new(repository);
    for locations in locations.chunks(BATCH) {
        let read = locations.iter().map(|location| files.get(kind, location));
        if to.send(read.collect()).is_err() {
            // Nobody wants the rest.
            return;
        }
    }
}

impl Iterator for ReadAhead {
    type Item = Contents;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(contents) = self.batch.next() {
                return Some(contents);
            }
            match self.batches.as_ref().map(Receiver::recv) {
                Some(Ok(batch)) => self.batch = batch.into_iter(),
                // Whoever asks must not take what is missing for the end.
                Some(Err(_)) | None => {
                    return Some(Err(RepositoryError::store("reading")(ended())));
                }
            }
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("the thread that reads has ended")
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.batches.take();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say; had it panicked, that would have been told for each file.
            thread.join().ok();
        }
    }
}
