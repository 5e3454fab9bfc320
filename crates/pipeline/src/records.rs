//! Records that nobody needs any more: runs, receipts, and what titles that no longer run left in the cache.

use std::{
    collections::BTreeSet,
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use model::{FailureClass, Timestamp};
use serde::Deserialize;

use crate::{Engine, Failure, engine::blocking, pending::Pending, recorded::KEPT};

const DAY: u64 = 86_400;

/// What is kept of runs. Nothing goes by itself unless a number of days is given.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Keeping {
    /// After how many days a run that changed nothing, failed or was cancelled goes; 0: never.
    pub run_days: u32,
    /// How many of the newest runs of each title stay in any case.
    pub runs: u32,
    /// After how many days a receipt goes; 0: never.
    pub receipt_days: u32,
    /// After how many days without a run the folder of a title in the cache goes; 0: never.
    pub cache_days: u32,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            run_days: 0,
            runs: 10,
            receipt_days: 0,
            cache_days: 0,
        }
    }
}

/// What can go, or is gone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Old {
    /// How many runs.
    pub runs: u64,
    /// Receipts.
    pub receipts: Vec<PathBuf>,
    /// Folders in the cache.
    pub folders: Vec<PathBuf>,
}

impl Engine {
    /// What is kept of runs.
    pub fn keeping(&self) -> Keeping {
        self.parts.keeping
    }

    /// What nobody needs any more, by what is configured; nothing is changed.
    ///
    /// # Errors
    /// If the database fails, or the cache cannot be read.
    pub async fn old_records(&self) -> Result<Old, Failure> {
        let keeping = self.keeping();
        let runs = match self.limit(keeping.run_days) {
            Some(limit) => {
                let db = &self.parts.db;
                db.run_old_count(limit, keeping.runs.max(1)).await?
            }
            None => 0,
        };
        Ok(Old {
            runs,
            ..self.old_files(false).await?
        })
    }

    /// Removes it; answers what is gone.
    ///
    /// # Errors
    /// If the database fails, or the cache cannot be read; what was removed before is gone.
    ///
    /// # Cancellation
    /// The next call goes on.
    pub async fn forget_old(&self) -> Result<Old, Failure> {
        let keeping = self.keeping();
        let mut runs: u64 = 0;
        if let Some(limit) = self.limit(keeping.run_days) {
            loop {
                let db = &self.parts.db;
                let gone = db.run_forget(limit, keeping.runs.max(1)).await?;
                runs = runs.saturating_add(gone);
                if gone == 0 {
                    break;
                }
            }
        }
        let unnamed = self.clock().now().minus(KEPT);
        self.parts.db.plan_forget(unnamed).await?;
        let old = Old {
            runs,
            ..self.old_files(true).await?
        };
        if old != Old::default() {
            tracing::info!(
                runs,
                receipts = old.receipts.len(),
                folders = old.folders.len(),
                "records that nobody needs are removed"
            );
        }
        Ok(old)
    }

    fn limit(&self, days: u32) -> Option<Timestamp> {
        (days > 0).then(|| self.clock().now().minus(age(days)))
    }

    async fn old_files(&self, remove: bool) -> Result<Old, Failure> {
        let mut look = Look {
            keeping: self.keeping(),
            now: self.clock().now(),
            in_use: BTreeSet::new(),
            remove,
        };
        for (_id, parked) in self.parts.db.run_in_use().await? {
            let parked = parked.and_then(|it| serde_json::from_value::<Pending>(it).ok());
            look.in_use
                .extend(parked.and_then(|it| it.record).map(|it| it.workspace));
        }
        let cache = self.cache_dir();
        blocking(move || {
            look.through(&cache)
                .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
        })
        .await
    }
}

struct Look {
    keeping: Keeping,
    now: Timestamp,
    /// Workspaces of runs that are parked, whose files are needed.
    in_use: BTreeSet<PathBuf>,
    remove: bool,
}

impl Look {
    fn through(&self, cache: &Path) -> io::Result<Old> {
        let mut old = Old::default();
        if self.keeping.receipt_days == 0 && self.keeping.cache_days == 0 {
            return Ok(old);
        }
        let mut folders: Vec<PathBuf> = match fs_err::read_dir(cache) {
            Ok(entries) => entries
                .map(|entry| entry.map(|it| it.path()))
                .collect::<io::Result<_>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(old),
            Err(error) => return Err(error),
        };
        folders.sort();
        for folder in folders {
            // Only what a run has worked in is a workspace: recipes may keep other things here.
            let lock = folder.join(".lock");
            let is_workspace = !folder.is_symlink() && lock.is_file();
            if !is_workspace || self.in_use.contains(&folder) {
                continue;
            }
            if self.is_old(&lock, self.keeping.cache_days)? {
                if self.take_away(&folder, &lock)? {
                    old.folders.push(folder);
                }
            } else {
                self.receipts(&folder.join("receipts"), &mut old.receipts)?;
            }
        }
        Ok(old)
    }

    /// Removes a folder, if it is to be; false if a run works in it.
    fn take_away(&self, folder: &Path, lock: &Path) -> io::Result<bool> {
        let (lock, _path) = fs_err::File::open(lock)?.into_parts();
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if self.remove {
            fs_err::remove_dir_all(folder)?;
        }
        Ok(true)
    }

    fn receipts(&self, folder: &Path, gone: &mut Vec<PathBuf>) -> io::Result<()> {
        let entries = match fs_err::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            let is_receipt = path.extension().is_some_and(|it| it == "plist");
            if is_receipt && path.is_file() && self.is_old(&path, self.keeping.receipt_days)? {
                if self.remove {
                    fs_err::remove_file(&path)?;
                }
                gone.push(path);
            }
        }
        Ok(())
    }

    /// Whether a file was last written more than `days` ago; never for 0.
    fn is_old(&self, path: &Path, days: u32) -> io::Result<bool> {
        if days == 0 {
            return Ok(false);
        }
        let written = fs_err::metadata(path)?.modified()?;
        let since_epoch = written
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let written = Timestamp::default().plus(since_epoch);
        Ok(self.now.since(written) > age(days))
    }
}

fn age(days: u32) -> Duration {
    Duration::from_secs(u64::from(days).saturating_mul(DAY))
}
