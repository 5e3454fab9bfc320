//! Copies the contents of files, several at a time.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    num::NonZero,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use wire::Budget;

use super::{
    folder::{finish, set_xattrs},
    writer::Extracted,
};
use crate::{Entry, MediaError, Tree, Xattr};

/// Most threads that copy.
const MOST_THREADS: usize = 4;
/// How many files may wait: each of them is open.
const MOST_WAITING: usize = 16;
const BUFFER: usize = 128 << 10;
/// As many files, of as many bytes together, are copied in the time that it takes to start threads.
const FEW: usize = 8;
const FEW_BYTES: u64 = 256 << 10;

/// A file of the host that is there, and empty, and what is to become of it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) entry: Entry,
    pub(super) file: File,
    /// Where it is, for messages.
    pub(super) to: PathBuf,
    pub(super) xattrs: Vec<Xattr>,
}

/// What the threads have in common.
struct Shared<'a> {
    tree: &'a dyn Tree,
    budget: Mutex<&'a mut Budget>,
    done: Mutex<Extracted>,
    /// Of the failures that nobody was told of yet, that of the earliest file.
    failure: Mutex<Option<(u64, MediaError)>>,
}

/// Takes files to be copied, and keeps the accounts.
pub(super) struct Copier<'a, 'b> {
    shared: &'a Shared<'b>,
    jobs: SyncSender<(u64, Job)>,
    taken: u64,
    /// The first few: while they are all there is, no thread is worth its while.
    first: Vec<(u64, Job)>,
    first_bytes: u64,
    /// Starts the threads, where they are not yet.
    start: Option<Start<'a>>,
}

type Start<'a> = Box<dyn FnOnce() -> Result<(), MediaError> + 'a>;

/// Has `hand_over` give files to be copied, while other threads copy them; a few small ones are copied in the end.
///
/// # Errors
/// The failure of a file, of the earliest one where several fail together; else that of `hand_over`.
pub(super) fn copy_files(
    tree: &dyn Tree,
    budget: &mut Budget,
    hand_over: impl FnOnce(&mut Copier<'_, '_>) -> Result<(), MediaError>,
) -> Result<Extracted, MediaError> {
    let shared = Shared {
        tree,
        budget: Mutex::new(budget),
        done: Mutex::default(),
        failure: Mutex::default(),
    };
    let (jobs, waiting) = sync_channel(MOST_WAITING);
    let waiting = Mutex::new(waiting);
    let handed_over = thread::scope(|scope| {
        let start = || {
            let processors = thread::available_parallelism().map_or(1, NonZero::get);
            for number in 0..processors.min(MOST_THREADS) {
                let thread = thread::Builder::new().name("copy".to_owned());
                match thread.spawn_scoped(scope, || shared.work(&waiting)) {
                    Ok(_) => {}
                    // One is enough; without any, nobody would ever take what is handed over.
                    Err(_) if number > 0 => break,
                    Err(error) => {
                        return Err(MediaError::content("a thread that copies files")(error));
                    }
                }
            }
            Ok(())
        };
        let mut copier = Copier {
            shared: &shared,
            jobs,
            taken: 0,
            first: Vec::new(),
            first_bytes: 0,
            start: Some(Box::new(start)),
        };
        let handed_over = hand_over(&mut copier);
        copier.copy_first();
        handed_over
    });
    if let Some((_, error)) = lock(&shared.failure).take() {
        return Err(error);
    }
    handed_over?;
    let done = *lock(&shared.done);
    Ok(done)
}

impl Copier<'_, '_> {
    /// Takes a file to be copied; waits while too many others do.
    ///
    /// # Errors
    /// If another one could not be copied, or no thread can be started.
    pub(super) fn take(&mut self, job: Job) -> Result<(), MediaError> {
        let failure = lock(&self.shared.failure).take();
        if let Some((_, error)) = failure {
            return Err(error);
        }
        let number = self.taken;
        self.taken = number.saturating_add(1);
        if self.start.is_some() {
            self.first_bytes = self
                .first_bytes
                .saturating_add(job.entry.len_bytes().unwrap_or(u64::MAX));
            if self.first.len() < FEW && self.first_bytes <= FEW_BYTES {
                self.first.push((number, job));
                return Ok(());
            }
        }
        if let Some(start) = self.start.take() {
            start()?;
            for first in std::mem::take(&mut self.first) {
                self.send(first)?;
            }
        }
        self.send((number, job))
    }

    fn send(&self, job: (u64, Job)) -> Result<(), MediaError> {
        // The threads listen until this is dropped.
        self.jobs.send(job).map_err(|error| {
            let (_, job) = error.0;
            MediaError::content(&job.entry.path)(io::ErrorKind::BrokenPipe.into())
        })
    }

    /// Copies the first few, if they were all.
    fn copy_first(&mut self) {
        if self.first.is_empty() {
            return;
        }
        let mut buffer = vec![0; BUFFER];
        for (number, job) in std::mem::take(&mut self.first) {
            self.shared.copy_one(number, &job, &mut buffer);
        }
    }

    /// Spends one entry of what may be written.
    ///
    /// # Errors
    /// If none is left.
    pub(super) fn spend_entry(&self) -> Result<(), MediaError> {
        Ok(lock(&self.shared.budget).spend_entry()?)
    }

    /// What was written so far.
    pub(super) fn done(&self) -> MutexGuard<'_, Extracted> {
        lock(&self.shared.done)
    }
}

impl Shared<'_> {
    /// Copies files until no more come; once one failed, the others that wait are left empty.
    fn work(&self, waiting: &Mutex<Receiver<(u64, Job)>>) {
        let mut buffer = vec![0; BUFFER];
        loop {
            let next = lock(waiting).recv();
            let Ok((number, job)) = next else { return };
            self.copy_one(number, &job, &mut buffer);
        }
    }

    /// Copies a file, unless another one failed.
    fn copy_one(&self, number: u64, job: &Job, buffer: &mut [u8]) {
        if lock(&self.failure).is_some() {
            return;
        }
        if let Err(error) = self.copy(job, buffer) {
            let mut failure = lock(&self.failure);
            if failure.as_ref().is_none_or(|(first, _)| number < *first) {
                *failure = Some((number, error));
            }
        }
    }

    fn copy(&self, job: &Job, buffer: &mut [u8]) -> Result<(), MediaError> {
        let bytes = self.contents(job, buffer)?;
        let failed = |error| MediaError::host(&job.to)(io::Error::from(error));
        let lost = set_xattrs(&job.file, &job.xattrs).map_err(failed)?;
        let mode = job.entry.mode & 0o777 | 0o400;
        finish(&job.file, mode, job.entry.modified).map_err(failed)?;
        let mut done = lock(&self.done);
        done.lost_xattrs = done.lost_xattrs.saturating_add(lost);
        done.bytes = done.bytes.saturating_add(bytes);
        done.files = done.files.saturating_add(1);
        Ok(())
    }

    fn contents(&self, job: &Job, buffer: &mut [u8]) -> Result<u64, MediaError> {
        let path = &job.entry.path;
        let mut reader = self.tree.open(path)?;
        let mut file = &job.file;
        let mut done = 0_u64;
        loop {
            let read = match reader.read(buffer) {
                Ok(0) => return Ok(done),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(MediaError::content(path)(error)),
            };
            lock(&self.budget).spend_bytes(read as u64)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            file.write_all(bytes).map_err(MediaError::host(&job.to))?;
            done = done.saturating_add(read as u64);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
