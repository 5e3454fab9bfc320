//! What became of changes that a crash interrupted.

use std::time::Duration;

use model::{ChangeSetId, FailureClass};
use publication::Backend as _;

use super::{
    Told,
    change::{FOLDER, forget_folder},
};
use crate::{Engine, Failure, engine::blocking};

/// No change takes that long: whoever began it on another machine is gone.
const LOST: Duration = Duration::from_hours(1);

impl Engine {
    /// Finds out what became of changes whose process is gone, and tells the log and the database of it. Publications
    /// that a crash interrupted must have been finished or undone before.
    ///
    /// # Errors
    /// If the repository or the database fails.
    pub(crate) async fn settle_changes(&self) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        for change in self.parts.db.change_list_open().await? {
            let told: Told = serde_json::from_value(change.told)
                .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?;
            let is_gone = self.owner.is_gone(&told.owner) || now.since(change.started_at) > LOST;
            if !is_gone {
                continue;
            }
            if self.is_made(&told).await? {
                self.finish_change(change.change_set, &told).await?;
            } else {
                self.parts
                    .db
                    .change_roll_back(change.change_set, now)
                    .await?;
            }
            forget_folder(&self.change_folder(change.change_set));
        }
        self.forget_folders().await
    }

    /// Whether the repository is as the change says.
    async fn is_made(&self, told: &Told) -> Result<bool, Failure> {
        let (engine, told) = (self.clone(), told.clone());
        blocking(move || {
            let there = told.files.iter().map(|file| (file, Some(file.sha256)));
            let gone = told.removed.iter().map(|file| (file, None));
            for (file, expected) in there.chain(gone) {
                let found = engine.parts.repository.digest(file.kind, &file.location);
                let found =
                    found.map_err(|error| Failure::from_error(FailureClass::Publish, &error))?;
                if found != expected {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await
    }

    /// Forgets what was staged for changes that were never written down.
    async fn forget_folders(&self) -> Result<(), Failure> {
        let folder = self.cache_dir().join(FOLDER);
        let open = self.parts.db.change_list_open().await?;
        let open: Vec<ChangeSetId> = open.iter().map(|change| change.change_set).collect();
        blocking(move || {
            let Ok(entries) = fs_err::read_dir(&folder) else {
                return Ok(());
            };
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_old = entry
                    .metadata()
                    .and_then(|about| about.modified())
                    .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LOST));
                let is_open = name
                    .parse::<ChangeSetId>()
                    .is_ok_and(|id| open.contains(&id));
                if is_old && !is_open {
                    forget_folder(&entry.path());
                }
            }
            Ok(())
        })
        .await
    }
}
