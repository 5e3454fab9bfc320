//! Retention: what nobody needs any more goes, and can come back for a while.

use std::{collections::HashMap, time::Duration};

use model::{ChangeSetId, FailureClass, Timestamp};
use publication::{
    Discarded, Kind, Retention, Superfluous, discarded, purge, revert_of, superfluous,
};
use store::{ChangeState, RepositoryChange};

use super::{Hand, Look, Told, What, by_hand::words};
use crate::{Engine, Failure, engine::blocking};

const DAY: Duration = Duration::from_hours(24);

/// A change of the repository, and until when it can be undone.
#[derive(Clone, Debug)]
pub struct Undoable {
    /// The change.
    pub id: ChangeSetId,
    /// When it was made.
    pub at: Timestamp,
    /// What it did.
    pub told: Told,
    /// Until when what it took away is kept; nothing if that is gone already.
    pub until: Option<Timestamp>,
}

impl Engine {
    /// What is kept of older versions.
    pub fn retention(&self) -> Retention {
        self.parts.retention
    }

    /// What nobody needs any more, if `keep` versions are kept.
    ///
    /// # Errors
    /// If the repository or the database cannot be read, or something in the repository cannot be understood.
    pub async fn superfluous(&self, keep: u32) -> Result<Superfluous, Failure> {
        Ok(self.look_for_superfluous(keep).await?.1)
    }

    async fn look_for_superfluous(&self, keep: u32) -> Result<(Look, Superfluous), Failure> {
        let look = self.look().await?;
        let engine = self.clone();
        blocking(move || {
            let found = superfluous(
                &*engine.parts.repository,
                &look.shelf,
                keep,
                &look.ruled(),
            )
            .map_err(|error| {
                Failure::from_error(FailureClass::Publish, &error).with_advice(
                    "Nothing was removed: what cannot be understood may name what would go. Mend the file, or take \
                     it away.",
                )
            })?;
            Ok((look, found))
        })
        .await
    }

    /// Removes what nobody needs any more, and packages without an item if `with_orphans`; answers what that was.
    ///
    /// # Errors
    /// As [`Engine::superfluous`], or if it cannot be removed; the repository is then as it was.
    pub async fn retire(
        &self,
        keep: u32,
        with_orphans: bool,
        hand: Option<&Hand>,
    ) -> Result<(Superfluous, Option<ChangeSetId>), Failure> {
        let (look, found) = self.look_for_superfluous(keep).await?;
        let mut change_set = self.removal_of(&look.shelf, &found.items).await?;
        let mut items = words(&found.items);
        if with_orphans {
            let orphans = found.orphans.iter().cloned();
            let orphans: Vec<_> = orphans.map(|location| (Kind::Pkgs, location)).collect();
            let engine = self.clone();
            let removals = blocking(move || engine.removals(orphans)).await?;
            items.extend(
                found
                    .orphans
                    .iter()
                    .map(|location| format!("pkgs/{location}")),
            );
            change_set.removals.extend(removals);
        }
        if change_set.is_empty() {
            return Ok((found, None));
        }
        let mut told = Told::of(What::Retired, items, &change_set, hand);
        told.stays = self.ends(&found.items, What::Retired, hand);
        self.change(&change_set, &told).await?;
        Ok((found, Some(change_set.id)))
    }

    /// The newest changes, at most `limit`, and until when each can be undone.
    ///
    /// # Errors
    /// If the repository or the database cannot be read.
    pub async fn changes(&self, limit: u32) -> Result<Vec<Undoable>, Failure> {
        let kept = self.kept().await?;
        let kept: HashMap<ChangeSetId, Timestamp> =
            kept.iter().map(|list| (list.id, list.at)).collect();
        let stored = self.parts.db.change_list(limit).await?;
        let done = stored
            .into_iter()
            .filter(|change| change.state == ChangeState::Done);
        done.map(|change| {
            let at = change.finished_at.unwrap_or(change.started_at);
            let id = change.change_set;
            Ok(Undoable {
                id,
                at,
                told: told(change)?,
                until: kept.get(&id).map(|at| at.plus(self.undo_window())),
            })
        })
        .collect()
    }

    /// Takes a change back: what it removed and replaced is there again.
    ///
    /// # Errors
    /// If what it took away is not kept any more, something was changed since, or the repository or the database fails.
    pub async fn undo_change(&self, id: ChangeSetId, hand: &Hand) -> Result<ChangeSetId, Failure> {
        let engine = self.clone();
        let change_set = blocking(move || {
            revert_of(&*engine.parts.repository, id).map_err(|error| {
                Failure::from_error(FailureClass::Publish, &error)
                    .with_advice("Look at what can be undone with `auto-update change list`.")
            })
        })
        .await?;
        if change_set.is_empty() {
            return Err(Failure::new(
                FailureClass::Configuration,
                "Everything is as it was before that change already",
            )
            .with_advice(
                "Nothing is left to do; `auto-update change list` tells of other changes.",
            ));
        }
        let stored = self.parts.db.change_list(u32::MAX).await?;
        let before = stored.into_iter().find(|change| change.change_set == id);
        let items = before.map(told).transpose()?.map(|told| told.items);
        let items = items.unwrap_or_default();
        let items = items.iter().map(|item| format!("back to before: {item}"));
        let told = Told::of(What::Undone, items.collect(), &change_set, Some(hand));
        self.change(&change_set, &told).await?;
        // Which items are in which catalogs again is seen, rather than worked out.
        self.look().await?;
        Ok(change_set.id)
    }

    /// Forgets for good what was taken away so long ago that it cannot be undone any more; answers how many changes
    /// that were.
    ///
    /// # Errors
    /// If the repository fails.
    pub async fn purge_changes(&self) -> Result<usize, Failure> {
        let now = self.parts.clock.now();
        let kept = self.kept().await?.into_iter();
        let old: Vec<ChangeSetId> = kept
            .filter(|list| list.at.plus(self.undo_window()) <= now)
            .map(|list| list.id)
            .collect();
        let (engine, ids) = (self.clone(), old.clone());
        blocking(move || {
            for id in ids {
                purge(&*engine.parts.repository, id)
                    .map_err(|error| Failure::from_error(FailureClass::Publish, &error))?;
                tracing::info!(change_set.id = %id, "what a change took away is forgotten");
            }
            Ok(())
        })
        .await?;
        Ok(old.len())
    }

    async fn kept(&self) -> Result<Vec<Discarded>, Failure> {
        let engine = self.clone();
        blocking(move || {
            discarded(&*engine.parts.repository)
                .map_err(|error| Failure::from_error(FailureClass::Publish, &error))
        })
        .await
    }

    fn undo_window(&self) -> Duration {
        DAY.saturating_mul(self.parts.retention.undo_days)
    }
}

fn told(change: RepositoryChange) -> Result<Told, Failure> {
    serde_json::from_value(change.told)
        .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
}
