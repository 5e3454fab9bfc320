//! How update metadata is kept.

use std::{
    num::NonZeroU16,
    path::{Path, PathBuf},
    time::Duration,
};

use publication::tuf::{Lifetimes, Tuf};
use serde::Deserialize;

/// Update metadata (TUF) of the repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TufConfig {
    /// Whether it is written.
    pub enabled: bool,
    /// The folder of its keys; one in the state folder if not given.
    pub keys: Option<PathBuf>,
    /// Whether the key of the first root is somewhere else, so that none is made here.
    pub offline_root: bool,
    /// How long a root is good for, in days.
    pub root_days: NonZeroU16,
    /// How long the list of files is good for, in days.
    pub targets_days: NonZeroU16,
    /// How long the snapshot is good for, in days.
    pub snapshot_days: NonZeroU16,
    /// How long the timestamp is good for, in hours.
    pub timestamp_hours: NonZeroU16,
}

const fn number(number: u16) -> NonZeroU16 {
    match NonZeroU16::new(number) {
        Some(number) => number,
        None => NonZeroU16::MIN,
    }
}

impl Default for TufConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            keys: None,
            offline_root: false,
            root_days: number(365),
            targets_days: number(90),
            snapshot_days: number(7),
            timestamp_hours: number(48),
        }
    }
}

impl TufConfig {
    /// What keeps it, whether it is enabled or not.
    pub(super) fn keeper(&self, state_dir: &Path) -> Tuf {
        let folder = self.keys.clone();
        let folder = folder.unwrap_or_else(|| state_dir.join("keys").join("tuf"));
        let days = |days: NonZeroU16| hours(u64::from(days.get()).saturating_mul(24));
        Tuf::new(
            folder,
            Lifetimes {
                root: days(self.root_days),
                targets: days(self.targets_days),
                snapshot: days(self.snapshot_days),
                timestamp: hours(u64::from(self.timestamp_hours.get())),
            },
        )
    }
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours.saturating_mul(3600))
}
