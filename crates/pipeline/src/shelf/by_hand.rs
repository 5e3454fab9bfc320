//! What the service does with the rings by itself, and what people have it do.

use model::{ChangeSetId, FailureClass};
use publication::{
    ChangeSet, Kind, Move, Removal, Rule, RuleKind, Shelf, ShelfItem, promoted, rolled_back,
};
use store::{Passage, RingStay};

use super::{Hand, Told, What};
use crate::{Engine, Failure, engine::blocking};

/// What was recalled.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// The items that are gone.
    pub items: Vec<ShelfItem>,
    /// In which catalogs they were offered, from when until when: who could have fetched them.
    pub offered: Vec<RingStay>,
    /// The change that took them away, if something was there.
    pub change: Option<ChangeSetId>,
}

impl Engine {
    /// What comes into which ring now.
    ///
    /// # Errors
    /// If the repository or the database cannot be read.
    pub async fn rings_due(&self) -> Result<Vec<Move>, Failure> {
        if self.rings().is_empty() {
            return Ok(Vec::new());
        }
        let look = self.look().await?;
        Ok(look.due(self.rings(), self.parts.clock.now()))
    }

    /// Brings everything into the rings where it is due, and answers what that was.
    ///
    /// # Errors
    /// If the repository or the database fails; nothing is moved then.
    pub async fn rings_turn(&self) -> Result<Vec<Move>, Failure> {
        let due = self.rings_due().await?;
        self.carry_out_moves(&due, None).await?;
        Ok(due)
    }

    /// Brings one item into the next ring, or up to `to`.
    ///
    /// # Errors
    /// If that cannot be done, or the repository or the database fails.
    pub async fn ring_promote(
        &self,
        (name, version): (&str, Option<&str>),
        to: Option<&str>,
        hand: &Hand,
    ) -> Result<Vec<Move>, Failure> {
        let look = self.look().await?;
        let moves = promoted(
            &look.shelf,
            self.rings(),
            &look.ruled(),
            (name, version),
            to,
        )
        .map_err(|error| refused(error.to_string()))?;
        self.carry_out_moves(&moves, Some(hand)).await?;
        Ok(moves)
    }

    /// Takes the newest version, or all that are newer than `to`, out of the rings, or out of one; they are held.
    ///
    /// # Errors
    /// If that cannot be done, or the repository or the database fails.
    pub async fn ring_rollback(
        &self,
        (name, to): (&str, Option<&str>),
        ring: Option<&str>,
        hand: &Hand,
    ) -> Result<Vec<Move>, Failure> {
        let look = self.look().await?;
        let (moves, held) = rolled_back(&look.shelf, self.rings(), (name, to), ring)
            .map_err(|error| refused(error.to_string()))?;
        self.lay_down(&held, hand).await?;
        self.carry_out_moves(&moves, Some(hand)).await?;
        Ok(moves)
    }

    /// Takes a version away at once, package and all, and sees to it that it does not come again.
    ///
    /// It is recalled, too, if it is not there: a run may be about to publish it.
    ///
    /// # Errors
    /// If the repository or the database fails. That it may not come again holds all the same then.
    pub async fn recall(
        &self,
        name: &str,
        version: &str,
        hand: &Hand,
    ) -> Result<Recalled, Failure> {
        let rule = Rule {
            kind: RuleKind::Recall,
            name: name.to_owned(),
            version: Some(version.to_owned()),
            ring: None,
        };
        let holding = self.rules_that_hold().await?;
        if !holding.iter().any(|(known, _)| *known == rule) {
            self.lay_down(std::slice::from_ref(&rule), hand).await?;
        }
        let look = self.look().await?;
        let mut recalled = Recalled {
            items: look.shelf.of_version(name, version).cloned().collect(),
            offered: Vec::new(),
            change: None,
        };
        if !recalled.items.is_empty() {
            let removed = self.removal_of(&look.shelf, &recalled.items).await?;
            let items = words(&recalled.items);
            let mut told = Told::of(What::Recalled, items, &removed, Some(hand));
            told.stays = self.ends(&recalled.items, What::Recalled, Some(hand));
            self.change(&removed, &told).await?;
            recalled.change = Some(removed.id);
        }
        recalled.offered = self.offers(name, Some(version)).await?;
        Ok(recalled)
    }

