//! The pkginfo of a disk image: of the package in it, or of what is to be copied from it.

use std::sync::Arc;

use media::{MediaError, Tree};
use proplist::{Dict, Value};

use super::{
    Made,
    bundle::{extension, find, info, is_application, join, last_name, stem},
    error::PkginfoError,
    installs::installs_item,
    item::{NamedKind, kind},
    options::{InstallerType, PkginfoOptions},
    package::{self, Package},
};
use crate::Compat;

/// Adds what there is to install in the image `item`, as a mount of it shows it in `tree`.
///
/// # Errors
/// If there is nothing to install, or it is damaged.
///
/// # Source
/// `createPkgInfoFromDmg` in `pkginfolib.swift` of Munki 7.0.
pub(crate) fn describe(
    tree: &dyn Tree,
    item: &str,
    options: &PkginfoOptions,
    made: &mut Made,
) -> Result<(), PkginfoError> {
    if let Some(name) = &options.package {
        let path = name.trim_matches('/');
        if kind(path) != Some(NamedKind::Package) {
            return Err(nothing(item, format!("`{name}` is no package by its name")));
        }
        describe_package(tree, path, item, options.compat, made)?;
        made.pkginfo
            .insert("package_path".to_owned(), name.as_str().into());
        return Ok(());
    }
    let is_package = |name: &str, _: &media::Entry| Ok(kind(name) == Some(NamedKind::Package));
    if options.copy.item.is_none()
        && let Some(path) = first(tree, item, is_package)?
    {
        return describe_package(tree, &path, item, options.compat, made);
    }
    describe_copy(tree, item, options, made)
}

fn nothing(item: &str, why: impl Into<String>) -> PkginfoError {
    PkginfoError::NothingToInstall {
        item: item.to_owned(),
        why: why.into(),
    }
}

/// The first at the root of the image, in order of names, that is `wanted`. Twins that carry the attributes of
/// other files are passed over.
fn first(
    tree: &dyn Tree,
    item: &str,
    wanted: impl Fn(&str, &media::Entry) -> Result<bool, PkginfoError>,
) -> Result<Option<String>, PkginfoError> {
    for entry in tree.children("").map_err(PkginfoError::media(item))? {
        if !entry.name().starts_with("._") && wanted(entry.name(), &entry)? {
            return Ok(Some(entry.path));
        }
    }
    Ok(None)
}

fn describe_package(
    tree: &dyn Tree,
    path: &str,
    item: &str,
    compat: Compat,
    made: &mut Made,
) -> Result<(), PkginfoError> {
    let shown = join(item, path);
    let entry =
        find(tree, path)?.ok_or_else(|| nothing(item, format!("there is no `{path}` in it")))?;
    if entry.is_folder() {
        return package::describe(Package::Bundle(tree, &entry.path), path, compat, made);
    }
    let source = tree
        .source(&entry.path)
        .map_err(PkginfoError::media(shown.clone()))?;
    package::describe(Package::Flat(Arc::clone(&source)), &shown, compat, made)
}

/// Adds what is to be copied.
fn describe_copy(
    tree: &dyn Tree,
    item: &str,
    options: &PkginfoOptions,
    made: &mut Made,
) -> Result<(), PkginfoError> {
    let source = source_item(tree, item, options)?;
    refuse_os_installer(tree, &source, options)?;
    let copy = &options.copy;
    let destination = copy.destination.as_deref().unwrap_or("/Applications");
    let target = copy.destination_item.as_deref().unwrap_or(&source);
    let path = format!(
        "{}/{}",
        destination.trim_end_matches('/'),
        last_name(target)
    );
    let installs = installs_item(tree, &source, &path, options.compat)?
        .ok_or_else(|| nothing(item, format!("there is no `{source}` in it")))?;
    let text = |key: &str| installs.get(key).and_then(Value::as_str);
    let name = text("CFBundleName").unwrap_or_else(|| match options.compat {
        Compat::Munki6 => without_extension(&source),
        // A name with a folder in it would name a folder of the repository.
        Compat::Munki7 => stem(last_name(&source)),
    });
    let key = text("version_comparison_key").unwrap_or("CFBundleShortVersionString");
    let version = match (text(key), options.compat) {
        (Some(version), _) => version.to_owned(),
        (None, Compat::Munki6) => "0".to_owned(),
        (None, Compat::Munki7) => unknown_version(tree, &source, options, made)?,
    };
    let info = &mut made.pkginfo;
    info.insert("name".to_owned(), name.into());
    info.insert("version".to_owned(), version.into());
    if let Some(minimum) = text("minosversion") {
        info.insert("minimum_os_version".to_owned(), minimum.into());
    }
    info.insert(
        "items_to_copy".to_owned(),
        items_to_copy(&source, destination, options),
    );
    info.insert("installs".to_owned(), vec![Value::from(installs)].into());
    info.insert("installer_type".to_owned(), "copy_from_dmg".into());
    info.insert("uninstallable".to_owned(), true.into());
    info.insert("uninstall_method".to_owned(), "remove_copied_items".into());
    Ok(())
}

