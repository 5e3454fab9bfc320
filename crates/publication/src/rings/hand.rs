//! What a person brings into rings, or takes out of them.

use super::{Bench, Move, Rings, Rule, RuleKind, Why, rule::keeping_out};
use crate::{Shelf, ShelfItem};

/// Why what a person asked for cannot be done.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HandError {
    /// There is no such item.
    #[error("the repository has no item `{name}`{}", of_version(version.as_deref()))]
    NoItem {
        /// The name that was given.
        name: String,
        /// The version that was given.
        version: Option<String>,
    },
    /// There is no such ring.
    #[error("`{ring}` is no ring; the rings are: {}", rings.join(", "))]
    NoRing {
        /// The name that was given.
        ring: String,
        /// Those that there are.
        rings: Vec<String>,
    },
    /// A rule says otherwise.
    #[error("{name} {version} is kept out of `{ring}` by a rule ({}); end that first", kind.as_str())]
    KeptOut {
        /// The item.
        name: String,
        /// Its version.
        version: String,
        /// The ring.
        ring: String,
        /// What the rule is.
        kind: RuleKind,
    },
    /// It is in every ring already.
    #[error("{name} {version} is in every ring already")]
    Everywhere {
        /// The item.
        name: String,
        /// Its version.
        version: String,
    },
    /// Nothing would be left to go back to.
    #[error(
        "no older version of `{name}` is in `{ring}` to go back to; `recall` takes a version away without another"
    )]
    NothingOlder {
        /// The item.
        name: String,
        /// The ring.
        ring: String,
    },
    /// There is nothing to take back.
    #[error("nothing of `{name}` that is newer is in a ring")]
    NothingToTake {
        /// The item.
        name: String,
    },
}

fn of_version(version: Option<&str>) -> String {
    version.map_or_else(String::new, |version| format!(" of version {version}"))
}

/// Brings an item into rings up to `to`, or into the next one: the version that was given, or the newest.
///
/// # Errors
/// If there is no such item or ring, a rule keeps it out, or it is everywhere already.
pub fn promoted(
    shelf: &Shelf,
    rings: &Rings,
    rules: &[Rule],
    (name, version): (&str, Option<&str>),
    to: Option<&str>,
) -> Result<Vec<Move>, HandError> {
    let chosen = chosen(shelf, name, version)?;
    let mut bench = Bench::new(shelf, rings);
    for index in chosen {
        let Some(item) = shelf.items.get(index) else {
            continue;
        };
        let reached = rings
            .ring
            .iter()
            .rposition(|ring| item.is_in(&ring.catalog));
        let next = reached.map_or(0, |at| at.saturating_add(1));
        let last = match to {
            Some(ring) => position(rings, ring)?,
            None => next,
        };
        let way: Vec<_> = rings.ring.iter().take(last.saturating_add(1)).collect();
        if way.iter().all(|ring| item.is_in(&ring.catalog)) {
            return Err(HandError::Everywhere {
                name: item.name.clone(),
                version: item.version.clone(),
            });
        }
        for ring in way {
            allowed(rules, item, &ring.catalog)?;
            bench.put(index, &ring.catalog, Why::ByHand);
        }
    }
    Ok(bench.moves())
}

/// Makes `rule`, a pin, true: its version is in its rings, and no newer one.
///
/// # Errors
/// If there is no such item or ring, or another rule keeps it out.
pub fn pinned(
    shelf: &Shelf,
    rings: &Rings,
    rules: &[Rule],
    rule: &Rule,
) -> Result<Vec<Move>, HandError> {
    if let Some(ring) = &rule.ring {
        position(rings, ring)?;
    }
    for index in chosen(shelf, &rule.name, rule.version.as_deref())? {
        for ring in &rings.ring {
            if let Some(item) = shelf.items.get(index)
                && rule.holds_in(&ring.catalog)
            {
                allowed(rules, item, &ring.catalog)?;
            }
        }
    }
    let mut bench = Bench::new(shelf, rings);
    pin(&mut bench, rules, rule);
    Ok(bench.moves())
}

