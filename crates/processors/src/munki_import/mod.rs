//! How `MunkiImporter` decides whether an item is in the repository already, and where it goes.
//!
//! # Source
//! AutoPkg's `MunkiImporter.py` and `munkirepolibs/AutoPkgLib.py`.

mod location;
mod matching;

pub(crate) use location::{free_location, item_location, pkginfo_location};
pub(crate) use matching::find_match;
