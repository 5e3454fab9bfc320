//! The payload gate: what a release brings that the one before it did not.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    path::PathBuf,
};

use crate::payload::{Change, ChangeKind, Inventory};
use media::MediaError;
use model::{FailureClass, Sha256};
use publication::Kind;
use store::Release;

use crate::{Engine, Event, Failure, Item, Reporter, Request, engine::blocking, pending::Pending};

/// So many changes are told one by one.
const MOST_TOLD: usize = 20;

/// What a release may not bring unless a person lets it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Guards {
    /// Kinds of changes that hold a run; all others are only told.
    pub payload: BTreeSet<ChangeKind>,
    /// Whether the first release of a title waits for a person.
    pub first_release: bool,
    /// How many people must approve what waits.
    pub people: NonZeroU16,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            payload: BTreeSet::new(),
            first_release: false,
            people: NonZeroU16::MIN,
        }
    }
}

impl Engine {
    /// Looks into what is to be published, tells what is new in it since the release before, and notes it all.
    ///
    /// # Errors
    /// A held failure if something is new that [`Guards`] name, unless `request` accepts it.
    pub(crate) async fn check_payload(
        &self,
        pending: &mut Pending,
        released: &[Release],
        request: &Request,
        reporter: &dyn Reporter,
    ) -> Result<(), Failure> {
        let packages = pending.change_set.of_kind(Kind::Pkgs);
        let packages =
            packages.map(|file| (file.sha256, file.location.clone(), file.source.clone()));
        let packages: Vec<_> = packages.collect();
        let (inventories, warnings) = blocking(move || Ok(look_into(packages))).await?;
        pending.payloads = inventories;
        let mut told = warnings;
        let mut held = Vec::new();
        for item in &pending.items {
            let changes = changes(item, &pending.payloads, released)?;
            told.extend(sentences(item, &changes));
            let guarded = changes
                .iter()
                .filter(|change| self.parts.guards.payload.contains(&change.kind));
            held.extend(guarded.map(|change| format!("{}: {change}", item.name)));
        }
        for text in &told {
            reporter.report(&Event::Warned { text });
        }
        if let Some(record) = &mut pending.record {
            record.warnings.extend(told);
        }
        if held.is_empty() || request.accepts(FailureClass::ReRelease) {
            return Ok(());
        }
        let message = "The new release brings what the one before it did not".to_owned();
        Err(Failure::new(FailureClass::ReRelease, message)
            .with_detail(held.join("\n"))
            .held())
    }
}

/// What is in each package, by its digest; and what is to be said of those that could not be looked into.
fn look_into(
    packages: Vec<(Sha256, String, PathBuf)>,
) -> (BTreeMap<Sha256, Inventory>, Vec<String>) {
    let mut inventories = BTreeMap::new();
    let mut warnings = Vec::new();
    for (sha256, location, path) in packages {
        let inventory = Inventory::of(&path).unwrap_or_else(|error| {
            // Profiles are always like this, and nothing is said of them.
            if !matches!(error, MediaError::Unknown { .. }) {
                let unknown = format!("What `{location}` brings with it is not known: {error}");
                warnings.push(unknown);
            }
            // Where the release before could be looked into, this is a change like any other: damage hides nothing.
            Inventory {
                unreadable: [location].into(),
                ..Inventory::default()
            }
        });
        inventories.insert(sha256, inventory);
    }
    (inventories, warnings)
}

/// What `item` brings that the release before it did not, as far as both are known.
fn changes(
    item: &Item,
    payloads: &BTreeMap<Sha256, Inventory>,
    released: &[Release],
) -> Result<Vec<Change>, Failure> {
    let Some(now) = payloads.get(&item.sha256) else {
        return Ok(Vec::new());
    };
    let mut same_name = released.iter().filter(|release| release.name == item.name);
    let Some(before) = same_name.find_map(|release| release.payload.as_deref()) else {
        return Ok(Vec::new());
    };
    let before: Inventory = serde_json::from_str(before)
        .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?;
    Ok(now.changes_since(&before))
}

fn sentences(item: &Item, changes: &[Change]) -> Vec<String> {
    let told = changes.iter().take(MOST_TOLD);
    let mut sentences: Vec<_> = told
        .map(|change| format!("{} {}: {change}", item.name, item.version))
        .collect();
    let left = changes.len().saturating_sub(MOST_TOLD);
    if left > 0 {
        sentences.push(format!(
            "{} {}: {left} more changes of what it brings",
            item.name, item.version
        ));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_looked_into_is_noted_as_that() {
        let folder = tempfile::tempdir().unwrap();
        let looked = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs_err::write(&path, bytes).unwrap();
            look_into(vec![(Sha256::of(bytes), format!("apps/{name}"), path)])
        };
        for (name, bytes, warned) in [
            ("Widget.mobileconfig", &b"a profile"[..], 0),
            ("Widget-1.0.pkg", &b"xar!\x00\x1c\x00\x01 cut off"[..], 1),
        ] {
            let (inventories, warnings) = looked(name, bytes);
            let inventory = inventories.get(&Sha256::of(bytes)).unwrap();
            let unreadable = [format!("apps/{name}")].into();
            assert_eq!(inventory.unreadable, unreadable);
            assert_eq!(warnings.len(), warned, "{warnings:?}");
            let changes = inventory.changes_since(&Inventory::default());
            assert_eq!(changes.len(), 1, "{changes:?}");
        }
    }
}
