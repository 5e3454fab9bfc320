//! What is in the rings, by whose rules, and since when.

use std::collections::HashMap;

use model::{FailureClass, Timestamp};
use publication::{Move, Rings, Rule, RuleKind, Shelf, ShelfItem, due};
use store::{Passage, RingRule, RingStay};

use crate::{Engine, Failure, engine::blocking};

/// What is in the rings, by whose rules, and since when.
#[derive(Clone, Debug)]
pub struct Look {
    /// The items.
    pub shelf: Shelf,
    /// The rules that hold.
    pub rules: Vec<RingRule>,
    /// When items came into the catalogs they are in, by pkginfo and catalog.
    entered: HashMap<(String, String), Timestamp>,
}

impl Look {
    /// Since when `item` is in `catalog`, where that is known.
    pub fn entered(&self, item: &ShelfItem, catalog: &str) -> Option<Timestamp> {
        let key = (item.pkginfo.clone(), catalog.to_owned());
        self.entered.get(&key).copied()
    }

    /// The rules as decisions are made by them.
    pub(super) fn ruled(&self) -> Vec<Rule> {
        self.rules.iter().filter_map(as_rule).collect()
    }

    /// What comes into which ring now.
    pub fn due(&self, rings: &Rings, now: Timestamp) -> Vec<Move> {
        let entered = |item: &ShelfItem, catalog: &str| self.entered(item, catalog);
        due(&self.shelf, rings, &self.ruled(), &entered, now)
    }
}

/// A rule as decisions are made by it. A kind that only a newer program knows was written by that, and this one does
/// not start on its database.
pub(super) fn as_rule(stored: &RingRule) -> Option<Rule> {
    Some(Rule {
        kind: stored.kind.parse::<RuleKind>().ok()?,
        name: stored.name.clone(),
        version: stored.version.clone(),
        ring: stored.ring.clone(),
    })
}

impl Engine {
    /// What is in the rings, by whose rules, and since when. What others have changed in the repository is noted.
    ///
    /// # Errors
    /// If the repository or the database cannot be read.
    pub async fn look(&self) -> Result<Look, Failure> {
        let engine = self.clone();
        let found = blocking(move || {
            Shelf::read(&*engine.parts.repository)
                .map_err(|error| Failure::from_error(FailureClass::Publish, &error))
        })
        .await?;
        let db = &self.parts.db;
        let known = db.ring_stay_list(false).await?;
        let observed = observed(&found, &known, self.parts.clock.now());
        db.ring_stay_note(&observed).await?;
        let entered = known
            .into_iter()
            .chain(observed)
            .filter(|stay| stay.left.is_none())
            .map(|stay| ((stay.pkginfo, stay.catalog), stay.entered.at));
        Ok(Look {
            entered: entered.collect(),
            rules: db.ring_rule_list(false).await?,
            shelf: found,
        })
    }

    /// In which catalogs a version, or every one, of an item was, from when until when; the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn offers(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<Vec<RingStay>, Failure> {
        let about = Rule {
            kind: RuleKind::Hold,
            name: name.to_owned(),
            version: version.map(str::to_owned),
            ring: None,
        };
        let mut stays = self.parts.db.ring_stay_list(true).await?;
        stays.retain(|stay| about.is_about_version(&stay.name, &stay.version));
        Ok(stays)
    }

    /// The rings.
    pub fn rings(&self) -> &Rings {
        &self.parts.rings
    }
}

/// What is not as it is known: items that somebody else has put into catalogs, or taken out of them.
fn observed(shelf: &Shelf, known: &[RingStay], now: Timestamp) -> Vec<RingStay> {
    let passage = || Passage {
        at: now,
        why: "observed".to_owned(),
        by: None,
    };
    let mut gone: HashMap<(&str, &str), &RingStay> = known
        .iter()
        .map(|stay| ((stay.pkginfo.as_str(), stay.catalog.as_str()), stay))
        .collect();
    let mut observed = Vec::new();
    for item in &shelf.items {
        for catalog in &item.catalogs {
            if gone
                .remove(&(item.pkginfo.as_str(), catalog.as_str()))
                .is_none()
            {
                observed.push(RingStay {
                    pkginfo: item.pkginfo.clone(),
                    name: item.name.clone(),
                    version: item.version.clone(),
                    catalog: catalog.clone(),
                    entered: passage(),
                    left: None,
                });
            }
        }
    }
    observed.extend(gone.into_values().map(|stay| RingStay {
        left: Some(passage()),
        ..stay.clone()
    }));
    observed
}
