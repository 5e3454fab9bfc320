//! Bundles and other property lists in a tree.

use std::io::Read as _;

use media::{Entry, MediaError, Tree};
use proplist::{Dict, Value};

use super::error::PkginfoError;

/// Larger property lists and tables are not read.
const LARGEST: u64 = 32 << 20;

/// Where `path` leads when links are followed, and what is there; nothing if there is nothing, or a link leads out.
pub(crate) fn find(tree: &dyn Tree, path: &str) -> Result<Option<Entry>, PkginfoError> {
    match media::follow(tree, path).and_then(|path| tree.entry(&path)) {
        Ok(entry) => Ok(Some(entry)),
        Err(
            MediaError::NotFound { .. }
            | MediaError::LeadsOut { .. }
            | MediaError::WrongKind { .. },
        ) => Ok(None),
        Err(error) => Err(PkginfoError::media(format!("`{path}`"))(error)),
    }
}

/// The path of `name` in the folder at `folder`.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        return name.to_owned();
    }
    format!("{folder}/{name}")
}

/// The last name of a path.
pub(crate) fn last_name(path: &str) -> &str {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

/// What stands after the last full stop of a name, if something stands before it.
pub(crate) fn extension(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

/// The name without its extension.
pub(crate) fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// The contents of the file at `path`.
pub(crate) fn read(tree: &dyn Tree, path: &str) -> Result<Vec<u8>, PkginfoError> {
    let what = || format!("`{path}`");
    let mut bytes = Vec::new();
    tree.open(path)
        .map_err(PkginfoError::media(what()))?
        .take(LARGEST.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| MediaError::Content {
            path: path.to_owned(),
            source,
        })
        .map_err(PkginfoError::media(what()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(PkginfoError::Damaged {
            what: what(),
            why: format!("it is larger than {LARGEST} bytes"),
        });
    }
    Ok(bytes)
}

/// The `Info.plist` of the bundle at `path`; nothing if it is no bundle.
///
/// # Errors
/// If there is one, but it cannot be read or is no dictionary.
pub(crate) fn info(tree: &dyn Tree, path: &str) -> Result<Option<Dict>, PkginfoError> {
    for place in ["Contents/Info.plist", "Resources/Info.plist"] {
        let Some(entry) = find(tree, &join(path, place))? else {
            continue;
        };
        if !entry.is_file() {
            continue;
        }
        let damaged = |why: String| PkginfoError::Damaged {
            what: format!("`{}`", join(path, place)),
            why,
        };
        return match proplist::from_bytes(&read(tree, &entry.path)?) {
            Ok(Value::Dict(info)) => Ok(Some(info)),
            Ok(_) => Err(damaged("it holds no dictionary".to_owned())),
            Err(error) => Err(damaged(error.to_string())),
        };
    }
    Ok(None)
}

/// Whether what is at `path` is an application.
///
/// # Source
/// `isApplication` in `pkgutils.swift` of Munki 7.0.
pub(crate) fn is_application(tree: &dyn Tree, path: &str) -> Result<bool, PkginfoError> {
    if !find(tree, path)?.is_some_and(|entry| entry.is_folder()) {
        return Ok(false);
    }
    let name = last_name(path);
    if extension(name) == "app" {
        return Ok(true);
    }
    if !extension(name).is_empty() {
        return Ok(false);
    }
    let Some(info) = info(tree, path)? else {
        return Ok(false);
    };
    let is_of_kind = match info.get("CFBundlePackageType") {
        Some(Value::String(kind)) => kind == "APPL",
        _ => true,
    };
    let executable = ["CFBundleExecutable", "CFBundleName"]
        .iter()
        .find_map(|key| info.get(*key).and_then(Value::as_str))
        .unwrap_or(name);
    let executable = join(path, &format!("Contents/MacOS/{executable}"));
    Ok(is_of_kind && find(tree, &executable)?.is_some())
}