/// Puts the pinned version into its rings, as far as no rule keeps it out, and takes out what is newer.
pub(super) fn pin(bench: &mut Bench<'_>, rules: &[Rule], rule: &Rule) {
    let pinned: Vec<(usize, ShelfItem)> = bench
        .items
        .iter()
        .cloned()
        .enumerate()
        .filter(|(_, item)| rule.is_about(item))
        .collect();
    let rings = bench.rings;
    for ring in rings
        .ring
        .iter()
        .filter(|ring| rule.holds_in(&ring.catalog))
    {
        for (index, item) in &pinned {
            if keeping_out(rules, item, &ring.catalog).is_some() {
                continue;
            }
            bench.put(*index, &ring.catalog, Why::Pinned);
            let newer: Vec<usize> = bench
                .items
                .iter()
                .enumerate()
                .filter(|(_, other)| other.name == item.name && other.compare(item).is_gt())
                .map(|(newer, _)| newer)
                .collect();
            for newer in newer {
                bench.take(newer, &ring.catalog, Why::Pinned);
            }
        }
    }
}

/// Takes versions of `name` out of its rings, or out of one: those that are newer than `to`, or the newest. Tells, too,
/// of which rule each has to be held by, so that it does not come back by itself.
///
/// # Errors
/// If there is no such item or ring, nothing to take out, or nothing older that Macs would see then.
pub fn rolled_back(
    shelf: &Shelf,
    rings: &Rings,
    (name, to): (&str, Option<&str>),
    ring: Option<&str>,
) -> Result<(Vec<Move>, Vec<Rule>), HandError> {
    chosen(shelf, name, to)?;
    if let Some(ring) = ring {
        position(rings, ring)?;
    }
    let mut bench = Bench::new(shelf, rings);
    let mut held = Vec::new();
    for catalog in rings.ring.iter().map(|ring| &ring.catalog) {
        if ring.is_some_and(|only| only != catalog) {
            continue;
        }
        let inside = || {
            let all = shelf.items.iter().enumerate();
            all.filter(|(_, item)| item.name == name && item.is_in(catalog))
        };
        let newest = inside().next().map(|(_, item)| item.version.clone());
        let Some(newest) = newest else { continue };
        let is_taken = |item: &ShelfItem| match to {
            Some(to) => munki::compare_versions(munki::Compat::Munki7, &item.version, to).is_gt(),
            None => item.version == newest,
        };
        let taken: Vec<_> = inside().filter(|(_, item)| is_taken(item)).collect();
        if taken.is_empty() {
            continue;
        }
        if taken.len() == inside().count() {
            return Err(HandError::NothingOlder {
                name: name.to_owned(),
                ring: catalog.clone(),
            });
        }
        for (index, item) in taken {
            bench.take(index, catalog, Why::RolledBack);
            held.push(Rule {
                kind: RuleKind::Hold,
                name: item.name.clone(),
                version: Some(item.version.clone()),
                ring: Some(catalog.clone()),
            });
        }
    }
    held.dedup();
    if held.is_empty() {
        return Err(HandError::NothingToTake {
            name: name.to_owned(),
        });
    }
    Ok((bench.moves(), held))
}

/// The items of a name: of the version that was given, else of the newest.
fn chosen(shelf: &Shelf, name: &str, version: Option<&str>) -> Result<Vec<usize>, HandError> {
    let newest = shelf.of_name(name).next().map(|item| &item.version);
    let wanted = version.or(newest.map(String::as_str));
    let rule = Rule {
        kind: RuleKind::Hold,
        name: name.to_owned(),
        version: wanted.map(str::to_owned),
        ring: None,
    };
    let items = shelf.items.iter().enumerate();
    let found: Vec<usize> = items
        .filter(|(_, item)| rule.is_about(item))
        .map(|(index, _)| index)
        .collect();
    if found.is_empty() {
        return Err(HandError::NoItem {
            name: name.to_owned(),
            version: version.map(str::to_owned),
        });
    }
    Ok(found)
}

fn position(rings: &Rings, ring: &str) -> Result<usize, HandError> {
    rings.position(ring).ok_or_else(|| HandError::NoRing {
        ring: ring.to_owned(),
        rings: rings.ring.iter().map(|ring| ring.catalog.clone()).collect(),
    })
}

fn allowed(rules: &[Rule], item: &ShelfItem, ring: &str) -> Result<(), HandError> {
    match keeping_out(rules, item, ring) {
        None => Ok(()),
        Some(rule) => Err(HandError::KeptOut {
            name: item.name.clone(),
            version: item.version.clone(),
            ring: ring.to_owned(),
            kind: rule.kind,
        }),
    }
}
