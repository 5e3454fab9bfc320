//! pkginfo: what administrators and clients know of an installer item.

mod arguments;
mod bundle;
mod bundle_package;
mod error;
mod flat;
mod icon;
mod image;
mod installs;
mod item;
mod loose_names;
mod option_table;
mod options;
mod package;
mod profile;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use model::Timestamp;
use proplist::{Dict, Value};

pub use error::{OptionError, PkginfoError};
pub use icon::icon_of;
pub use installs::installs_item;
pub use item::{Contents, InstallerItem, ItemBytes};
pub use options::{CopyOptions, InstallerType, PkginfoOptions};

use crate::Compat;

/// By whom, when and with what a pkginfo was made.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The user.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// The program and its version.
    pub munki_version: String,
    /// The system that it ran on.
    pub os_version: String,
}

impl Metadata {
    /// Made by this program, at that moment, for that user.
    pub fn new(created_by: impl Into<String>, created_at: Timestamp) -> Self {
        Self {
            created_by: created_by.into(),
            created_at,
            munki_version: concat!("auto-update ", env!("CARGO_PKG_VERSION")).to_owned(),
            os_version: std::env::consts::OS.to_owned(),
        }
    }

    fn to_dict(&self) -> Dict {
        // A property list has whole seconds.
        let created_at = Timestamp::from_secs(self.created_at.as_secs());
        [
            ("created_by".to_owned(), self.created_by.as_str().into()),
            ("creation_date".to_owned(), Value::Date(created_at.to_utc())),
            (
                "munki_version".to_owned(),
                self.munki_version.as_str().into(),
            ),
            ("os_version".to_owned(), self.os_version.as_str().into()),
        ]
        .into_iter()
        .collect()
    }
}

/// A pkginfo, and what there is to say about it.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The pkginfo.
    pub pkginfo: Dict,
    /// What people should know, in Munki's words.
    pub warnings: Vec<String>,
}

/// Makes the pkginfo of an installer item, or of none, as Munki's `makepkginfo` makes it.
///
/// # Errors
/// If there is nothing to make it of, or the item or a file that an option names is damaged or missing.
///
/// # Source
/// `makepkginfo` in `pkginfolib.swift` of Munki 7.0, in `pkginfolib.py` of Munki 6.7.
pub fn make_pkginfo(
    item: Option<&InstallerItem>,
    options: &PkginfoOptions,
    metadata: &Metadata,
) -> Result<Made, PkginfoError> {
    let mut made = Made::default();
    match item {
        Some(item) => describe(item, options, &mut made)?,
        None if is_nothing(options) => return Err(PkginfoError::Nothing),
        None if options.nopkg => {
            made.pkginfo
                .insert("installer_type".to_owned(), "nopkg".into());
        }
        None => {}
    }
    set_files(options, &mut made)?;
    add_installs(options, &mut made)?;
    set_minimum_os(item, options, &mut made.pkginfo);
    add_scripts(options, &mut made.pkginfo)?;
    finish(item, options, metadata, &mut made.pkginfo);
    if item.is_some() && package::tells_no_installation(&made.pkginfo) {
        let warning = no_installation(&made.pkginfo, options.compat);
        made.warnings.push(warning);
    }
    Ok(made)
}

/// The warning that nothing tells clients whether the item is installed.
fn no_installation(pkginfo: &Dict, compat: Compat) -> String {
    let name = pkginfo.get("name").and_then(Value::as_str);
    let name = name.unwrap_or_default();
    match compat {
        Compat::Munki6 => format!(
            "WARNING: pkginfo for '{name}' contains no installation check info!\n    \
             No useful receipts were detected, and no 'installs' items were provided.\n    \
             If you do not add an 'installs' item or an installcheck_script,\n    \
             Munki will have no way to determine the item's installation state.\n    \
             This can result in repeated installation attempts or failure to attempt\n    \
             installation at all."
        ),
        Compat::Munki7 => format!(
            "WARNING: pkginfo for '{name}' says nothing by which clients see whether it is installed: there are \
             neither receipts nor 'installs' items nor an installcheck_script. Munki may install it again and again."
        ),
    }
}

