//! The folder of the keys: private keys, every root there ever was, and how far the versions have come.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use evidence::{Keyring, PrivateKey};
use serde::{Deserialize, Serialize};
use tough::schema::RoleType;

use super::TufError;
use crate::{RepositoryError, write::PartFile};

/// The largest root that is read, in bytes.
pub(super) const LARGEST_ROOT: u64 = 1 << 20;

const ROOT: &str = "root";
const ROOTS: &str = "roots";
const VERSIONS: &str = "versions.json";

/// A role whose key is here, because it signs without anybody.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Online {
    /// Names the last targets.
    Snapshot,
    /// Names the files.
    Targets,
    /// Names the last snapshot.
    Timestamp,
}

impl Online {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Snapshot, Self::Targets, Self::Timestamp];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
            Self::Timestamp => "timestamp",
        }
    }

    pub(super) const fn role(self) -> RoleType {
        match self {
            Self::Snapshot => RoleType::Snapshot,
            Self::Targets => RoleType::Targets,
            Self::Timestamp => RoleType::Timestamp,
        }
    }
}

impl fmt::Display for Online {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Online {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or("it is none of `snapshot`, `targets` and `timestamp`")
    }
}

/// The last version of each role that was ever written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Versions {
    pub(super) targets: u64,
    pub(super) snapshot: u64,
    pub(super) timestamp: u64,
}

/// The folder of the keys.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    folder: PathBuf,
}

impl Keys {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The keys of a role that signs by itself.
    pub(super) fn online(&self, role: Online) -> Keyring {
        Keyring::named(&self.folder, role.as_str())
    }

    /// The keys of the root, of which none need be here.
    pub(super) fn root(&self) -> Keyring {
        Keyring::named(&self.folder, ROOT)
    }

    /// The keys of a root that are here: the present one, and the next one if a change was begun.
    pub(super) fn root_signers(&self) -> Result<Vec<PrivateKey>, TufError> {
        let keyring = self.root();
        let signers = [keyring.present()?, keyring.prepared()?];
        Ok(signers.into_iter().flatten().collect())
    }

    /// The last root, as it was taken: its version and its bytes.
    pub(super) fn last_root(&self) -> Result<Option<(u64, Vec<u8>)>, TufError> {
        let mut last = None;
        for version in 1.. {
            match read(&self.root_path(version))? {
                Some(bytes) => last = Some((version, bytes)),
                None => break,
            }
        }
        Ok(last)
    }

    /// The bytes of a root that was taken.
    pub(super) fn root_file(&self, version: u64) -> Result<Option<Vec<u8>>, TufError> {
        read(&self.root_path(version))
    }

    /// Keeps a root for ever.
    pub(super) fn keep_root(&self, version: u64, bytes: &[u8]) -> Result<(), TufError> {
        Ok(PartFile::of_bytes(&self.root_path(version), bytes)?.place()?)
    }

    fn root_path(&self, version: u64) -> PathBuf {
        self.folder.join(ROOTS).join(format!("{version}.root.json"))
    }

    /// How far the versions have come.
    pub(super) fn versions(&self) -> Result<Versions, TufError> {
        match read(&self.folder.join(VERSIONS))? {
            None => Ok(Versions::default()),
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| TufError::metadata(VERSIONS, &error))
            }
        }
    }

    /// Notes how far the versions have come, on the disk when this returns.
    pub(super) fn note(&self, versions: &Versions) -> Result<(), TufError> {
        let bytes =
            serde_json::to_vec(versions).map_err(|error| TufError::metadata(VERSIONS, &error))?;
        Ok(PartFile::of_bytes(&self.folder.join(VERSIONS), &bytes)?.replace()?)
    }
}

/// What the file holds, if it is there and no larger than anything that is written here.
fn read(path: &Path) -> Result<Option<Vec<u8>>, TufError> {
    let failed = |source| RepositoryError::io(path, source);
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > LARGEST_ROOT => {
            Err(failed(io::ErrorKind::FileTooLarge.into()).into())
        }
        Ok(_) => Ok(Some(fs::read(path).map_err(failed)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(source).into()),
    }
}
