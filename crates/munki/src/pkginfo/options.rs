//! What may be asked for when a pkginfo is made.

use std::path::PathBuf;

use proplist::Dict;

use crate::Compat;

/// What may be asked for when a pkginfo is made: the options of Munki's `makepkginfo`.
#[derive(Clone, Debug, Default)]
pub struct PkginfoOptions {
    /// Which Munki is followed.
    pub compat: Compat,
    /// The installer item, where one was named.
    pub item: Option<PathBuf>,
    /// What is copied from a disk image, and where to.
    pub copy: CopyOptions,
    /// The package in the disk image, as a path from its root.
    pub package: Option<String>,
    /// A package, or an image with one, that removes what is installed.
    pub uninstaller: Option<PathBuf>,
    /// Files, folders and bundles by which clients see what is installed.
    pub installs: Vec<String>,
    /// What the item is meant to be, where it could be several things.
    pub installer_type: Option<InstallerType>,
    /// Whether there is nothing to install but scripts.
    pub nopkg: bool,
    /// Keys of the pkginfo whose values are the contents of files.
    pub scripts: Vec<(&'static str, PathBuf)>,
    /// Keys whose values are texts, or the contents of files where there are files of that name.
    pub texts: Vec<(&'static str, String)>,
    /// The catalogs; `testing` if there are none.
    pub catalogs: Vec<String>,
    /// Keys that are set to these values, whatever was found.
    pub values: Dict,
}

/// What is copied from a disk image, and where to.
#[derive(Clone, Debug, Default)]
pub struct CopyOptions {
    /// What: a path from the root of the image.
    pub item: Option<String>,
    /// Into which folder of the client; `/Applications` if not said.
    pub destination: Option<String>,
    /// Under which name, if another.
    pub destination_item: Option<String>,
    /// The owner that it gets.
    pub user: Option<String>,
    /// The group that it gets.
    pub group: Option<String>,
    /// The mode that it gets, in symbols.
    pub mode: Option<String>,
}

/// What an item is meant to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InstallerType {
    /// Something to be copied.
    CopyFromDmg,
    /// An installer of macOS, to be staged.
    StageOsInstaller,
}
