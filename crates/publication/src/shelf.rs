//! What is on offer: the items of a repository as their pkginfos say, and what its manifests name.

use std::{cmp::Ordering, collections::BTreeMap, ops::Range};

use model::Sha256;
use munki::{Compat, compare_versions, split_name_and_version};
use proplist::{Dict, Value};

use crate::{Backend, Kind, RepositoryError};

/// Keys that say on which Macs an item can be installed: two items of a name that differ in one of them are for
/// different Macs, and neither replaces the other.
///
/// # Source
/// `repoclean` of Munki 7, which compares the catalogs, too; here each catalog is looked at by itself.
const FITS: [&str; 5] = [
    "minimum_munki_version",
    "minimum_os_version",
    "maximum_os_version",
    "supported_architectures",
    "installable_condition",
];

/// The items of a repository, by name and version, newest first.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// The items.
    pub items: Vec<ShelfItem>,
    /// Pkginfos that are none, and why.
    pub unreadable: Vec<(String, String)>,
}

/// An item of the repository, as its pkginfo says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShelfItem {
    /// Where its pkginfo is, relative to `pkgsinfo/`.
    pub pkginfo: String,
    /// The digest of the pkginfo's bytes.
    pub sha256: Sha256,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The catalogs that it is in.
    pub catalogs: Vec<String>,
    /// Its installer and uninstaller items, relative to `pkgs/`.
    pub packages: Vec<String>,
    /// What it says that must be there too, or that it updates.
    pub refers_to: Vec<String>,
    /// What it can be installed on.
    fits: BTreeMap<&'static str, String>,
}

