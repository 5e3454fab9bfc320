//! What lies in a folder, as far as recipes are concerned.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use crate::file::EXTENSIONS;

/// The folders in a folder, and what is named like a recipe, by name. Hidden ones are none.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Listing(pub(super) Vec<Entry>);

/// A name in a folder.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) is_folder: bool,
}

impl Listing {
    /// Reads a folder; one that cannot be read has nothing in it. Also answers whether it stays so for as long as the
    /// folder does not change: where a link leads may change without it.
    pub(super) fn read(dir: &Path) -> (Self, bool) {
        let Ok(found) = fs_err::read_dir(dir) else {
            return (Self::default(), false);
        };
        let (mut entries, mut stays) = (Vec::new(), true);
        for entry in found {
            let Ok(entry) = entry else {
                stays = false;
                continue;
            };
            let name = entry.file_name();
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            let is_folder = match entry.file_type() {
                Ok(kind) if !kind.is_symlink() => kind.is_dir(),
                _ => {
                    stays = false;
                    entry.path().is_dir()
                }
            };
            if is_folder || extension(&name).is_some() {
                entries.push(Entry { name, is_folder });
            }
        }
        entries.sort();
        (Self(entries), stays)
    }

    /// Where `name` stands in it.
    pub(super) fn position(&self, name: &OsStr) -> Option<usize> {
        let found = self
            .0
            .binary_search_by(|entry| entry.name.as_os_str().cmp(name));
        found.ok()
    }
}

/// Which of the endings of recipes `name` has. Only one of them can match: each ends in another word.
pub(super) fn extension(name: &OsStr) -> Option<usize> {
    EXTENSIONS
        .iter()
        .position(|extension| name.as_bytes().ends_with(extension.as_bytes()))
}
