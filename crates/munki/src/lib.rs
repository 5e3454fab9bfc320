//! pkginfo, version order and catalogs, as Munki's own tools make them.
//!
//! - **pkginfo**: [`make_pkginfo`] looks at an installer item (an application in a disk image, a flat package, a profile,
//!   or nothing but scripts) and describes it as `makepkginfo` does, key for key; [`icon_of`] takes the icon out of it.
//! - **Catalogs**: [`CatalogBuilder`] is given every pkginfo of a repository and makes the catalogs that `makecatalogs`
//!   makes, byte for byte, with its warnings and errors in a [`Report`].
//! - **Versions**: [`compare_versions`] orders as Munki orders, which 6 and 7 do differently for some.
//! - **Same items**: [`same_item`] finds what a new item is the same as, by `MunkiImporter`'s rules in their order, and [`same_release`]
//!   by those of Munki's author.
//!
//! ```
//! use std::cmp::Ordering;
//!
//! use munki::{Compat, compare_versions};
//!
//! assert_eq!(compare_versions(Compat::Munki7, "1.10", "1.9"), Ordering::Greater);
//! ```
//!
//! [`Compat`] says which Munki is meant wherever two of them differ: 7 is the reference, 6 where it is asked for.
//!
//! **Invariants:** reads media and writes nothing; the same input gives the same bytes; what is wrong with one pkginfo is
//! told, and keeps no other from its catalog; Munki 7's own faults (dates written as strings) are not copied.
//!
//! **Sources:** Munki 7.0 (Swift) and 6.7 (Python), `plistlib` of `CPython`; `docs/compatibility.md` lists the differences
//! that were decided.
#![forbid(unsafe_code)]

mod batch;
mod catalogs;
mod compat;
mod head;
mod listing;
mod pieces;
mod pkginfo;
mod plain;
mod plistlib;
mod report;
mod same_item;
mod same_release;
mod version;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Opened};
pub use catalogs::{CatalogBuilder, CatalogOptions, icon_hashes, is_catalog_name};
pub use compat::{Compat, UnknownCompat};
pub use head::Head;
pub use listing::listing_order;
pub use pieces::{Catalogs, Listed};
pub use pkginfo::{
    Contents, CopyOptions, InstallerItem, InstallerType, ItemBytes, Made, Metadata, OptionError,
    PkginfoError, PkginfoOptions, icon_of, installs_item, make_pkginfo,
};
pub use report::{Report, Severity};
pub use same_item::{SameItem, same_item};
pub use same_release::same_release;
pub use version::{compare_versions, is_ordered_alike, split_name_and_version, trim_version};
