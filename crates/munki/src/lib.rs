//! pkginfo, version order and catalogs, as Munki's own tools make them.
#![forbid(unsafe_code)]

mod catalogs;
mod compat;
mod listing;
mod pkginfo;
mod plistlib;
mod report;
mod same_item;
mod version;

#[cfg(test)]
mod tests;

pub use catalogs::{CatalogBuilder, CatalogOptions, Catalogs, icon_hashes, is_catalog_name};
pub use compat::{Compat, UnknownCompat};
pub use listing::listing_order;
pub use pkginfo::{
    Contents, CopyOptions, InstallerItem, InstallerType, ItemBytes, Made, Metadata, OptionError,
    PkginfoError, PkginfoOptions, icon_of, installs_item, make_pkginfo,
};
pub use report::{Report, Severity};
pub use same_item::{SameItem, same_item};
pub use version::{compare_versions, split_name_and_version, trim_version};