impl ShelfItem {
    /// What the pkginfo with these `contents` at `location` describes.
    ///
    /// # Errors
    /// Why it describes nothing, in words.
    pub fn read(location: &str, contents: &[u8]) -> Result<Self, String> {
        match proplist::from_bytes(contents) {
            Ok(Value::Dict(pkginfo)) => Self::of(location, Sha256::of(contents), &pkginfo)
                .ok_or_else(|| "it has no name or no version".to_owned()),
            Ok(_) => Err("it holds no dictionary".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What `pkginfo` at `location` describes; nothing if it has no name or version.
    fn of(location: &str, sha256: Sha256, pkginfo: &Dict) -> Option<Self> {
        let text = |key: &str| pkginfo.get(key).and_then(Value::as_str).map(str::to_owned);
        let packages = ["installer_item_location", "uninstaller_item_location"];
        let refers_to = ["requires", "update_for"];
        let fits = FITS
            .iter()
            .filter_map(|key| Some((*key, joined(pkginfo.get(*key)?))));
        Some(Self {
            pkginfo: location.to_owned(),
            sha256,
            name: text("name")?,
            version: text("version")?,
            catalogs: texts(pkginfo.get("catalogs")),
            packages: packages.into_iter().filter_map(text).collect(),
            refers_to: refers_to
                .into_iter()
                .flat_map(|key| texts(pkginfo.get(key)))
                .collect(),
            fits: fits.chain(receipts_of(pkginfo)).collect(),
        })
    }

    /// Whether `other` has the same name and is for the same Macs.
    pub fn is_kin_of(&self, other: &Self) -> bool {
        self.name == other.name && self.fits == other.fits
    }

    /// Whether it is in `catalog`.
    pub fn is_in(&self, catalog: &str) -> bool {
        self.catalogs.iter().any(|name| name == catalog)
    }

    /// How its version and that of `other` are ordered.
    pub fn compare(&self, other: &Self) -> Ordering {
        compare_versions(Compat::Munki7, &self.version, &other.version)
    }

    /// Whether `named`, of a manifest or a pkginfo, is this version of it: `Name-1.0` or `Name--1.0`.
    pub fn is_named_by(&self, named: &str) -> bool {
        let version = named
            .strip_prefix(self.name.as_str())
            .and_then(|rest| rest.strip_prefix("--").or_else(|| rest.strip_prefix('-')));
        version.is_some_and(|version| {
            version == self.version
                || compare_versions(Compat::Munki7, version, &self.version) == Ordering::Equal
        })
    }
}

impl Shelf {
    /// Reads every pkginfo.
    ///
    /// # Errors
    /// If the repository cannot be read.
    pub fn read(repository: &dyn Backend) -> Result<Self, RepositoryError> {
        let mut shelf = Self::default();
        let locations = repository.list(Kind::Pkgsinfo)?;
        let all = repository.each(Kind::Pkgsinfo, &locations)?;
        for (location, contents) in locations.iter().cloned().zip(all) {
            match ShelfItem::read(&location, &contents?) {
                Ok(item) => shelf.items.push(item),
                Err(why) => shelf.unreadable.push((location, why)),
            }
        }
        shelf.items.sort_by(|left, right| {
            let by_name = left.name.cmp(&right.name);
            by_name
                .then_with(|| right.compare(left))
                .then_with(|| left.pkginfo.cmp(&right.pkginfo))
        });
        Ok(shelf)
    }

    /// The items of a name, newest first.
    pub fn of_name(&self, name: &str) -> impl Iterator<Item = &ShelfItem> {
        self.items
            .get(of_name(&self.items, name))
            .unwrap_or_default()
            .iter()
    }

    /// The items of a name and a version, as Munki compares versions.
    pub fn of_version<'a>(
        &'a self,
        name: &'a str,
        version: &'a str,
    ) -> impl Iterator<Item = &'a ShelfItem> {
        self.of_name(name).filter(move |item| {
            compare_versions(Compat::Munki7, &item.version, version) == Ordering::Equal
        })
    }
}

/// Where the items of a name are; `items` are sorted by name.
pub(crate) fn of_name(items: &[ShelfItem], name: &str) -> Range<usize> {
    let start = items.partition_point(|item| item.name.as_str() < name);
    let len = items
        .get(start..)
        .unwrap_or_default()
        .partition_point(|item| item.name == name);
    start..start.saturating_add(len)
}

/// Every version that a manifest names, in whatever list and under whatever condition, and one manifest that does.
///
/// # Errors
/// If the repository cannot be read, or a manifest is none: whoever would remove what no manifest names has to know
/// them all.
pub(crate) fn named_by_manifests(
    repository: &dyn Backend,
) -> Result<BTreeMap<String, String>, RepositoryError> {
    let mut named = BTreeMap::new();
    let locations = repository.list(Kind::Manifests)?;
    let all = repository.each(Kind::Manifests, &locations)?;
    for (location, contents) in locations.iter().cloned().zip(all) {
        match proplist::from_bytes(&contents?) {
            Ok(Value::Dict(manifest)) => {
                let mut all = Vec::new();
                name_items(&manifest, &mut all);
                all.retain(|name| !split_name_and_version(name).1.is_empty());
                named.extend(all.into_iter().map(|name| (name, location.clone())));
            }
            Ok(_) => {
                return Err(RepositoryError::NoManifest {
                    location,
                    why: "it holds no dictionary".to_owned(),
                });
            }
            Err(error) => {
                return Err(RepositoryError::NoManifest {
                    location,
                    why: error.to_string(),
                });
            }
        }
    }
    Ok(named)
}

/// Conditions can stand in conditions; the reader of property lists has bounded how deep.
fn name_items(manifest: &Dict, names: &mut Vec<String>) {
    for list in [
        "managed_installs",
        "managed_uninstalls",
        "managed_updates",
        "optional_installs",
        "default_installs",
        "featured_items",
    ] {
        names.extend(texts(manifest.get(list)));
    }
    let conditional = manifest.get("conditional_items").and_then(Value::as_array);
    for inner in conditional.into_iter().flatten().filter_map(Value::as_dict) {
        name_items(inner, names);
    }
}

/// What an item is removed by tells what it installs: where receipts are removed, other receipts are other software.
fn receipts_of(pkginfo: &Dict) -> Option<(&'static str, String)> {
    let method = pkginfo.get("uninstall_method").and_then(Value::as_str);
    if method != Some("removepackages") {
        return None;
    }
    let receipts = pkginfo.get("receipts").and_then(Value::as_array)?;
    let mut ids: Vec<&str> = receipts
        .iter()
        .filter_map(|receipt| receipt.as_dict()?.get("packageid")?.as_str())
        .collect();
    ids.sort_unstable();
    Some(("receipts", ids.join("\n")))
}

fn joined(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let mut all = texts(Some(value));
    all.sort();
    all.join("\n")
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let values = value.and_then(Value::as_array).into_iter().flatten();
    let texts = values.filter_map(|value| value.as_str().map(str::to_owned));
    texts.collect()
}
