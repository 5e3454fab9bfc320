//! The pkginfo of a package.

use std::sync::Arc;

use media::Tree;
use proplist::{Dict, Value};
use wire::ReadAt;

use super::{
    Made,
    bundle::{last_name, stem},
    bundle_package,
    error::PkginfoError,
    flat::{self, PackageFacts},
    installs::newest,
};
use crate::{Compat, split_name_and_version};

/// What a package is made of.
pub(crate) enum Package<'a> {
    /// A flat package.
    Flat(Arc<dyn ReadAt>),
    /// The folder at this path.
    Bundle(&'a dyn Tree, &'a str),
}

/// Adds what `package` says of itself; `path` ends with its name.
///
/// # Errors
/// If it is damaged, or does not say what it installs.
///
/// # Source
/// `getPackageMetaData` in `pkgutils.swift` of Munki 7.0.
pub(crate) fn describe(
    package: Package<'_>,
    path: &str,
    compat: Compat,
    made: &mut Made,
) -> Result<(), PkginfoError> {
    let file = last_name(path);
    let is_flat = matches!(package, Package::Flat(_));
    let facts = match package {
        Package::Flat(source) => flat::facts(source, path, compat)?,
        Package::Bundle(tree, folder) => bundle_package::facts(tree, folder, file, compat)?,
    };
    if facts.receipts.is_empty() {
        let why = "No receipts found in Distribution or PackageInfo files within the package.";
        let tells_nothing = facts.product_version.is_none() && facts.minimum_os.is_none();
        match compat {
            Compat::Munki6 => made.warnings.push(format!("WARNING: {why}")),
            Compat::Munki7 if tells_nothing => {
                return Err(PkginfoError::NoReceipts {
                    item: path.to_owned(),
                    why,
                });
            }
            Compat::Munki7 => {}
        }
    }
    let info = &mut made.pkginfo;
    info.insert("version".to_owned(), version(&facts, file, compat).into());
    info.insert("name".to_owned(), name(stem(file), compat).into());
    if let Some(action) = facts.restart.action() {
        info.insert("RestartAction".to_owned(), action.into());
    }
    let minimum_os = match compat {
        Compat::Munki6 => is_flat.then(|| "10.5.0".to_owned()),
        Compat::Munki7 => facts.minimum_os,
    };
    if let Some(version) = minimum_os {
        info.insert("minimum_os_version".to_owned(), version.into());
    }
    let size = flat::installed_size(&facts.receipts);
    if size > 0 {
        info.insert("installed_size".to_owned(), size.into());
    }
    if !facts.receipts.is_empty() || compat == Compat::Munki6 {
        info.insert("receipts".to_owned(), facts.receipts.into());
    }
    Ok(())
}

fn version(facts: &PackageFacts, file: &str, compat: Compat) -> String {
    let versions = || {
        facts
            .receipts
            .iter()
            .filter_map(|receipt| receipt.get("version").and_then(Value::as_str))
    };
    let newest = || newest(versions(), compat).map(str::to_owned);
    let fallback = || match compat {
        Compat::Munki6 => "0".to_owned(),
        Compat::Munki7 => "0.0.0.0.0".to_owned(),
    };
    if let Some(version) = &facts.product_version {
        return version.clone();
    }
    match compat {
        Compat::Munki7 => facts.bundle_version.clone(),
        Compat::Munki6 => by_name(facts, file, newest()),
    }
    .or_else(newest)
    .filter(|version| !version.is_empty())
    .unwrap_or_else(fallback)
}

/// Munki 6 believes the file's name, unless there is one receipt, or the receipts know more digits.
fn by_name(facts: &PackageFacts, file: &str, newest: Option<String>) -> Option<String> {
    if facts.receipts.len() == 1 {
        return newest;
    }
    let (_, in_name) = loose_name_and_version(stem(file));
    let named = Some(in_name)
        .filter(|version| !version.is_empty())
        .map(str::to_owned)
        .or_else(|| facts.bundle_version.clone());
    match (named, newest) {
        (Some(named), Some(newest)) if newest.starts_with(&named) => Some(newest),
        (named, newest) => named.or(newest),
    }
}

fn name(stem: &str, compat: Compat) -> &str {
    match compat {
        Compat::Munki6 => loose_name_and_version(stem).0,
        Compat::Munki7 => split_name_and_version(stem).0,
    }
}

/// Munki 6's split: at hyphens, else where the first number with a point in it begins, else before the digits at
/// the end.
fn loose_name_and_version(text: &str) -> (&str, &str) {
    let (name, version) = split_name_and_version(text);
    if !version.is_empty() {
        return (name, version);
    }
    let is_digit = |letter: char| letter.is_ascii_digit();
    let dotted = text.match_indices('.').find_map(|(at, _)| {
        let (before, after) = text.split_at_checked(at)?;
        let follows = after.trim_start_matches('.').starts_with(is_digit);
        let start = before.trim_end_matches(is_digit).len();
        (follows && start < at).then_some(start)
    });
    let start = dotted.unwrap_or_else(|| text.trim_end_matches(is_digit).len());
    let (name, version) = text.split_at_checked(start).unwrap_or((text, ""));
    let name = name.trim_end_matches([' ', 'v', '.', '_', '-']);
    if name.is_empty() {
        return (text, "");
    }
    (name, version)
}

/// Whether nothing in the pkginfo tells clients if the item is installed.
pub(crate) fn tells_no_installation(info: &Dict) -> bool {
    let is_empty = |key: &str| {
        info.get(key)
            .and_then(Value::as_array)
            .is_none_or(<[Value]>::is_empty)
    };
    is_empty("receipts") && is_empty("installs") && !info.contains_key("installcheck_script")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_versions_as_munki_cuts_them() {
        for (stem, seven, six) in [
            ("Component-2.0.1", "Component", "Component"),
            ("Firefox 128.0", "Firefox 128.0", "Firefox"),
            ("MSWord2021", "MSWord2021", "MSWord"),
            ("Suite_Installer", "Suite_Installer", "Suite_Installer"),
            ("A--B-1.0", "A--B", "A--B"),
            ("2021", "2021", "2021"),
        ] {
            assert_eq!(name(stem, Compat::Munki7), seven);
            assert_eq!(name(stem, Compat::Munki6), six);
        }
    }
}
