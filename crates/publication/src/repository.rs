//! What a Munki repository is.

use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::RepositoryError;

/// The kinds of things in a Munki repository; each has a folder of its name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What clients may choose from.
    Catalogs,
    /// What Managed Software Center shows besides.
    ClientResources,
    /// Signed statements of what was checked; Munki knows nothing of it.
    Evidence,
    /// Pictures, and the list of their digests.
    Icons,
    /// What clients are to have.
    Manifests,
    /// Installer items.
    Pkgs,
    /// What administrators know of installer items.
    Pkgsinfo,
    /// What tells clients which catalogs are the last ones; Munki knows nothing of it.
    Tuf,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Catalogs,
        Self::ClientResources,
        Self::Evidence,
        Self::Icons,
        Self::Manifests,
        Self::Pkgs,
        Self::Pkgsinfo,
        Self::Tuf,
    ];

    /// The name of its folder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Catalogs => "catalogs",
            Self::ClientResources => "client_resources",
            Self::Evidence => "evidence",
            Self::Icons => "icons",
            Self::Manifests => "manifests",
            Self::Pkgs => "pkgs",
            Self::Pkgsinfo => "pkgsinfo",
            Self::Tuf => "tuf",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A Munki repository, as Munki's own plug-ins see it.
///
/// A location is relative to the folder of its kind, with `/` between names, none of which is empty or begins with
/// a full stop.
pub trait Repository: fmt::Debug + Send + Sync {
    /// The locations of everything of a kind, each folder's files before its folders, both by bytes; none if there
    /// is no such folder. What begins with a full stop is left out.
    ///
    /// # Errors
    /// If the repository cannot be read.
    fn list(&self, kind: Kind) -> Result<Vec<String>, RepositoryError>;

    /// What is there, from front to back.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`], or if it cannot be read.
    fn open(&self, kind: Kind, location: &str) -> Result<Box<dyn Read + Send>, RepositoryError>;

    /// Writes `contents`, replacing what is there, all at once.
    ///
    /// # Errors
    /// If it cannot be written.
    fn put(&self, kind: Kind, location: &str, contents: &[u8]) -> Result<(), RepositoryError>;

    /// Writes what the file at `from` holds, replacing what is there, all at once.
    ///
    /// # Errors
    /// If it cannot be read or written.
    fn put_file(&self, kind: Kind, location: &str, from: &Path) -> Result<(), RepositoryError>;

    /// Removes what is there.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`], or if it cannot be removed.
    fn delete(&self, kind: Kind, location: &str) -> Result<(), RepositoryError>;

    /// The file of the host that is behind a location, whether it is there or not; none if no folder is behind the
    /// repository.
    fn path_for(&self, kind: Kind, location: &str) -> Option<PathBuf>;

    /// All that is there.
    ///
    /// # Errors
    /// As [`Repository::open`].
    fn get(&self, kind: Kind, location: &str) -> Result<Vec<u8>, RepositoryError> {
        let mut contents = Vec::new();
        self.open(kind, location)?
            .read_to_end(&mut contents)
            .map_err(|source| {
                RepositoryError::io(&Path::new(kind.as_str()).join(location), source)
            })?;
        Ok(contents)
    }
}

/// The location, if it stays below the folder of its kind and is seen by those who list it.
pub(crate) fn checked(location: &str) -> Result<&str, RepositoryError> {
    let why = match location {
        "" => "it is empty",
        text if text.chars().any(char::is_control) => "it holds a control character",
        text if text.split('/').any(str::is_empty) => {
            "it begins or ends with a slash, or has two in a row"
        }
        text if text.split('/').any(|name| name.starts_with('.')) => {
            "a name in it begins with a full stop"
        }
        _ => return Ok(location),
    };
    Err(RepositoryError::Location {
        location: location.escape_debug().to_string(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_stays_where_it_belongs() {
        for location in ["Foo.pkg", "apps/Foo 1.0.dmg", "a/b/ü"] {
            checked(location).unwrap();
        }
        for location in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "a/",
            "..",
            "a/../b",
            ".hidden",
            "a/.b",
            "a\0b",
        ] {
            assert!(checked(location).is_err(), "{location}");
        }
    }
}
