//! Writes flat packages: with one component, or of what was one before.

use std::{
    fmt::Write as _,
    io::{Read as _, Write},
    path::Path,
};

use flate2::{Compression, GzBuilder};
use proplist::Value;

use super::{
    bom, cannot_store, cpio, escaped,
    owned::{Owned, Owner},
    seal::Sealer,
    xar::{XarWriter, copy},
};
use crate::{Entry, HostTree, Kind, MediaError, Tree, path, walk};

/// What a flat package says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Package<'a> {
    /// The identifier that its receipt will have.
    pub identifier: &'a str,
    /// The version that its receipt will have.
    pub version: &'a str,
    /// The folder of the Mac that what is in it is installed to: `/`, `/Applications`.
    pub install_location: &'a str,
    /// What the Mac does after it was installed: `none`, `logout`, `restart`, `shutdown`.
    pub postinstall_action: &'a str,
    /// The folder with `preinstall` and `postinstall`, and what they need.
    pub scripts: Option<&'a Path>,
    /// Who owns what, where it is not root.
    pub owners: &'a [Owner],
}

/// The scripts that the installer starts.
const SCRIPTS: [&str; 2] = ["preinstall", "postinstall"];

/// Writes a flat package `out` that installs what is in `folder`.
///
/// It has no signature. The same folder makes the same bytes, and `out` appears when it is whole.
///
/// # Errors
/// If a file cannot be read or written, or is of 4 GiB or more.
pub fn flat_pkg(folder: &Path, package: &Package<'_>, out: &Path) -> Result<(), MediaError> {
    let host = HostTree::new(folder)?;
    let tree = Owned::new(&host, package.owners);
    let entries = walk(&tree, "")?;
    let bill = bom::of(&tree, &entries)?;
    let scripts = package.scripts.map(HostTree::new).transpose()?;
    let info = package_info(&tree, &entries, package, scripts.as_ref())?;
    let mut archive = XarWriter::new(None)?;
    for (name, contents) in [("Bom", bill.as_slice()), ("PackageInfo", info.as_bytes())] {
        archive.file(name, 0o644, &mut |out| {
            out.write_all(contents).map_err(MediaError::content(name))
        })?;
    }
    archive.file("Payload", 0o644, &mut |out| packed(&tree, &entries, out))?;
    if let Some(scripts) = scripts {
        let scripts = Owned::new(&scripts, &[]);
        let entries = walk(&scripts, "")?;
        archive.file("Scripts", 0o644, &mut |out| packed(&scripts, &entries, out))?;
    }
    archive.finish(out)
}

/// Writes a flat package `out` of what [`crate::extract`] made of one, as `pkgutil --flatten` does: folders that are
/// named `Scripts` are packed, and everything else is taken as it is.
///
/// # Errors
/// If a file cannot be read or written.
pub fn flatten(folder: &Path, out: &Path) -> Result<(), MediaError> {
    flatten_with(folder, None, out)
}

/// As [`flatten`], and `sealer` signs it.
///
/// # Errors
/// As [`flatten`], and if there is no signature, or one of another length than `sealer` has said.
pub fn flatten_sealed(folder: &Path, sealer: &dyn Sealer, out: &Path) -> Result<(), MediaError> {
    flatten_with(folder, Some(sealer), out)
}

fn flatten_with(folder: &Path, sealer: Option<&dyn Sealer>, out: &Path) -> Result<(), MediaError> {
    let tree = HostTree::new(folder)?;
    let mut archive = XarWriter::new(sealer)?;
    flatten_folder(&tree, "", &mut archive)?;
    archive.finish(out)
}

