//! What Munki has: catalogs, what it is about to install of them, and packages.

use std::fmt;

use model::Sha256;
use proplist::{Dict, Value};

use super::digest_of;
use crate::{Fault, Files, plists::Document, preferences::Munki};

/// The longest catalog: those of thousands of titles stay below half of it.
const LONGEST: usize = 64 * 1024 * 1024;

/// A catalog as Munki has fetched it.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) name: String,
    pub(super) digest: Sha256,
    items: Vec<Dict>,
}

/// A title that Munki is about to install, and where its package is, once that is known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Title {
    name: String,
    version: String,
    /// The package's place below `pkgs/`.
    pub(super) location: Option<String>,
    /// The digest of the package.
    pub(super) digest: Option<Sha256>,
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// The catalogs that Munki has fetched.
///
/// # Errors
/// If one is not safe to read, or no catalog.
pub(super) fn read(files: &Files, munki: &Munki) -> Result<Vec<Catalog>, Fault> {
    let folder = munki.file("catalogs");
    let mut catalogs = Vec::new();
    for name in files.names(&folder)? {
        let path = format!("{folder}/{name}");
        // Names of files that are being written begin with a dot.
        let Some(bytes) = files
            .read(&path, LONGEST)?
            .filter(|_| !name.starts_with('.'))
        else {
            continue;
        };
        let Ok(Value::Array(items)) = proplist::from_bytes(&bytes) else {
            return Err(Fault::Form {
                path,
                why: "is no catalog".to_owned(),
            });
        };
        let items = items.into_iter().filter_map(|item| match item {
            Value::Dict(item) => Some(item),
            _ => None,
        });
        catalogs.push(Catalog {
            name,
            digest: Sha256::of(&bytes),
            items: items.collect(),
        });
    }
    Ok(catalogs)
}

/// What Munki is about to install.
///
/// # Errors
/// If its list is not safe to read, or no property list.
pub(super) fn titles(files: &Files, munki: &Munki) -> Result<Vec<Title>, Fault> {
    let Some(document) = Document::read(files, &munki.file("InstallInfo.plist"))? else {
        return Ok(Vec::new());
    };
    let listed = document.dict.get("managed_installs");
    let listed = listed.and_then(Value::as_array).unwrap_or_default();
    let titles = listed.iter().filter_map(Value::as_dict).map(|item| Title {
        name: text(item, "name").unwrap_or_default(),
        version: text(item, "version_to_install").unwrap_or_default(),
        ..Title::default()
    });
    Ok(titles.collect())
}

/// The item of a catalog that a title is; if catalogs differ about its package, that is a fault.
pub(super) fn find(catalogs: &[Catalog], title: &Title) -> Option<Result<Title, Fault>> {
    let is_it = |item: &&Dict| {
        text(item, "name").as_ref() == Some(&title.name)
            && text(item, "version").as_ref() == Some(&title.version)
    };
    let mut found: Option<Title> = None;
    for item in catalogs
        .iter()
        .flat_map(|catalog| &catalog.items)
        .filter(is_it)
    {
        let location = text(item, "installer_item_location");
        let digest = text(item, "installer_item_hash").and_then(|text| text.parse().ok());
        let is_whole = location.is_some() == digest.is_some();
        let item = Title {
            location,
            digest,
            ..title.clone()
        };
        if !is_whole || found.as_ref().is_some_and(|found| *found != item) {
            return Some(Err(Fault::NoDigest));
        }
        found = Some(item);
    }
    found.map(Ok)
}

/// That a package that Munki has fetched already is the one of the catalog; there need be none.
///
/// # Errors
/// [`Fault::OtherPackage`], or that it is not safe to read.
pub(super) fn compare(files: &Files, munki: &Munki, title: &Title) -> Result<(), Fault> {
    let (Some(location), Some(digest)) = (&title.location, title.digest) else {
        return Ok(());
    };
    let name = location.rsplit('/').next().unwrap_or_default();
    let path = munki.file(&format!("Cache/{name}"));
    let Some(mut file) = files.open_to_read(&path)? else {
        return Ok(());
    };
    let found = digest_of(&mut file).map_err(|source| Fault::File {
        path,
        verb: "read",
        source,
    })?;
    if found == digest {
        Ok(())
    } else {
        Err(Fault::OtherPackage)
    }
}

fn text(item: &Dict, key: &str) -> Option<String> {
    item.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
}
