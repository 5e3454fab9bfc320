//! By what it shows that a file or a folder has changed.

use std::{fmt, fs::Metadata, os::unix::fs::MetadataExt as _, path::Path};

use model::Timestamp;

/// The clocks of file systems tick, on some every two seconds; what changes twice within a tick changes once.
const TICK_MICROS: i64 = 2_000_000;

/// What changes with a file or a folder. Whoever sets its times back cannot set back when that was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    len_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of the file at `path`, if there is one.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let metadata = fs_err::metadata(path).ok()?;
        metadata.is_file().then(|| Self::of(&metadata))
    }

    /// That of the folder at `path`, if there is one.
    pub(super) fn of_folder(path: &Path) -> Option<Self> {
        let metadata = fs_err::metadata(path).ok()?;
        metadata.is_dir().then(|| Self::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether everything that is done from `now` on changes it: a change within the tick of the last one does not.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let changed = seconds
            .saturating_mul(1_000_000)
            .saturating_add(nanoseconds / 1000);
        changed.saturating_add(TICK_MICROS) < now.as_micros()
    }

    /// What its text says.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(' ');
        let stamp = Self {
            device: numbers.next()?.parse().ok()?,
            inode: numbers.next()?.parse().ok()?,
            len_bytes: numbers.next()?.parse().ok()?,
            modified: (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?),
            changed: (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?),
        };
        numbers.next().is_none().then_some(stamp)
    }
}

/// Seven numbers with spaces between them.
impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            device,
            inode,
            len_bytes,
            modified,
            changed,
        } = self;
        write!(
            f,
            "{device} {inode} {len_bytes} {} {} {} {}",
            modified.0, modified.1, changed.0, changed.1
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_settled_when_its_tick_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = Stamp::of_folder(folder.path()).unwrap();
        let changed = Timestamp::from_secs(stamp.changed.0);
        assert!(!stamp.is_settled(changed));
        assert!(stamp.is_settled(changed.plus(std::time::Duration::from_secs(4))));
        assert_eq!(Stamp::parse(&stamp.to_string()), Some(stamp));
        assert_eq!(Stamp::parse(&format!("{stamp} 1")), None);
        assert_eq!(Stamp::parse("1 2 3"), None);
        assert_eq!(Stamp::of_file(folder.path()), None);
    }
}
