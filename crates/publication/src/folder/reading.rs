//! Reading very many files of a folder.

use std::{
    fs::File,
    io,
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use model::Sha256;
use rustix::{
    buffer::spare_capacity,
    fs::{Mode, OFlags, ResolveFlags, openat, openat2},
    io::Errno,
};

use super::{FolderRepository, listing::stamp_of};
use crate::{Kind, Reader, RepositoryError, Seen, repository::checked};

/// How many files go from one thread to the other at once.
const BATCH: usize = 64;

/// How many batches wait at most for whoever takes them.
const AHEAD: usize = 4;

/// As large as nearly every pkginfo, several times over.
const BUFFER_LEN: usize = 1 << 16;

type Contents = Result<Vec<u8>, RepositoryError>;

/// Opens files of one kind, one after the other.
pub(super) struct Files<'a> {
    repository: &'a FolderRepository,
    kind: Kind,
    /// The repository's folder; without it each file is looked for from `/` on.
    root: Option<OwnedFd>,
    /// The folder that the last file was in, and where it is.
    last: Option<(String, OwnedFd)>,
    /// What files are read into that are not kept.
    buffer: Vec<u8>,
}

impl<'a> Files<'a> {
    pub(super) fn new(repository: &'a FolderRepository, kind: Kind) -> Self {
        let root = rustix::fs::open(repository.root(), FOLDER, Mode::empty());
        Self {
            repository,
            kind,
            root: root.ok(),
            last: None,
            buffer: Vec::new(),
        }
    }

    /// All that is in a file.
    pub(super) fn get(&mut self, location: &str) -> Contents {
        let mut contents = Vec::new();
        self.read(location, &mut contents)?;
        Ok(contents)
    }

    /// Opens what is there.
    ///
    /// The kernel sees to it that no link leads out of the repository. It also refuses what only seems to, and whatever
    /// it refuses is looked at closely.
    fn open(&mut self, location: &str) -> Result<File, RepositoryError> {
        let location = checked(location)?;
        if let Some(file) = self.open_in_folder(location) {
            return Ok(file.into());
        }
        let kind = self.kind;
        let found = self.repository.open_file(kind, location)?;
        found.ok_or_else(|| RepositoryError::NotFound {
            kind,
            location: location.to_owned(),
        })
    }

    /// Opens a file that is no link. One follows the other in the same folder, which is then found already.
    fn open_in_folder(&mut self, location: &str) -> Option<OwnedFd> {
        let (folder, name) = location.rsplit_once('/').unwrap_or(("", location));
        if self.last.as_ref().is_none_or(|(last, _)| last != folder) {
            let path = format!("{}/{folder}", self.kind);
            let found = openat2(
                self.root.as_ref()?,
                path,
                FOLDER,
                Mode::empty(),
                ResolveFlags::BENEATH,
            );
            self.last = Some((folder.to_owned(), found.ok()?));
        }
        let (_, folder) = self.last.as_ref()?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        openat(folder, name, flags, Mode::empty()).ok()
    }

    fn failed(&self, location: &str) -> impl FnOnce(io::Error) -> RepositoryError {
        let path = self.repository.path(self.kind, location);
        move |source| RepositoryError::io(&path, source)
    }
}

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Reader for Files<'_> {
    fn read(&mut self, location: &str, contents: &mut Vec<u8>) -> Result<Seen, RepositoryError> {
        let file = self.open(location)?;
        whole(&file, contents).map_err(self.failed(location))
    }

    fn digest(&mut self, location: &str) -> Result<(Sha256, Seen), RepositoryError> {
        let mut file = self.open(location)?;
        let metadata = file.metadata().map_err(self.failed(location))?;
        if metadata.len() > BUFFER_LEN as u64 {
            let (sha256, _) = Sha256::of_reader(&mut file).map_err(self.failed(location))?;
            return Ok((sha256, stamp_of(&metadata)));
        }
        let stamp = whole(&file, &mut self.buffer).map_err(self.failed(location))?;
        Ok((Sha256::of(&self.buffer), stamp))
    }
}

/// Reads all that is in the file, and answers how it looked before.
fn whole(file: &File, contents: &mut Vec<u8>) -> io::Result<Seen> {
    let metadata = file.metadata()?;
    contents.clear();
    // A byte more than is needed, so that a file that is as long as it says is read at once. What it says is not
    // believed beyond what files usually have.
    let len = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    contents.reserve(len.min(BUFFER_LEN).saturating_add(1));
    loop {
        match rustix::io::read(file, spare_capacity(contents)) {
            Ok(0) => break,
            Ok(_) if contents.len() == len && contents.capacity() > len => break,
            Ok(_) => contents.reserve(contents.len().max(BUFFER_LEN)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(stamp_of(&metadata))
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
    let mut files = Files::new(repository, kind);
    for locations in locations.chunks(BATCH) {
        let read = locations.iter().map(|location| files.get(location));
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
