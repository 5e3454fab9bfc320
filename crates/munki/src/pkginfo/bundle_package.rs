//! Packages that are folders, as installers of old were.

use media::Tree;
use proplist::{Dict, Value};

use super::{
    bundle::{self, extension, find, join, last_name},
    error::PkginfoError,
    flat::{self, PackageFacts},
};
use crate::Compat;

/// Deepest nesting of packages in packages.
const DEEPEST: usize = 8;

/// Where the packages of a metapackage may lie.
const CONVENTIONAL: [&str; 6] = [
    "",
    "Contents",
    "Contents/Installers",
    "Contents/Packages",
    "Contents/Resources",
    "Contents/Resources/Packages",
];

/// What the package in the folder at `path` says of itself; `name` is its name, which the root of a tree has not.
///
/// # Errors
/// If nothing in it says what it installs, or it is damaged.
///
/// # Source
/// `getBundlePackageInfo` in `pkgutils.swift` of Munki 7.0.
pub(crate) fn facts(
    tree: &dyn Tree,
    path: &str,
    name: &str,
    compat: Compat,
) -> Result<PackageFacts, PkginfoError> {
    let receipts = receipts(tree, path, name, compat, DEEPEST)?;
    if receipts.is_empty() {
        return Err(PkginfoError::NoReceipts {
            item: name.to_owned(),
            why: "neither an Info.plist nor packages in it were found",
        });
    }
    Ok(PackageFacts {
        receipts,
        bundle_version: version(tree, path, compat)?,
        ..PackageFacts::default()
    })
}

fn receipts(
    tree: &dyn Tree,
    path: &str,
    name: &str,
    compat: Compat,
    levels: usize,
) -> Result<Vec<Dict>, PkginfoError> {
    let Some(levels) = levels.checked_sub(1) else {
        return Ok(Vec::new());
    };
    if is_named(name, "pkg")
        && let Some(receipt) = receipt(tree, path, name, compat)?
    {
        return Ok(vec![receipt]);
    }
    for child in children(tree, &join(path, "Contents"))? {
        if extension(&child) == "dist" {
            let dist = join(path, &format!("Contents/{child}"));
            let text = bundle::read(tree, &dist)?;
            return flat::distribution_receipts(&text, &dist, name, compat);
        }
    }
    let mut found = Vec::new();
    for folder in folders(tree, path)? {
        let folder = join(path, &folder);
        for child in children(tree, folder.trim_end_matches('/'))? {
            let inner = join(folder.trim_end_matches('/'), &child);
            let is_folder = find(tree, &inner)?.is_some_and(|entry| entry.is_folder());
            if is_folder && (is_named(&child, "pkg") || is_named(&child, "mpkg")) {
                found.extend(receipts(tree, &inner, &child, compat, levels)?);
            }
        }
    }
    Ok(found)
}

fn is_named(name: &str, wanted: &str) -> bool {
    extension(name).eq_ignore_ascii_case(wanted)
}

/// The folders in which a metapackage has its packages.
fn folders(tree: &dyn Tree, path: &str) -> Result<Vec<String>, PkginfoError> {
    let named = bundle::info(tree, path)?
        .and_then(|info| info.get("IFPkgFlagComponentDirectory").cloned())
        .and_then(|folder| folder.as_str().map(str::to_owned));
    Ok(match named {
        Some(folder) => vec![folder],
        None => CONVENTIONAL.map(str::to_owned).to_vec(),
    })
}

/// The names in a folder; none if there is no such folder.
fn children(tree: &dyn Tree, path: &str) -> Result<Vec<String>, PkginfoError> {
    let Some(entry) = find(tree, path)?.filter(media::Entry::is_folder) else {
        return Ok(Vec::new());
    };
    let children = tree
        .children(&entry.path)
        .map_err(PkginfoError::media(format!("`{path}`")))?;
    Ok(children
        .iter()
        .map(|child| last_name(&child.path).to_owned())
        .collect())
}

fn receipt(
    tree: &dyn Tree,
    path: &str,
    name: &str,
    compat: Compat,
) -> Result<Option<Dict>, PkginfoError> {
    let Some(info) = bundle::info(tree, path)? else {
        return Ok(None);
    };
    let text = |key: &str| info.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut receipt = Dict::new();
    receipt.insert("filename".to_owned(), name.into());
    let id = text("CFBundleIdentifier")
        .or_else(|| text("Bundle identifier"))
        .unwrap_or_else(|| name.to_owned());
    receipt.insert("packageid".to_owned(), id.into());
    if let Some(name) = text("CFBundleName") {
        receipt.insert("name".to_owned(), name.into());
    }
    if let Some(size) = info.get("IFPkgFlagInstalledSize").and_then(Value::as_i64) {
        receipt.insert("installed_size".to_owned(), size.into());
    }
    let unknown = match compat {
        Compat::Munki6 => "0.0.0.0.0",
        Compat::Munki7 => "",
    };
    let version = version(tree, path, compat)?.unwrap_or_else(|| unknown.to_owned());
    receipt.insert("version".to_owned(), version.into());
    Ok(Some(receipt))
}

/// The version that the bundle's `Info.plist` gives.
fn version(tree: &dyn Tree, path: &str, compat: Compat) -> Result<Option<String>, PkginfoError> {
    let Some(info) = bundle::info(tree, path)? else {
        return Ok(None);
    };
    let text = |key: &str| info.get(key).and_then(Value::as_str);
    let (short, long) = (text("CFBundleShortVersionString"), text("CFBundleVersion"));
    let version = match compat {
        Compat::Munki7 => short.or(long).map(str::to_owned),
        // Packages of an old Composer have the key's description for the key.
        Compat::Munki6 => short
            .or_else(|| text("Bundle versions string, short"))
            .and_then(first_number)
            .or_else(|| long.and_then(first_number)),
    };
    Ok(version.filter(|version| !version.is_empty()))
}

/// The text up to its first space, if it begins with a digit; its commas are meant to be full stops.
fn first_number(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    word.starts_with(|first: char| first.is_ascii_digit())
        .then(|| word.replace(',', "."))
}