/// Whether neither files nor scripts nor `--nopkg` were given.
fn is_nothing(options: &PkginfoOptions) -> bool {
    options.installs.is_empty()
        && options.scripts.is_empty()
        && !options.nopkg
        && !options.values.contains_key("installer_environment")
}

/// Adds what the item says, and what it is as a file.
fn describe(
    item: &InstallerItem,
    options: &PkginfoOptions,
    made: &mut Made,
) -> Result<(), PkginfoError> {
    let shown = item.path.to_string_lossy();
    match &item.contents {
        Contents::Image { tree, .. } => image::describe(&**tree, &shown, options, made)?,
        Contents::FlatPackage(source) => {
            let package = package::Package::Flat(Arc::clone(source));
            package::describe(package, &shown, options.compat, made)?;
        }
        Contents::BundlePackage(tree) => {
            let package = package::Package::Bundle(&**tree, "");
            package::describe(package, &shown, options.compat, made)?;
            made.warnings.push(format!(
                "WARNING: {shown} is a bundle-style package!\n\
                 To use it with Munki, you should encapsulate it in a disk image.{}",
                // Munki 6 leaves a line empty.
                if options.compat == Compat::Munki6 {
                    "\n"
                } else {
                    ""
                }
            ));
        }
        Contents::Profile(contents) if options.compat == Compat::Munki6 => {
            profile::describe(contents, &item.name(), &mut made.pkginfo)?;
        }
        Contents::Profile(_) => {
            let path = item.path.clone();
            return Err(PkginfoError::NotSupported { path });
        }
    }
    let info = &mut made.pkginfo;
    info.insert(
        "installer_item_location".to_owned(),
        item.location.as_str().into(),
    );
    if let Some(bytes) = item.bytes {
        insert_bytes(info, "installer", bytes);
    }
    if matches!(
        item.contents,
        Contents::Image {
            is_writable: true,
            ..
        }
    ) {
        distrust_digest(&shown, options.compat, made);
    }
    if let Some(uninstaller) = &options.uninstaller {
        add_uninstaller(uninstaller, options.compat, &mut made.pkginfo)?;
    }
    let info = &mut made.pkginfo;
    let has_receipts = info.get("receipts").is_some_and(Value::is_truthy);
    if has_receipts && !info.contains_key("uninstall_method") {
        info.insert("uninstallable".to_owned(), true.into());
        info.insert("uninstall_method".to_owned(), "removepackages".into());
    }
    Ok(())
}

fn insert_bytes(info: &mut Dict, which: &str, bytes: ItemBytes) {
    info.insert(format!("{which}_item_size"), bytes.kibibytes().into());
    info.insert(
        format!("{which}_item_hash"),
        bytes.sha256.to_string().into(),
    );
}

/// Clients mount the image, which changes its bytes.
fn distrust_digest(shown: &str, compat: Compat, made: &mut Made) {
    made.warnings.push(format!(
        "WARNING: {shown} is a writable disk image. Checksum verification is not supported."
    ));
    match compat {
        Compat::Munki6 => {
            made.pkginfo.shift_remove("installer_item_hash");
            made.warnings.push(format!(
                "WARNING: Consider converting {shown} to a read-only diskimage."
            ));
        }
        Compat::Munki7 => {
            made.pkginfo
                .insert("installer_item_hash".to_owned(), "N/A".into());
        }
    }
}

fn add_uninstaller(path: &Path, compat: Compat, info: &mut Dict) -> Result<(), PkginfoError> {
    info.insert("uninstallable".to_owned(), true.into());
    info.insert("uninstall_method".to_owned(), "uninstall_package".into());
    info.insert(
        "uninstaller_item_location".to_owned(),
        item::location(path).into(),
    );
    insert_bytes(info, "uninstaller", ItemBytes::of(path)?);
    // Munki 7 means to, but compares the wrong way round.
    if compat == Compat::Munki6 {
        info.insert("minimum_munki_version".to_owned(), "6.2".into());
    }
    Ok(())
}

