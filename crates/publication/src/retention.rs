//! Retention: which items nobody needs any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Deserialize;

use crate::{
    Backend, Kind, RepositoryError, Rule, RuleKind, Shelf, ShelfItem, shelf::named_by_manifests,
};

/// What is kept of older versions.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retention {
    /// How many versions of an item are kept in each catalog, for each group of Macs that it fits.
    pub keep: u32,
    /// Whether the service removes the others by itself, once a day.
    pub automatic: bool,
    /// For how many days what was removed or replaced can be brought back.
    pub undo_days: u32,
}

impl Default for Retention {
    /// As many as Munki's `repoclean` keeps, and nothing without being asked.
    fn default() -> Self {
        Self {
            keep: 2,
            automatic: false,
            undo_days: 14,
        }
    }
}

/// What nobody needs any more, and what is kept although it is old.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Superfluous {
    /// Items that can go.
    pub items: Vec<ShelfItem>,
    /// Their packages that no other item has, relative to `pkgs/`.
    pub packages: Vec<String>,
    /// Packages that belong to no item at all.
    pub orphans: Vec<String>,
    /// Older items that stay, and why.
    pub kept: Vec<(ShelfItem, Reason)>,
}

/// Why an older item stays.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// A manifest names this version.
    Manifest {
        /// The manifest.
        manifest: String,
    },
    /// A rule says that rings have this version.
    Pinned,
    /// Another item needs this version, or updates it.
    Needed {
        /// That item's pkginfo.
        pkginfo: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest { manifest } => write!(f, "the manifest `{manifest}` names it"),
            Self::Pinned => f.write_str("it is pinned"),
            Self::Needed { pkginfo } => write!(f, "`{pkginfo}` refers to it"),
        }
    }
}

/// Finds what nobody needs any more: all but the newest `keep` versions in each catalog and for each group of Macs,
/// unless a manifest, a pin or another item names the version.
///
/// # Source
/// `repoclean` of Munki 7; that looks at one level of conditions and at fewer lists of manifests, and removes packages
/// without an item as well, which here are only told of.
///
/// # Errors
/// If the repository cannot be read. A manifest or pkginfo that cannot be understood is an error, too: what it names
/// is not known.
pub fn superfluous(
    repository: &dyn Backend,
    shelf: &Shelf,
    keep: u32,
    rules: &[Rule],
) -> Result<Superfluous, RepositoryError> {
    if let Some((location, why)) = shelf.unreadable.first() {
        return Err(RepositoryError::NoPkginfo {
            location: location.clone(),
            why: why.clone(),
        });
    }
    let manifests = named_by_manifests(repository)?;
    let newest = newest(shelf, keep.max(1));
    let mut found = Superfluous::default();
    let (kept, old): (Vec<_>, Vec<_>) = shelf
        .items
        .iter()
        .partition(|item| newest.contains(item.pkginfo.as_str()));
    let mut staying: Vec<&ShelfItem> = kept;
    let mut undecided = old;
    // What stays may need what would go, and so on, until nothing changes.
    loop {
        let before = undecided.len();
        let mut left = Vec::new();
        for item in undecided {
            match reason(item, &manifests, rules, &staying) {
                Some(reason) => found.kept.push((item.clone(), reason)),
                None => left.push(item),
            }
        }
        staying.extend(shelf.items.iter().filter(|item| {
            found
                .kept
                .iter()
                .any(|(kept, _)| kept.pkginfo == item.pkginfo)
        }));
        undecided = left;
        if undecided.len() == before {
            break;
        }
    }
    let used: BTreeSet<&str> = packages_of(&staying);
    let going: BTreeSet<&str> = packages_of(&undecided);
    for location in repository.list(Kind::Pkgs)? {
        match (
            used.contains(location.as_str()),
            going.contains(location.as_str()),
        ) {
            (true, _) => {}
            (false, true) => found.packages.push(location),
            (false, false) => found.orphans.push(location),
        }
    }
    found.items = undecided.into_iter().cloned().collect();
    Ok(found)
}