/// The path without the extension of its last name.
fn without_extension(path: &str) -> &str {
    let end = extension(last_name(path));
    path.strip_suffix(end)
        .and_then(|path| path.strip_suffix('.'))
        .filter(|_| !end.is_empty())
        .unwrap_or(path)
}

/// What is to be copied: what was named, else the first application.
fn source_item(
    tree: &dyn Tree,
    item: &str,
    options: &PkginfoOptions,
) -> Result<String, PkginfoError> {
    if let Some(named) = &options.copy.item {
        let path = named.trim_matches('/');
        let entry = tree.entry(path);
        return match entry {
            Ok(_) if !path.is_empty() => Ok(path.to_owned()),
            Ok(_) | Err(MediaError::NotFound { .. } | MediaError::WrongKind { .. }) => {
                Err(nothing(item, format!("there is no `{named}` in it")))
            }
            Err(error) => Err(PkginfoError::media(item)(error)),
        };
    }
    // A link to /Applications lies in most images; a link to an application would be copied as a link.
    first(tree, item, |_, entry| {
        Ok(entry.is_folder() && is_application(tree, &entry.path)?)
    })?
    .ok_or_else(|| {
        nothing(
            item,
            "there is neither a package nor an application at its root",
        )
    })
}

/// The version of what has none; an application without one is damaged, unless its version was given.
fn unknown_version(
    tree: &dyn Tree,
    source: &str,
    options: &PkginfoOptions,
    made: &mut Made,
) -> Result<String, PkginfoError> {
    if options.values.contains_key("version") {
        return Ok(String::new());
    }
    if extension(last_name(source)) == "app" {
        let why = match info(tree, source)? {
            None => "it has no Contents/Info.plist",
            Some(_) => "its Info.plist has no version",
        };
        return Err(PkginfoError::Damaged {
            what: format!("the application `{source}`"),
            why: format!("{why}; give its version with --pkgvers"),
        });
    }
    made.warnings.push(format!(
        "WARNING: `{source}` has no version; the item gets 0.0.0.0.0, unless another is given with --pkgvers."
    ));
    Ok("0.0.0.0.0".to_owned())
}

/// Installers of macOS need what lies in an image inside them, and another type of item.
fn refuse_os_installer(
    tree: &dyn Tree,
    source: &str,
    options: &PkginfoOptions,
) -> Result<(), PkginfoError> {
    let copied = options.installer_type == Some(InstallerType::CopyFromDmg);
    let start = join(source, "Contents/Resources/startosinstall");
    if copied || find(tree, &start)?.is_none() {
        return Ok(());
    }
    Err(PkginfoError::Unsupported {
        what: format!("staging the macOS installer `{source}`"),
        why: "give --installer-type copy_from_dmg to have it copied as an application",
    })
}

fn items_to_copy(source: &str, destination: &str, options: &PkginfoOptions) -> Value {
    let copy = &options.copy;
    let mut item = Dict::new();
    item.insert("source_item".to_owned(), source.into());
    item.insert("destination_path".to_owned(), destination.into());
    for (key, value) in [
        ("destination_item", &copy.destination_item),
        ("user", &copy.user),
        ("group", &copy.group),
        ("mode", &copy.mode),
    ] {
        if let Some(value) = value {
            item.insert(key.to_owned(), value.as_str().into());
        }
    }
    vec![Value::from(item)].into()
}
