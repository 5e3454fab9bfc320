//! Installer items: what is handed to clients to install.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use media::{HostTree, MediaError, Tree, udif};
use model::Sha256;
use wire::{FileSource, ReadAt};

use super::{
    bundle::{extension, last_name},
    error::PkginfoError,
};

/// Larger configuration profiles are not read.
const LARGEST_PROFILE: u64 = 16 << 20;

/// What is handed to clients to install: a disk image or a package.
#[derive(Clone, Debug)]
pub struct InstallerItem {
    /// The path by which messages name it.
    pub path: PathBuf,
    /// Its name, or its path below a folder `pkgs` that it is in.
    pub location: String,
    /// What it is.
    pub contents: Contents,
    /// Length and digest, of what is a file.
    pub bytes: Option<ItemBytes>,
}

/// Length and digest of an installer item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ItemBytes {
    /// How many there are.
    pub len_bytes: u64,
    /// Their digest.
    pub sha256: Sha256,
}

/// What an installer item is.
#[derive(Clone, Debug)]
pub enum Contents {
    /// A disk image, with what a mount of it would show.
    Image {
        /// What a mount would show.
        tree: Arc<dyn Tree>,
        /// Whether mounting may change it, so that its digest proves nothing.
        is_writable: bool,
    },
    /// A flat package.
    FlatPackage(Arc<dyn ReadAt>),
    /// A package that is a folder.
    BundlePackage(Arc<dyn Tree>),
    /// A configuration profile, signed or not.
    Profile(Vec<u8>),
}

impl InstallerItem {
    /// Opens the installer item at `path`; its name tells what it must be.
    ///
    /// # Errors
    /// [`PkginfoError::NotSupported`] if the name tells of something else; [`PkginfoError::WrongKind`] if the name
    /// is wrong; or damage.
    pub fn open(path: &Path) -> Result<Self, PkginfoError> {
        let metadata = fs_err::metadata(path).map_err(PkginfoError::host(path))?;
        let name = path.to_string_lossy();
        let contents = match kind(&name) {
            Some(NamedKind::Image) => image(path)?,
            Some(NamedKind::Package) if metadata.is_dir() => {
                let tree = HostTree::new(path).map_err(PkginfoError::media(name.clone()))?;
                Contents::BundlePackage(Arc::new(tree))
            }
            Some(NamedKind::Package) => Contents::FlatPackage(Arc::new(
                FileSource::open(path).map_err(PkginfoError::host(path))?,
            )),
            Some(NamedKind::Profile) if metadata.len() <= LARGEST_PROFILE => {
                Contents::Profile(fs_err::read(path).map_err(PkginfoError::host(path))?)
            }
            Some(NamedKind::Profile) | None => {
                let path = path.to_owned();
                return Err(PkginfoError::NotSupported { path });
            }
        };
        let bytes = if metadata.is_dir() {
            None
        } else {
            Some(ItemBytes::of(path)?)
        };
        Ok(Self {
            path: path.to_owned(),
            location: location(path),
            contents,
            bytes,
        })
    }

    /// The last name of its path.
    pub fn name(&self) -> String {
        last_name(&self.path.to_string_lossy()).to_owned()
    }
}

impl ItemBytes {
    /// Length and digest of the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(path: &Path) -> Result<Self, PkginfoError> {
        let host = || PkginfoError::host(path);
        let mut file = std::fs::File::open(path).map_err(host())?;
        let (sha256, len_bytes) = Sha256::of_reader(&mut file).map_err(host())?;
        Ok(Self { len_bytes, sha256 })
    }

    /// The length as Munki counts it.
    pub(crate) const fn kibibytes(self) -> u64 {
        self.len_bytes >> 10
    }
}

/// What a name tells of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NamedKind {
    Image,
    Package,
    Profile,
}

/// What the name tells; none if it is no installer item.
pub(crate) fn kind(name: &str) -> Option<NamedKind> {
    match extension(last_name(name)).to_ascii_lowercase().as_str() {
        "dmg" | "iso" => Some(NamedKind::Image),
        "pkg" | "mpkg" => Some(NamedKind::Package),
        "mobileconfig" => Some(NamedKind::Profile),
        _ => None,
    }
}

/// What is in the image; an archive under an image's name would never be mounted by a client.
fn image(path: &Path) -> Result<Contents, PkginfoError> {
    let shown = path.to_string_lossy();
    if let Err(error) = media::image(path) {
        return Err(match error {
            MediaError::Unknown { .. } | MediaError::WrongKind { .. } => PkginfoError::WrongKind {
                what: shown.into_owned(),
                expected: "disk image",
            },
            error => PkginfoError::media(shown)(error),
        });
    }
    let source = FileSource::open(path).map_err(PkginfoError::host(path))?;
    Ok(Contents::Image {
        // Without Apple's trailer it is the bare disk.
        is_writable: udif::Image::open(Arc::new(source)).is_err(),
        tree: media::open(path).map_err(PkginfoError::media(shown))?,
    })
}

/// The path below the nearest folder `pkgs`, or the name.
pub(crate) fn location(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_unknown| path.to_owned());
    let names: Vec<String> = absolute
        .components()
        .map(|component| component.as_os_str().to_string_lossy().into_owned())
        .collect();
    let below = names
        .iter()
        .rposition(|name| name == "pkgs")
        .and_then(|at| names.get(at.saturating_add(1)..))
        .filter(|below| !below.is_empty());
    match below {
        Some(below) => below.join("/"),
        None => names.last().cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_a_repository_are_located_below_its_packages() {
        for (path, expected) in [
            ("/r/pkgs/apps/Foo.dmg", "apps/Foo.dmg"),
            ("/r/Foo.dmg", "Foo.dmg"),
            ("/r/pkgs", "pkgs"),
        ] {
            assert_eq!(location(Path::new(path)), expected);
        }
    }

    #[test]
    fn names_tell_what_an_item_is() {
        for (name, expected) in [
            ("a/Foo.DMG", Some(NamedKind::Image)),
            ("Foo.iso", Some(NamedKind::Image)),
            ("Foo.mpkg/", Some(NamedKind::Package)),
            ("Foo.pkg", Some(NamedKind::Package)),
            (".pkg", None),
            ("Wi-Fi.mobileconfig", Some(NamedKind::Profile)),
            ("Foo.zip", None),
            ("a.pkg/Foo", None),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }
}