/// The pkginfos of the newest versions in each catalog, for each group of Macs.
fn newest(shelf: &Shelf, keep: u32) -> BTreeSet<&str> {
    let mut newest = BTreeSet::new();
    let mut catalogs: BTreeMap<(&str, &str), Vec<&ShelfItem>> = BTreeMap::new();
    for item in &shelf.items {
        // An item without catalogs is a version of what is in none.
        let names: Vec<&str> = match item.catalogs.as_slice() {
            [] => vec![""],
            names => names.iter().map(String::as_str).collect(),
        };
        for name in names {
            let versions = catalogs.entry((name, item.name.as_str())).or_default();
            versions.push(item);
        }
    }
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    for items in catalogs.values() {
        for item in items {
            let mut newer: Vec<&ShelfItem> = items
                .iter()
                .copied()
                .filter(|other| other.is_kin_of(item) && other.compare(item).is_gt())
                .collect();
            newer.dedup_by(|left, right| left.compare(right).is_eq());
            if newer.len() < keep {
                newest.insert(item.pkginfo.as_str());
            }
        }
    }
    newest
}

fn reason(
    item: &ShelfItem,
    manifests: &BTreeMap<String, String>,
    rules: &[Rule],
    staying: &[&ShelfItem],
) -> Option<Reason> {
    let manifest = manifests.iter().find(|(named, _)| item.is_named_by(named));
    if let Some((_, manifest)) = manifest {
        let manifest = manifest.clone();
        return Some(Reason::Manifest { manifest });
    }
    if rules
        .iter()
        .any(|rule| rule.kind == RuleKind::Pin && rule.is_about(item))
    {
        return Some(Reason::Pinned);
    }
    let needing = staying
        .iter()
        .find(|other| other.refers_to.iter().any(|named| item.is_named_by(named)))?;
    let pkginfo = needing.pkginfo.clone();
    Some(Reason::Needed { pkginfo })
}

