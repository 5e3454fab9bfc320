//! Whether anybody has changed anything, without asking the database.

use std::{
    ffi::OsString,
    path::Path,
    time::{Duration, SystemTime},
};

use model::{Clock as _, SystemClock};

use crate::{Db, DbPlace};

/// Clocks of file systems tick: what was written within a tick of the one before shows the same time.
const TICK: Duration = Duration::from_millis(100);

/// How the files of a database looked from outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp {
    file: (u64, SystemTime),
    log: (u64, SystemTime),
}

impl Db {
    /// How the state looks from outside now: who takes it before asking something, and finds the same later, would get
    /// the same answer. Nothing where that cannot be told: on a server, and where the last change is so young that the
    /// next could look the same.
    ///
    /// Every commit is written into the write-ahead log, by which the time of that file changes, whoever does it.
    pub fn stamp(&self) -> Option<Stamp> {
        let DbPlace::File(path) = self.place() else {
            return None;
        };
        let mut log = OsString::from(path);
        log.push("-wal");
        let stamp = Stamp {
            file: look(path)?,
            log: look(Path::new(&log))?,
        };
        let settled = SystemTime::from(SystemClock.now().to_utc()).checked_sub(TICK)?;
        (stamp.file.1 < settled && stamp.log.1 < settled).then_some(stamp)
    }
}

fn look(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = fs_err::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::{SchedulePause, testing};

    /// Waits until the last change is old enough to be told from the next.
    async fn settled(db: &Db) -> Stamp {
        loop {
            if let Some(stamp) = db.stamp() {
                return stamp;
            }
            tokio::time::sleep(TICK / 4).await;
        }
    }

    #[tokio::test]
    async fn another_process_is_noticed_and_reading_is_not() {
        let (folder, db) = testing::database().await;
        if db.is_server() {
            assert_eq!(db.stamp(), None);
            return;
        }
        let stamp = settled(&db).await;
        db.pause_list().await.unwrap();
        assert_eq!(db.stamp(), Some(stamp));
        let other = testing::open(&folder.path().join("auto-update.db")).await;
        let pause = SchedulePause {
            title: "Widget".to_owned(),
            reason: "a test".to_owned(),
            paused_by: "somebody".to_owned(),
            paused_at: Timestamp::default(),
            until: None,
        };
        for _ in 0..2 {
            let before = settled(&db).await;
            other.pause_begin(&pause).await.unwrap();
            assert_eq!(db.stamp(), None, "too young");
            assert_ne!(settled(&db).await, before);
        }
    }
}
