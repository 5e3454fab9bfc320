//! What is to be changed in the repository.

use std::{fs, path::PathBuf};

use model::{ChangeSetId, Sha256};
use proplist::{Dict, Value};
use serde::{Deserialize, Serialize};

use crate::{Kind, RepositoryError};

/// What is to be changed in the repository; small enough to wait in a database while the bytes wait in the run's
/// workspace.
///
/// A location is in one of the lists only.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// Its name, and that of its publication.
    pub id: ChangeSetId,
    /// What is to be added.
    pub files: Vec<StagedFile>,
    /// What is to get other bytes.
    #[serde(default)]
    pub replacements: Vec<Replacement>,
    /// What is to go.
    #[serde(default)]
    pub removals: Vec<Removal>,
}

/// Other bytes for something that is there. Refused if what is there is not what it was.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Replacement {
    /// What is to be there. Packages are never replaced.
    pub file: StagedFile,
    /// The digest of what is there when the change set is made.
    pub was: Sha256,
}

/// Something that is to go. Refused if what is there is not what it was.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// Of what kind it is.
    pub kind: Kind,
    /// Where it is, relative to the folder of its kind.
    pub location: String,
    /// The digest of what is there when the change set is made.
    pub was: Sha256,
}

/// One file that is to be added to the repository.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Of what kind it is: a package, an icon or a pkginfo.
    pub kind: Kind,
    /// Where it goes, relative to the folder of its kind.
    pub location: String,
    /// Where its bytes are until then.
    pub source: PathBuf,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// How many bytes it has.
    pub len_bytes: u64,
}

impl ChangeSet {
    /// A change set that changes nothing yet.
    pub const fn new(id: ChangeSetId) -> Self {
        Self {
            id,
            files: Vec::new(),
            replacements: Vec::new(),
            removals: Vec::new(),
        }
    }

    /// Whether there is nothing to change.
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty() && self.replacements.is_empty() && self.removals.is_empty()
    }

    /// The items that are to be added, as their staged pkginfos say.
    ///
    /// # Errors
    /// If a staged pkginfo cannot be read or is none.
    pub fn items(&self) -> Result<Vec<StagedItem>, RepositoryError> {
        self.of_kind(Kind::Pkgsinfo)
            .map(|file| self.item(file))
            .collect()
    }

    fn item(&self, file: &StagedFile) -> Result<StagedItem, RepositoryError> {
        let bytes =
            fs::read(&file.source).map_err(|error| RepositoryError::io(&file.source, error))?;
        let pkginfo = pkginfo(&file.location, &bytes)?;
        let no_pkginfo = |why: &str| no_pkginfo(&file.location, why);
        let text = |key: &str| pkginfo.get(key).and_then(Value::as_str).map(str::to_owned);
        Ok(StagedItem {
            name: text("name").ok_or_else(|| no_pkginfo("it has no `name`"))?,
            version: text("version").ok_or_else(|| no_pkginfo("it has no `version`"))?,
            pkginfo: file.location.clone(),
            sha256: self.installer_digest(&pkginfo),
        })
    }

    /// The digest of the installer item: of the staged one, else what the pkginfo says of one that is there.
    fn installer_digest(&self, pkginfo: &Dict) -> Option<Sha256> {
        let location = pkginfo
            .get("installer_item_location")
            .and_then(Value::as_str)?;
        let staged = self
            .of_kind(Kind::Pkgs)
            .find(|file| file.location == location);
        let as_written = || pkginfo.get("installer_item_hash")?.as_str()?.parse().ok();
        staged.map(|file| file.sha256).or_else(as_written)
    }

    /// The files of one kind that are to be added.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &StagedFile> {
        self.files.iter().filter(move |file| file.kind == kind)
    }
}

/// The pkginfo in `bytes`, which goes to `location`.
///
/// # Errors
/// If it is none.
pub(crate) fn pkginfo(location: &str, bytes: &[u8]) -> Result<Dict, RepositoryError> {
    match proplist::from_bytes(bytes) {
        Ok(Value::Dict(pkginfo)) => Ok(pkginfo),
        Ok(_) => Err(no_pkginfo(location, "it holds no dictionary")),
        Err(error) => Err(no_pkginfo(location, &error.to_string())),
    }
}

pub(crate) fn no_pkginfo(location: &str, why: &str) -> RepositoryError {
    RepositoryError::NoPkginfo {
        location: location.to_owned(),
        why: why.to_owned(),
    }
}

/// An item that is to be added, as its pkginfo says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StagedItem {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where its pkginfo goes, relative to `pkgsinfo/`.
    pub pkginfo: String,
    /// The digest of its installer item, if it has one.
    pub sha256: Option<Sha256>,
}
