//! The schedules, as the file says them: read again when it has changed, and not for every page.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use pipeline::Schedules;

/// What the file looked like from outside: its inode, its length, and when it was changed last in any way.
pub(super) type Stamp = (u64, u64, i64, i64);

/// What the file said when it looked so.
type Kept = (Stamp, Arc<Schedules>);

/// The schedules; clones share what they have read.
#[derive(Clone, Debug)]
pub(super) struct Timetables {
    path: Arc<PathBuf>,
    kept: Arc<Mutex<Option<Kept>>>,
}

impl Timetables {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: Arc::new(path.to_owned()),
            kept: Arc::default(),
        }
    }

    /// What the file says now; nothing if it cannot be read, and the log says why.
    pub(super) async fn read(&self) -> Option<Arc<Schedules>> {
        let timetables = self.clone();
        let reading = tokio::task::spawn_blocking(move || timetables.read_now());
        reading.await.ok().flatten()
    }

    /// Blocks.
    fn read_now(&self) -> Option<Arc<Schedules>> {
        let stamp = stamp_of(&self.path);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(stamp), Some((known, schedules))) = (stamp, kept.as_ref())
            && stamp == *known
        {
            return Some(Arc::clone(schedules));
        }
        match Schedules::load(&self.path) {
            Ok(schedules) => {
                let schedules = Arc::new(schedules);
                *kept = stamp.map(|stamp| (stamp, Arc::clone(&schedules)));
                Some(schedules)
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the schedules cannot be read");
                None
            }
        }
    }
}

/// Nothing of a file that is not there: it schedules nothing.
pub(super) fn stamp_of(path: &Path) -> Option<Stamp> {
    let metadata: io::Result<_> = fs_err::metadata(path);
    let found = metadata.ok()?;
    Some((found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_changes_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schedules.yaml");
        let timetables = Timetables::new(&path);
        let count = async || timetables.read().await.map(|it| it.titles().len());
        assert_eq!(count().await, Some(0));
        fs_err::write(&path, "schedules: [{cron: '0 3 * * *', overrides: [A]}]").unwrap();
        assert_eq!(count().await, Some(1));
        let first = timetables.read().await.unwrap();
        assert!(Arc::ptr_eq(&first, &timetables.read().await.unwrap()));
        fs_err::write(&path, "schedules: [{cron: '0 3 * * *', overrides: [A, B]}]").unwrap();
        assert_eq!(count().await, Some(2));
        fs_err::write(&path, "no schedules").unwrap();
        assert_eq!(count().await, None);
    }
}