fn packages_of<'a>(items: &[&'a ShelfItem]) -> BTreeSet<&'a str> {
    let packages = items.iter().flat_map(|item| &item.packages);
    packages.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FolderRepository, Repository as _};

    /// A repository with Widget 1.0 to 4.0, each with a package, the newest two of them in production.
    struct Given {
        _folder: tempfile::TempDir,
        repository: FolderRepository,
    }

    impl Given {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let repository = FolderRepository::create(folder.path()).unwrap();
            let given = Self {
                _folder: folder,
                repository,
            };
            for major in 1..=4 {
                let catalogs = if major == 4 {
                    "<string>testing</string>"
                } else {
                    "<string>testing</string><string>production</string>"
                };
                given.add(&format!("{major}.0"), catalogs, "");
            }
            given
        }

        fn add(&self, version: &str, catalogs: &str, more: &str) {
            let package = format!("Widget-{version}.pkg");
            let pkginfo = format!(
                "<plist><dict><key>name</key><string>Widget</string><key>version</key>\
                 <string>{version}</string><key>catalogs</key><array>{catalogs}</array>\
                 <key>installer_item_location</key><string>{package}</string>{more}</dict></plist>"
            );
            let location = format!("Widget-{version}-{}.plist", more.len());
            self.put(Kind::Pkgsinfo, &location, &pkginfo);
            self.put(Kind::Pkgs, &package, version);
        }

        fn put(&self, kind: Kind, location: &str, contents: &str) {
            self.repository
                .put(kind, location, contents.as_bytes())
                .unwrap();
        }

        fn superfluous(&self, keep: u32, rules: &[Rule]) -> Result<Superfluous, RepositoryError> {
            let items = Shelf::read(&self.repository)?;
            superfluous(&self.repository, &items, keep, rules)
        }

        /// The versions that go, if so many are kept.
        fn going(&self, keep: u32, rules: &[Rule]) -> Vec<String> {
            let found = self.superfluous(keep, rules).unwrap();
            let versions = found.items.into_iter().map(|item| item.version);
            versions.collect()
        }
    }

    #[test]
    fn the_newest_of_each_catalog_stay() {
        let given = Given::new();
        assert_eq!(
            given.going(1, &[]),
            ["2.0", "1.0"],
            "3.0 is production's newest"
        );
        assert_eq!(given.going(2, &[]), ["1.0"]);
        assert_eq!(given.going(9, &[]), [""; 0]);
        let found = given.superfluous(1, &[]).unwrap();
        assert_eq!(found.packages, ["Widget-1.0.pkg", "Widget-2.0.pkg"]);
        assert_eq!(found.orphans, [""; 0]);
    }

    #[test]
    fn what_fits_other_macs_is_counted_by_itself() {
        let given = Given::new();
        given.add(
            "0.9",
            "<string>production</string>",
            "<key>maximum_os_version</key><string>11.99</string>",
        );
        assert_eq!(
            given.going(2, &[]),
            ["1.0"],
            "0.9 is the newest for old Macs"
        );
    }

    #[test]
    fn what_manifests_pins_and_other_items_name_stays() {
        let named =
            |list: &str| format!("<key>{list}</key><array><string>Widget-1.0</string></array>");
        for list in ["managed_installs", "default_installs", "featured_items"] {
            let given = Given::new();
            let inner = format!("<dict>{}</dict>", named(list));
            let deep = format!(
                "<plist><dict><key>conditional_items</key><array><dict><key>conditional_items</key>\
                 <array>{inner}</array></dict></array></dict></plist>"
            );
            given.put(Kind::Manifests, "site_default", &deep);
            let found = given.superfluous(1, &[]).unwrap();
            assert_eq!(found.items.len(), 1, "2.0 goes");
            assert_eq!(found.kept.len(), 1);
            assert_eq!(
                found.kept[0].1.to_string(),
                "the manifest `site_default` names it"
            );
        }
        let given = Given::new();
        let pin = Rule {
            kind: RuleKind::Pin,
            name: "Widget".to_owned(),
            version: Some("2.0".to_owned()),
            ring: None,
        };
        assert_eq!(given.going(1, &[pin]), ["1.0"]);
        // Something that stays refers to 2.0, which refers to 1.0.
        given.put(
            Kind::Pkgsinfo,
            "Gadget.plist",
            "<plist><dict><key>name</key><string>Gadget</string><key>version</key><string>1</string>\
             <key>requires</key><array><string>Widget--2.0</string></array></dict></plist>",
        );
        assert_eq!(given.going(1, &[]), ["1.0"]);
    }

    #[test]
    fn a_package_that_something_else_has_stays_and_orphans_are_told_of() {
        let given = Given::new();
        given.put(
            Kind::Pkgsinfo,
            "Gadget.plist",
            "<plist><dict><key>name</key><string>Gadget</string><key>version</key><string>1</string>\
             <key>uninstaller_item_location</key><string>Widget-1.0.pkg</string></dict></plist>",
        );
        given.put(Kind::Pkgs, "old/orphan.dmg", "orphan");
        let found = given.superfluous(2, &[]).unwrap();
        assert_eq!(found.items.len(), 1);
        assert_eq!(found.packages, [""; 0]);
        assert_eq!(found.orphans, ["old/orphan.dmg"]);
    }

    #[test]
    fn what_cannot_be_understood_stops_it() {
        let given = Given::new();
        given.put(Kind::Manifests, "broken", "<plist><dict>");
        let error = given.superfluous(2, &[]).unwrap_err();
        assert!(error.to_string().contains("manifests/broken"), "{error}");
        let given = Given::new();
        given.put(Kind::Pkgsinfo, "broken.plist", "<plist><array/></plist>");
        let error = given.superfluous(2, &[]).unwrap_err();
        assert!(
            error.to_string().contains("pkgsinfo/broken.plist"),
            "{error}"
        );
    }
}
