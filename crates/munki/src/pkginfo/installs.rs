//! Installs items: by what clients see whether something is installed.

use std::{io::Read, path::Path};

use md5::{Digest as _, Md5};
use media::{Kind, MediaError, Tree};
use proplist::{Dict, Value};

use super::{
    bundle::{self, find, info, is_application},
    error::PkginfoError,
};
use crate::{Compat, compare_versions};

/// Larger files are not tried as property lists.
const LARGEST_PLIST: u64 = 32 << 20;

/// The keys that carry a version.
const VERSIONS: [&str; 2] = ["CFBundleShortVersionString", "CFBundleVersion"];

/// The installs item of what is at `inner` of `tree`, which clients find at `path`; nothing if there is nothing.
///
/// # Errors
/// If it cannot be read, or is a bundle whose `Info.plist` is damaged.
///
/// # Source
/// `createInstallsItem` in `pkginfolib.swift` of Munki 7.0.
pub fn installs_item(
    tree: &dyn Tree,
    inner: &str,
    path: &str,
    compat: Compat,
) -> Result<Option<Dict>, PkginfoError> {
    let Some(entry) = find(tree, inner)? else {
        return Ok(None);
    };
    let mut item = Dict::new();
    if let Some(info) = info(tree, &entry.path)? {
        let kind = if is_application(tree, inner)? {
            "application"
        } else {
            "bundle"
        };
        item.insert("type".to_owned(), kind.into());
        copy_texts(&info, &["CFBundleName", "CFBundleIdentifier"], &mut item);
        copy_texts(&info, &VERSIONS, &mut item);
        if let Some(version) = minimum_os(&info, compat) {
            item.insert("minosversion".to_owned(), version.into());
        }
    } else if let Some(plist) = plist(tree, &entry, path, compat)? {
        item.insert("type".to_owned(), "plist".into());
        copy_texts(&plist, &VERSIONS, &mut item);
    }
    if let Some(key) = comparison_key(&item, compat) {
        item.insert("version_comparison_key".to_owned(), key.into());
    }
    if !VERSIONS.iter().any(|key| item.contains_key(*key)) {
        item.insert("type".to_owned(), "file".into());
        if let Some(digest) = md5(tree, inner, &entry.kind)? {
            item.insert("md5checksum".to_owned(), digest.into());
        }
    }
    item.insert("path".to_owned(), path.into());
    Ok(Some(item))
}

/// The installs item of a path of the host, as `makepkginfo -f` makes it; nothing if there is nothing.
///
/// # Errors
/// As [`installs_item`].
pub(crate) fn of_host(path: &str, compat: Compat) -> Result<Option<Dict>, PkginfoError> {
    let shown = match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    };
    // Links of the host may lead anywhere there; those in media stay inside.
    let host = fs_err::canonicalize(shown).unwrap_or_else(|_inside| Path::new(shown).to_owned());
    match media::locate(&host) {
        Ok(found) => installs_item(&*found.tree, &found.inner, shown, compat),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(PkginfoError::media(format!("`{shown}`"))(error)),
    }
}

fn is_absence(error: &MediaError) -> bool {
    use std::io::ErrorKind;
    match error {
        MediaError::NotFound { .. } | MediaError::LeadsOut { .. } => true,
        MediaError::Host { source, .. } => {
            matches!(
                source.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory
            )
        }
        _ => false,
    }
}

fn copy_texts(from: &Dict, keys: &[&str], to: &mut Dict) {
    for key in keys {
        if let Some(Value::String(text)) = from.get(*key) {
            to.insert((*key).to_owned(), text.as_str().into());
        }
    }
}

/// The oldest macOS that the bundle runs on, where it says so.
fn minimum_os(info: &Dict, compat: Compat) -> Option<String> {
    let text = |key: &str| info.get(key).and_then(Value::as_str).map(str::to_owned);
    let by_architecture = || {
        let versions = info
            .get("LSMinimumSystemVersionByArchitecture")?
            .as_dict()?;
        newest(versions.values().filter_map(Value::as_str), compat).map(str::to_owned)
    };
    text("LSMinimumSystemVersion")
        .or_else(by_architecture)
        .or_else(|| text("SystemVersionCheck:MinimumSystemVersion"))
}

/// The newest of some versions.
pub(crate) fn newest<'a>(
    versions: impl Iterator<Item = &'a str>,
    compat: Compat,
) -> Option<&'a str> {
    versions.reduce(|newest, version| {
        if compare_versions(compat, version, newest).is_gt() {
            version
        } else {
            newest
        }
    })
}

/// The dictionary in a file that is a property list.
fn plist(
    tree: &dyn Tree,
    entry: &media::Entry,
    path: &str,
    compat: Compat,
) -> Result<Option<Dict>, PkginfoError> {
    let named_so = path.ends_with("Info.plist") || path.ends_with("version.plist");
    let is_small = entry.len_bytes().is_some_and(|len| len <= LARGEST_PLIST);
    if !is_small || (compat == Compat::Munki6 && !named_so) {
        return Ok(None);
    }
    match proplist::from_bytes(&bundle::read(tree, &entry.path)?) {
        Ok(Value::Dict(plist)) => Ok(Some(plist)),
        // Anything else is a plain file.
        Ok(_) | Err(_) => Ok(None),
    }
}

/// The key to compare by: a short version that begins with a digit, else the other one.
fn comparison_key(item: &Dict, compat: Compat) -> Option<&'static str> {
    let [short, long] = VERSIONS;
    match item.get(short).and_then(Value::as_str) {
        Some(version) if version.starts_with(|first: char| first.is_ascii_digit()) => Some(short),
        _ => {
            let version = item.get(long)?;
            (compat == Compat::Munki7 || version.is_truthy()).then_some(long)
        }
    }
}

fn md5(tree: &dyn Tree, inner: &str, kind: &Kind) -> Result<Option<String>, PkginfoError> {
    if !matches!(kind, Kind::File { .. }) {
        return Ok(None);
    }
    let failed = |source| MediaError::Content {
        path: inner.to_owned(),
        source,
    };
    let what = format!("`{inner}`");
    let path = media::follow(tree, inner).map_err(PkginfoError::media(what.clone()))?;
    let mut reader = tree
        .open(&path)
        .map_err(PkginfoError::media(what.clone()))?;
    let mut digest = Md5::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = read_some(&mut reader, &mut buffer)
            .map_err(failed)
            .map_err(PkginfoError::media(what.clone()))?;
        match buffer.get(..read) {
            None | Some([]) => break,
            Some(bytes) => digest.update(bytes),
        }
    }
    Ok(Some(hex::encode(digest.finalize())))
}

fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
