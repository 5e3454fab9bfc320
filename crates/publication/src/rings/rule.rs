//! What a person has said of the items in the rings.

use std::{cmp::Ordering, str::FromStr};

use model::UnknownWord;
use munki::{Compat, compare_versions};

use crate::ShelfItem;

/// What a rule does.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RuleKind {
    /// The item comes into no further ring.
    Hold,
    /// Rings have this version, and no newer one.
    Pin,
    /// The version was withdrawn for good, and is not taken again.
    Recall,
    /// The version comes into every ring at once.
    Urgent,
}

impl RuleKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Hold, Self::Pin, Self::Recall, Self::Urgent];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Pin => "pin",
            Self::Recall => "recall",
            Self::Urgent => "urgent",
        }
    }
}

impl FromStr for RuleKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "kind of a rule",
                word: word.to_owned(),
            })
    }
}

/// What a person has said of an item, until the rule is ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// What it does.
    pub kind: RuleKind,
    /// The item's name.
    pub name: String,
    /// The version it is about; every one if not given.
    pub version: Option<String>,
    /// The ring it is about; every one if not given.
    pub ring: Option<String>,
}

impl Rule {
    /// Whether it is about `item`, as far as its ring goes.
    pub fn is_about(&self, item: &ShelfItem) -> bool {
        self.is_about_version(&item.name, &item.version)
    }

    /// Whether it is about this version of this name, as far as its ring goes.
    pub fn is_about_version(&self, name: &str, version: &str) -> bool {
        self.name == name
            && self
                .version
                .as_deref()
                .is_none_or(|own| compare_versions(Compat::Munki7, own, version) == Ordering::Equal)
    }

    /// Whether it holds in the ring of `catalog`.
    pub fn holds_in(&self, catalog: &str) -> bool {
        self.ring.as_deref().is_none_or(|ring| ring == catalog)
    }

    /// Whether it keeps `item` out of the ring of `catalog`.
    pub fn keeps_out(&self, item: &ShelfItem, catalog: &str) -> bool {
        match self.kind {
            RuleKind::Hold => self.is_about(item) && self.holds_in(catalog),
            RuleKind::Recall => self.is_about(item),
            RuleKind::Pin => {
                self.name == item.name && !self.is_about(item) && self.holds_in(catalog)
            }
            RuleKind::Urgent => false,
        }
    }
}

/// The rule that keeps `item` out of the ring of `catalog`, if there is one.
pub(crate) fn keeping_out<'a>(
    rules: &'a [Rule],
    item: &ShelfItem,
    catalog: &str,
) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.keeps_out(item, catalog))
}