fn flatten_folder(
    tree: &HostTree,
    folder: &str,
    archive: &mut XarWriter<'_>,
) -> Result<(), MediaError> {
    path::check_depth(folder)?;
    for entry in tree.children(folder)? {
        let name = entry.name();
        match &entry.kind {
            Kind::Folder if name == "Scripts" => {
                let scripts = tree.within(&entry.path)?;
                let scripts = Owned::new(&scripts, &[]);
                let entries = walk(&scripts, "")?;
                archive.file(name, 0o644, &mut |out| packed(&scripts, &entries, out))?;
            }
            Kind::Folder => {
                archive.begin_folder(name, entry.mode)?;
                flatten_folder(tree, &entry.path, archive)?;
                archive.end_folder();
            }
            Kind::File { .. } => {
                archive.file(name, entry.mode, &mut |out| copy(tree, &entry.path, out))?;
            }
            Kind::Link { .. } => {
                return Err(cannot_store(
                    &entry.path,
                    "a package has no place for links",
                ));
            }
        }
    }
    Ok(())
}

/// Writes a payload or scripts: cpio in gzip, without a time in its head.
fn packed(tree: &dyn Tree, entries: &[Entry], out: &mut dyn Write) -> Result<(), MediaError> {
    let failed = MediaError::content("the package");
    let mut gzip = GzBuilder::new().mtime(0).write(out, Compression::default());
    cpio::write(tree, entries, &mut gzip, &failed)?;
    gzip.finish().map(drop).map_err(&failed)
}

/// The `PackageInfo`: of the package, of its payload, and of the bundles in it.
fn package_info(
    tree: &dyn Tree,
    entries: &[Entry],
    package: &Package<'_>,
    scripts: Option<&HostTree>,
) -> Result<String, MediaError> {
    let kilobytes = |entry: &Entry| entry.len_bytes().unwrap_or(0).div_ceil(1024);
    let kilobytes = entries.iter().map(kilobytes).fold(0, u64::saturating_add);
    let mut info = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<pkg-info format-version=\"2\" identifier=\"{}\" \
         version=\"{}\" install-location=\"{}\" postinstall-action=\"{}\" overwrite-permissions=\"true\" \
         relocatable=\"false\" auth=\"root\">\n    \
         <payload numberOfFiles=\"{}\" installKBytes=\"{kilobytes}\"/>\n",
        escaped(package.identifier),
        escaped(package.version),
        escaped(package.install_location),
        escaped(package.postinstall_action),
        entries.len().saturating_add(1),
    );
    for entry in entries {
        if let Some(bundle) = bundle(tree, entry)? {
            info.push_str(&bundle);
        }
    }
    if let Some(scripts) = scripts {
        info.push_str("    <scripts>\n");
        for name in SCRIPTS.iter().filter(|name| scripts.entry(name).is_ok()) {
            info.push_str("        <");
            info.push_str(name);
            info.push_str(" file=\"./");
            info.push_str(name);
            info.push_str("\"/>\n");
        }
        info.push_str("    </scripts>\n");
    }
    info.push_str("</pkg-info>\n");
    Ok(info)
}

/// The line for the bundle whose `Info.plist` this is.
fn bundle(tree: &dyn Tree, entry: &Entry) -> Result<Option<String>, MediaError> {
    let (contents, name) = path::split(&entry.path);
    let (bundle, folder) = path::split(contents);
    if name != "Info.plist" || folder != "Contents" || bundle.is_empty() || !entry.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    tree.open(&entry.path)?
        .take(1 << 20)
        .read_to_end(&mut bytes)
        .map_err(MediaError::content(&entry.path))?;
    // What is no property list makes no bundle, which is all that a packager says of it.
    let Ok(Value::Dict(info)) = proplist::from_bytes(&bytes) else {
        return Ok(None);
    };
    let mut line = format!("    <bundle path=\"./{}\"", escaped(bundle));
    for (attribute, key) in [
        ("id", "CFBundleIdentifier"),
        ("CFBundleShortVersionString", "CFBundleShortVersionString"),
        ("CFBundleVersion", "CFBundleVersion"),
    ] {
        if let Some(Value::String(text)) = info.get(key) {
            write!(line, " {attribute}=\"{}\"", escaped(text))
                .map_err(|_full| cannot_store(&entry.path, "its version is too long"))?;
        }
    }
    line.push_str("/>\n");
    Ok(Some(line))
}