/// Sets what is a text, or the contents of the file of that name.
fn set_files(options: &PkginfoOptions, made: &mut Made) -> Result<(), PkginfoError> {
    for (key, text) in &options.texts {
        let path = Path::new(text);
        let text = if !text.is_empty() && path.is_file() {
            fs_err::read_to_string(path).map_err(PkginfoError::host(path))?
        } else {
            text.clone()
        };
        made.pkginfo.insert((*key).to_owned(), text.into());
    }
    Ok(())
}

/// Files that are named take the place of what was found in the item.
fn add_installs(options: &PkginfoOptions, made: &mut Made) -> Result<(), PkginfoError> {
    let mut items: Vec<Value> = Vec::new();
    for path in &options.installs {
        if options.compat == Compat::Munki6 && path.starts_with("/Library/Receipts") {
            let shown = path.trim_end_matches('/');
            made.warnings
                .push(format!("Item {shown} appears to be a receipt. Skipping."));
            continue;
        }
        match installs::of_host(path, options.compat)? {
            Some(item) => items.push(item.into()),
            None => made
                .warnings
                .push(format!("Item {path} doesn't exist. Skipping.")),
        }
    }
    if !items.is_empty() {
        made.pkginfo.insert("installs".to_owned(), items.into());
    }
    Ok(())
}

/// The newest of the oldest systems that the item and its installs items run on.
fn set_minimum_os(item: Option<&InstallerItem>, options: &PkginfoOptions, info: &mut Dict) {
    let installs = info.get("installs").and_then(Value::as_array);
    let minimums = installs
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.as_dict()?.get("minosversion")?.as_str())
        .chain(info.get("minimum_os_version").and_then(Value::as_str));
    let newest = match options.compat {
        Compat::Munki7 => installs::newest(minimums, options.compat),
        // Munki 6 writes one always, unless there are only installs items.
        Compat::Munki6 if item.is_none() && !options.nopkg => None,
        Compat::Munki6 => installs::newest(minimums.chain(["10.4.0"]), options.compat),
    };
    if let Some(newest) = newest.map(str::to_owned) {
        info.insert("minimum_os_version".to_owned(), newest.into());
    }
}

fn add_scripts(options: &PkginfoOptions, info: &mut Dict) -> Result<(), PkginfoError> {
    for (key, path) in &options.scripts {
        let text = fs_err::read_to_string(path).map_err(PkginfoError::host(path))?;
        info.insert((*key).to_owned(), text.into());
        if *key == "uninstall_script" {
            info.insert("uninstall_method".to_owned(), "uninstall_script".into());
            info.insert("uninstallable".to_owned(), true.into());
        }
    }
    Ok(())
}

/// Sets what does not depend on the item, and what was asked for whatever it is.
fn finish(
    item: Option<&InstallerItem>,
    options: &PkginfoOptions,
    metadata: &Metadata,
    info: &mut Dict,
) {
    let catalogs = if options.catalogs.is_empty() {
        vec!["testing".to_owned()]
    } else {
        options.catalogs.clone()
    };
    info.insert("catalogs".to_owned(), catalogs.into());
    if item.is_some() || options.nopkg || options.compat == Compat::Munki6 {
        info.insert("_metadata".to_owned(), metadata.to_dict().into());
        info.insert("autoremove".to_owned(), false.into());
    }
    info.extend(options.values.clone());
    if options.values.contains_key("uninstall_method") {
        info.insert("uninstallable".to_owned(), true.into());
    }
    if options.compat == Compat::Munki6 && !info.contains_key("version") {
        info.insert("version".to_owned(), "1.0.0.0.0 (Please edit me!)".into());
    }
}
