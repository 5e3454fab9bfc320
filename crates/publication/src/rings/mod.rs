//! Rings: catalogs that an item comes into one after another, from the few Macs that try it out to all of them.
//!
//! An item stays in the rings it has been in: what production has, testers have, too. The decisions are made here, of
//! what is on the [`Shelf`] and what people have said ([`Rule`]), and carried out as one change set.

mod config;
mod due;
mod hand;
mod rule;
#[cfg(test)]
mod tests;

pub use config::{Exception, Ring, Rings, RingsError};
pub use due::due;
pub use hand::{HandError, pinned, promoted, rolled_back};
pub use rule::{Rule, RuleKind};

use std::fmt;

use model::Sha256;

use crate::{Shelf, ShelfItem, shelf::of_name};

/// An item that is to be in other catalogs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Move {
    /// Where its pkginfo is, relative to `pkgsinfo/`.
    pub pkginfo: String,
    /// The digest of the pkginfo that this was decided on.
    pub was: Sha256,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The catalogs it is in.
    pub from: Vec<String>,
    /// The catalogs it is to be in.
    pub to: Vec<String>,
    /// Why.
    pub why: Why,
}

/// Why an item is to be in other catalogs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// It was in its ring for long enough.
    Age,
    /// A person brings it on.
    ByHand,
    /// The rings have a certain version.
    Pinned,
    /// A person takes it back.
    RolledBack,
    /// It is an urgent fix.
    Urgent,
}

impl Why {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::ByHand => "by-hand",
            Self::Pinned => "pinned",
            Self::RolledBack => "rolled-back",
            Self::Urgent => "urgent",
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |catalogs: &[String]| match catalogs {
            [] => "no catalog".to_owned(),
            catalogs => catalogs.join(", "),
        };
        write!(
            f,
            "{} {}: {} -> {} ({})",
            self.name,
            self.version,
            list(&self.from),
            list(&self.to),
            self.why.as_str()
        )
    }
}

/// The shelf as it becomes while moves are decided on, so that one decision sees those before it.
struct Bench<'a> {
    rings: &'a Rings,
    before: &'a Shelf,
    items: Vec<ShelfItem>,
    why: Vec<Option<Why>>,
}

impl<'a> Bench<'a> {
    fn new(shelf: &'a Shelf, rings: &'a Rings) -> Self {
        Self {
            rings,
            before: shelf,
            items: shelf.items.clone(),
            why: vec![None; shelf.items.len()],
        }
    }

    /// Puts an item into the ring of `catalog`.
    fn put(&mut self, index: usize, catalog: &str, why: Why) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        if !item.is_in(catalog) {
            item.catalogs.retain(|name| *name != self.rings.withdrawn);
            item.catalogs.push(catalog.to_owned());
            self.note(index, why);
        }
    }

    /// Takes an item out of the ring of `catalog`; one that is in no catalog any more is withdrawn.
    fn take(&mut self, index: usize, catalog: &str, why: Why) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        if item.is_in(catalog) {
            item.catalogs.retain(|name| name != catalog);
            if item.catalogs.is_empty() {
                item.catalogs.push(self.rings.withdrawn.clone());
            }
            self.note(index, why);
        }
    }

    fn note(&mut self, index: usize, why: Why) {
        if let Some(noted) = self.why.get_mut(index) {
            *noted = Some(why);
        }
    }

    /// Whether nothing of the same kin that is in the ring of `catalog` is as new as `item`.
    fn would_be_newest(&self, item: &ShelfItem, catalog: &str) -> bool {
        let versions = self.items.get(of_name(&self.items, &item.name));
        versions.unwrap_or_default().iter().all(|other| {
            !other.is_in(catalog) || !other.is_kin_of(item) || other.compare(item).is_lt()
        })
    }

    /// What has come of it.
    fn moves(self) -> Vec<Move> {
        let pairs = self.before.items.iter().zip(self.items).zip(self.why);
        pairs
            .filter(|((before, after), _)| before.catalogs != after.catalogs)
            .filter_map(|((before, after), why)| {
                Some(Move {
                    pkginfo: after.pkginfo,
                    was: after.sha256,
                    name: after.name,
                    version: after.version,
                    from: before.catalogs.clone(),
                    to: after.catalogs,
                    why: why?,
                })
            })
            .collect()
    }
}
