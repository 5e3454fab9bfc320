//! The titles in a tenant's view.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use model::Sha256;
use munki::{Compat, compare_versions};
use proplist::{Dict, Value, from_bytes};
use publication::Kind;

use super::{Catalogue, Reader};
use crate::pods::{
    Exhibit, PodError,
    view::{ICON_HASHES, icon_of},
};

/// How many shelves are remembered; with more, all are forgotten and made anew when they are needed.
const REMEMBERED: usize = 64;

/// The icons that browsers show, by the ends of their names.
const SHOWN: [&str; 5] = [".png", ".jpg", ".jpeg", ".gif", ".webp"];

/// A title, as a tenant sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Title {
    /// The name that Munki knows it by.
    pub name: String,
    /// The name that people know it by.
    pub display_name: String,
    /// What it is, in the vendor's or the house's words.
    pub description: String,
    /// What kind of software it is.
    pub category: Option<String>,
    /// Who makes it.
    pub developer: Option<String>,
    /// Where its icon is, if there is one that browsers show.
    pub icon: Option<String>,
    /// Its versions, the newest first; at least one.
    pub versions: Vec<Version>,
}

/// A version of a title.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version {
    /// Its version.
    pub version: String,
    /// The rings it is in, in the order of its pkginfo.
    pub rings: Vec<String>,
    /// How large its package is, in bytes, rounded up to KiB.
    pub size_bytes: Option<u64>,
    /// The oldest macOS that it is for.
    pub minimum_os: Option<String>,
    /// Where its package is, relative to the folder of packages.
    pub location: Option<String>,
    /// The digest of its package.
    pub sha256: Option<Sha256>,
}

/// What somebody looks for; what is empty does not matter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wanted {
    /// Words, all of which have to be in what is said of the title.
    pub text: String,
    /// The category.
    pub category: String,
    /// A ring in which one of its versions is.
    pub ring: String,
}

impl Title {
    /// Whether it is what somebody looks for.
    pub fn is(&self, wanted: &Wanted) -> bool {
        let category = self.category.as_deref().unwrap_or_default();
        if !wanted.category.is_empty() && wanted.category != category {
            return false;
        }
        let is_in = |version: &Version| version.rings.contains(&wanted.ring);
        if !wanted.ring.is_empty() && !self.versions.iter().any(is_in) {
            return false;
        }
        let developer = self.developer.as_deref().unwrap_or_default();
        let said = [
            self.name.as_str(),
            &self.display_name,
            &self.description,
            category,
            developer,
        ];
        let said = said.join("\n").to_lowercase();
        let wanted = wanted.text.to_lowercase();
        wanted.split_whitespace().all(|word| said.contains(word))
    }

    /// Its newest version.
    pub fn newest(&self) -> Option<&Version> {
        self.versions.first()
    }
}

/// Shelves that were made, by what they were made of.
#[derive(Debug, Default)]
pub(super) struct Shelves {
    known: Mutex<HashMap<Basis, Arc<[Title]>>>,
}

/// What a shelf is made of: how the catalog and the list of icons look, as they are seen.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Basis {
    catalog: String,
    entitled: Option<Vec<String>>,
    looks: [Option<String>; 2],
}