    /// A change set that removes items with their packages, unless another item has those, and their evidence.
    pub(super) async fn removal_of(
        &self,
        present: &Shelf,
        items: &[ShelfItem],
    ) -> Result<ChangeSet, Failure> {
        let staying = present.items.iter().filter(|item| !items.contains(item));
        let used: Vec<&String> = staying.flat_map(|item| &item.packages).collect();
        let mut packages: Vec<String> = items
            .iter()
            .flat_map(|item| &item.packages)
            .filter(|package| !used.contains(package))
            .cloned()
            .collect();
        packages.sort();
        packages.dedup();
        let going: Vec<String> = items
            .iter()
            .map(|item| item.pkginfo.clone())
            .chain(packages.iter().cloned())
            .collect();
        let pkginfos = items.iter().map(|item| Removal {
            kind: Kind::Pkgsinfo,
            location: item.pkginfo.clone(),
            was: item.sha256,
        });
        let mut change_set = ChangeSet::new(ChangeSetId::new());
        change_set.removals = pkginfos.collect();
        let engine = self.clone();
        let more = blocking(move || engine.packages_and_evidence(packages, &going)).await?;
        change_set.removals.extend(more);
        Ok(change_set)
    }

    /// Blocking.
    fn packages_and_evidence(
        &self,
        packages: Vec<String>,
        going: &[String],
    ) -> Result<Vec<Removal>, Failure> {
        let mut evidence = self
            .parts
            .repository
            .list(Kind::Evidence)
            .map_err(|error| Failure::from_error(FailureClass::Publish, &error))?;
        evidence.retain(|location| {
            ::evidence::item_of(location).is_some_and(|items| {
                items
                    .into_iter()
                    .any(|item| going.iter().any(|location| location == item))
            })
        });
        let packages = packages.into_iter().map(|location| (Kind::Pkgs, location));
        let evidence = evidence
            .into_iter()
            .map(|location| (Kind::Evidence, location));
        self.removals(packages.chain(evidence).collect())
    }

    /// The removals of what is there of `files`; what is missing already needs no removing. Blocking.
    pub(super) fn removals(&self, files: Vec<(Kind, String)>) -> Result<Vec<Removal>, Failure> {
        let mut removals = Vec::new();
        for (kind, location) in files {
            let found = self.parts.repository.digest(kind, &location);
            let found =
                found.map_err(|error| Failure::from_error(FailureClass::Publish, &error))?;
            removals.extend(found.map(|was| Removal {
                kind,
                location,
                was,
            }));
        }
        Ok(removals)
    }

    /// The stays that end when items go.
    pub(super) fn ends(
        &self,
        items: &[ShelfItem],
        what: What,
        hand: Option<&Hand>,
    ) -> Vec<RingStay> {
        let passage = Passage {
            at: self.parts.clock.now(),
            why: what.as_str().to_owned(),
            by: hand.map(|hand| hand.by.clone()),
        };
        let stays = items.iter().flat_map(|item| {
            item.catalogs.iter().map(|catalog| RingStay {
                pkginfo: item.pkginfo.clone(),
                name: item.name.clone(),
                version: item.version.clone(),
                catalog: catalog.clone(),
                entered: passage.clone(),
                left: Some(passage.clone()),
            })
        });
        stays.collect()
    }
}

/// What somebody asked for and cannot have.
pub(super) fn refused(message: String) -> Failure {
    Failure::new(FailureClass::Configuration, message)
        .with_advice("Look at what there is with `auto-update ring list`.")
}

/// Items in words.
pub(super) fn words(items: &[ShelfItem]) -> Vec<String> {
    let words = items
        .iter()
        .map(|item| format!("{} {} ({})", item.name, item.version, item.pkginfo));
    words.collect()
}
