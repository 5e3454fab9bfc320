//! Which catalogs are rings, and how long an item stays in each.

use std::{collections::BTreeMap, time::Duration};

use munki::is_catalog_name;
use serde::Deserialize;

const HOUR: Duration = Duration::from_hours(1);

/// Which catalogs are rings, from the innermost outwards, and how long an item stays in each.
///
/// ```toml
/// [rings]
/// minimum-age-hours = 24
/// [[rings.ring]]
/// catalog = "testing"
/// [[rings.ring]]
/// catalog = "pilot"
/// after-hours = 72
/// [[rings.ring]]
/// catalog = "production"
/// after-hours = 168
/// [[rings.title]]
/// name = "Firefox"
/// after-hours = { pilot = 24, production = 48 }
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rings {
    /// How old a release must be, in hours since it was first seen, before it comes into a catalog.
    pub minimum_age_hours: u32,
    /// The catalog of items that were taken out of every ring; no Mac should have it.
    pub withdrawn: String,
    /// The rings, from the innermost outwards.
    pub ring: Vec<Ring>,
    /// What is different for some items.
    pub title: Vec<Exception>,
}

impl Default for Rings {
    fn default() -> Self {
        Self {
            minimum_age_hours: 0,
            withdrawn: "withdrawn".to_owned(),
            ring: Vec::new(),
            title: Vec::new(),
        }
    }
}

/// A ring: a catalog that some of the Macs have.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ring {
    /// The catalog.
    pub catalog: String,
    /// How many hours an item is in the ring before, until it comes into this one by itself; by hand only if not
    /// given.
    pub after_hours: Option<u32>,
}

/// What is different for one item.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exception {
    /// The item's name, by which Munki knows it.
    pub name: String,
    /// In place of [`Rings::minimum_age_hours`].
    pub minimum_age_hours: Option<u32>,
    /// Whether it comes into every ring by hand only.
    pub by_hand: bool,
    /// In place of [`Ring::after_hours`], by catalog.
    pub after_hours: BTreeMap<String, u32>,
}

/// What is wrong with rings that were asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RingsError {
    /// It cannot be a catalog.
    #[error("`{catalog}` cannot be a catalog")]
    Catalog {
        /// The name.
        catalog: String,
    },
    /// Two rings would be one.
    #[error("the catalog `{catalog}` is named twice")]
    Twice {
        /// The name.
        catalog: String,
    },
    /// There is no ring before the first.
    #[error("the first ring, `{catalog}`, has `after-hours`, and there is no ring before it")]
    First {
        /// The name.
        catalog: String,
    },
    /// An exception has no name, or names no ring.
    #[error(
        "what is different for `{name}` names the catalog `{catalog}`, which is no ring that has one before it"
    )]
    NoRing {
        /// The item.
        name: String,
        /// The catalog.
        catalog: String,
    },
    /// Two exceptions for one item.
    #[error("what is different for `{name}` is said twice, or of no name")]
    Exceptions {
        /// The item.
        name: String,
    },
}

impl Rings {
    /// Whether there are rings at all.
    pub const fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// That it makes sense.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), RingsError> {
        let mut seen = vec![self.withdrawn.as_str()];
        if let Some(first) = self.ring.first().filter(|ring| ring.after_hours.is_some()) {
            let catalog = first.catalog.clone();
            return Err(RingsError::First { catalog });
        }
        for catalog in
            std::iter::once(&self.withdrawn).chain(self.ring.iter().map(|ring| &ring.catalog))
        {
            if !is_catalog_name(catalog) || catalog == "all" {
                let catalog = catalog.clone();
                return Err(RingsError::Catalog { catalog });
            }
        }
        for ring in &self.ring {
            if seen.contains(&ring.catalog.as_str()) {
                let catalog = ring.catalog.clone();
                return Err(RingsError::Twice { catalog });
            }
            seen.push(&ring.catalog);
        }
        let mut before = vec![""];
        for exception in &self.title {
            let name = exception.name.clone();
            if before.contains(&exception.name.as_str()) {
                return Err(RingsError::Exceptions { name });
            }
            before.push(&exception.name);
            let outer = || self.ring.iter().skip(1);
            let mut named = exception.after_hours.keys();
            if let Some(catalog) = named.find(|name| !outer().any(|ring| ring.catalog == **name)) {
                let catalog = catalog.clone();
                return Err(RingsError::NoRing { name, catalog });
            }
        }
        Ok(())
    }

    /// The place of a catalog among the rings, from the innermost outwards.
    pub fn position(&self, catalog: &str) -> Option<usize> {
        self.ring.iter().position(|ring| ring.catalog == catalog)
    }

    /// How old a release of `name` must be before it comes into a catalog.
    pub fn minimum_age(&self, name: &str) -> Duration {
        let own = self.exception(name).and_then(|own| own.minimum_age_hours);
        HOUR.saturating_mul(own.unwrap_or(self.minimum_age_hours))
    }

    /// How long an item of `name` is in the ring before `ring` until it comes into that by itself; nothing if it
    /// never does.
    pub(crate) fn stay_before(&self, ring: &Ring, name: &str) -> Option<Duration> {
        let own = self.exception(name);
        if own.is_some_and(|own| own.by_hand) {
            return None;
        }
        let hours = own.and_then(|own| own.after_hours.get(&ring.catalog).copied());
        Some(HOUR.saturating_mul(hours.or(ring.after_hours)?))
    }

    fn exception(&self, name: &str) -> Option<&Exception> {
        self.title.iter().find(|own| own.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(catalog: &str, after_hours: Option<u32>) -> Ring {
        Ring {
            catalog: catalog.to_owned(),
            after_hours,
        }
    }

    type Change = fn(&mut Rings);

    #[test]
    fn what_makes_no_sense_is_named() {
        let sound = || Rings {
            ring: vec![ring("testing", None), ring("production", Some(1))],
            ..Rings::default()
        };
        assert_eq!(sound().check(), Ok(()));
        let changes: [(&str, Change); 7] = [
            ("the first ring", |rings| {
                rings.ring[0].after_hours = Some(1);
            }),
            ("named twice", |rings| rings.ring[1] = ring("testing", None)),
            ("named twice", |rings| {
                rings.ring[1].catalog = "withdrawn".to_owned();
            }),
            ("cannot be a catalog", |rings| {
                rings.ring[1].catalog = ".hidden".to_owned();
            }),
            ("cannot be a catalog", |rings| {
                rings.withdrawn = "all".to_owned();
            }),
            ("is said twice, or of no name", |rings| {
                rings.title.push(Exception::default());
            }),
            ("no ring that has one before it", |rings| {
                rings.title.push(Exception {
                    name: "Firefox".to_owned(),
                    after_hours: [("testing".to_owned(), 1)].into(),
                    ..Exception::default()
                });
            }),
        ];
        for (expected, change) in changes {
            let mut rings = sound();
            change(&mut rings);
            let error = rings.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