impl Shelves {
    /// The titles that `reader` sees. Blocks.
    ///
    /// # Errors
    /// If the repository fails, or its catalog cannot be understood.
    pub(super) fn of(
        &self,
        catalogue: &Catalogue,
        reader: &Reader,
    ) -> Result<Arc<[Title]>, PodError> {
        let catalog = catalogue.exhibit(reader, Kind::Catalogs, &reader.catalog)?;
        let icons = catalogue.exhibit(reader, Kind::Icons, ICON_HASHES)?;
        let tag = |exhibit: &Option<Exhibit>| exhibit.as_ref().map(|it| it.look.tag.clone());
        let basis = Basis {
            catalog: reader.catalog.clone(),
            entitled: reader.tenant.entitled.clone(),
            looks: [tag(&catalog), tag(&icons)],
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(titles) = known.get(&basis) {
            return Ok(Arc::clone(titles));
        }
        drop(known);
        let icons = match icons {
            Some(exhibit) => names_in(&catalogue.read(&exhibit)?),
            None => HashSet::new(),
        };
        let titles: Arc<[Title]> = match catalog {
            Some(exhibit) => {
                let bytes = catalogue.read(&exhibit)?;
                let unreadable = |source| PodError::Catalog {
                    catalog: reader.catalog.clone(),
                    source,
                };
                let items = from_bytes(&bytes).map_err(unreadable)?;
                titles_of(&items, &icons, &catalogue.rings).into()
            }
            None => Arc::default(),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(basis, Arc::clone(&titles));
        Ok(titles)
    }
}

/// The icons that there are; none if the list cannot be read, as Munki does without, too.
fn names_in(hashes: &[u8]) -> HashSet<String> {
    match from_bytes(hashes) {
        Ok(Value::Dict(hashes)) => hashes.into_iter().map(|(icon, _)| icon).collect(),
        _ => HashSet::new(),
    }
}

fn titles_of(items: &Value, icons: &HashSet<String>, rings: &[String]) -> Vec<Title> {
    let mut by_name: BTreeMap<&str, Vec<(&Dict, Version)>> = BTreeMap::new();
    let items = items.as_array().unwrap_or_default();
    for item in items.iter().filter_map(Value::as_dict) {
        if let (Some(name), Some(version)) = (text(item, "name"), version_of(item, rings)) {
            by_name.entry(name).or_default().push((item, version));
        }
    }
    let mut titles: Vec<Title> = by_name
        .into_iter()
        .filter_map(|(name, versions)| title_of(name, versions, icons))
        .collect();
    titles.sort_by_key(|title| title.display_name.to_lowercase());
    titles
}

fn title_of(
    name: &str,
    mut versions: Vec<(&Dict, Version)>,
    icons: &HashSet<String>,
) -> Option<Title> {
    versions.sort_by(|(_, left), (_, right)| newer_first(&left.version, &right.version));
    let newest = versions.first().map(|(item, _)| *item)?;
    let owned = |key| text(newest, key).map(str::to_owned);
    let is_shown = |icon: &String| {
        let name = icon.to_lowercase();
        icons.contains(icon) && SHOWN.iter().any(|end| name.ends_with(end))
    };
    Some(Title {
        name: name.to_owned(),
        display_name: owned("display_name").unwrap_or_else(|| name.to_owned()),
        description: owned("description").unwrap_or_default(),
        category: owned("category"),
        developer: owned("developer"),
        icon: icon_of(newest).filter(is_shown),
        versions: versions.into_iter().map(|(_, version)| version).collect(),
    })
}

fn newer_first(left: &str, right: &str) -> Ordering {
    compare_versions(Compat::Munki7, right, left)
}

fn version_of(item: &Dict, rings: &[String]) -> Option<Version> {
    let catalogs = item.get("catalogs").and_then(Value::as_array);
    let catalogs = catalogs.unwrap_or_default().iter();
    let is_ring = |catalog: &&str| rings.is_empty() || rings.iter().any(|ring| ring == catalog);
    let size = item.get("installer_item_size").and_then(Value::as_i64);
    let size = size.and_then(|kib| u64::try_from(kib).ok());
    Some(Version {
        version: text(item, "version")?.to_owned(),
        rings: catalogs
            .filter_map(Value::as_str)
            .filter(is_ring)
            .map(str::to_owned)
            .collect(),
        size_bytes: size.map(|kib| kib.saturating_mul(1024)),
        minimum_os: text(item, "minimum_os_version").map(str::to_owned),
        location: text(item, "installer_item_location").map(str::to_owned),
        sha256: text(item, "installer_item_hash").and_then(|hash| hash.parse().ok()),
    })
}

/// What stands there, if it says something.
fn text<'a>(item: &'a Dict, key: &str) -> Option<&'a str> {
    let text = item.get(key).and_then(Value::as_str);
    text.map(str::trim).filter(|text| !text.is_empty())
}
