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
    loose_names::loose_name_and_version,
};
use crate::{Compat, compare_versions, split_name_and_version};

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
    if let Some(version) = &facts.product_version {
        return version.clone();
    }
    let receipts = facts
        .receipts
        .iter()
        .filter_map(|receipt| receipt.get("version").and_then(Value::as_str));
    match compat {
        Compat::Munki6 => version_of_munki_6(facts, file, receipts),
        Compat::Munki7 => facts
            .bundle_version
            .as_deref()
            .or_else(|| newest(receipts, compat))
            .filter(|version| !version.is_empty())
            .unwrap_or("0.0.0.0.0")
            .to_owned(),
    }
}

/// Munki 6 believes the bundle, then the file's name, unless there is one receipt, or the receipts know more digits.
fn version_of_munki_6<'a>(
    facts: &PackageFacts,
    file: &str,
    receipts: impl Iterator<Item = &'a str>,
) -> String {
    const UNKNOWN: &str = "0.0.0.0.0";
    let highest = receipts.fold("0.0", |highest, version| {
        if compare_versions(Compat::Munki6, version, highest).is_gt() {
            version
        } else {
            highest
        }
    });
    let bundle = facts
        .bundle_version
        .as_deref()
        .filter(|version| *version != UNKNOWN);
    let told = bundle.unwrap_or_else(|| match loose_name_and_version(stem(file)) {
        (_, "") => UNKNOWN,
        (_, version) => version,
    });
    if told == UNKNOWN || facts.receipts.len() == 1 || highest.starts_with(told) {
        return highest.to_owned();
    }
    told.to_owned()
}

fn name(stem: &str, compat: Compat) -> &str {
    match compat {
        Compat::Munki6 => loose_name_and_version(stem).0,
        Compat::Munki7 => split_name_and_version(stem).0,
    }
}

/// Whether nothing in the pkginfo tells clients if the item is installed.
pub(crate) fn tells_no_installation(info: &Dict) -> bool {
    let is_empty = |key: &str| {
        info.get(key)
            .and_then(Value::as_array)
            .is_none_or(<[Value]>::is_empty)
    };
    let is_profile = info.get("installer_type").and_then(Value::as_str) == Some("profile");
    is_empty("receipts")
        && is_empty("installs")
        && !info.contains_key("installcheck_script")
        && !is_profile
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
            ("2021", "2021", ""),
        ] {
            assert_eq!(name(stem, Compat::Munki7), seven);
            assert_eq!(name(stem, Compat::Munki6), six);
        }
    }
}
