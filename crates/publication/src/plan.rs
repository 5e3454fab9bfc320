//! What a publication will do, decided before anything is changed.

use std::fs::File;

use model::{ChangeSetId, Sha256};
use serde::{Deserialize, Serialize};

use crate::{
    ChangeSet, FolderRepository, Kind, PublishError, RepositoryError, StagedFile,
    catalogs::ICON_HASHES,
};

/// What becomes of a staged file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// It is put in its place.
    Placed,
    /// It is there already, byte for byte.
    AlreadyThere,
    /// It is an icon, and another one is there, which stays: somebody may have chosen it.
    KeptOther,
}

/// What a publication will do; this is what the journal holds.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The shape of this structure.
    pub(crate) schema: u32,
    pub(crate) id: ChangeSetId,
    /// In the order in which they are placed.
    pub(crate) files: Vec<Planned>,
    /// Folders of the repository that are made for them, outermost first.
    pub(crate) new_folders: Vec<String>,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Planned {
    #[serde(flatten)]
    pub(crate) file: StagedFile,
    pub(crate) disposition: Disposition,
}

impl Plan {
    const SCHEMA: u32 = 1;

    /// Decides what becomes of each file.
    pub(crate) fn make(
        repository: &FolderRepository,
        change_set: &ChangeSet,
    ) -> Result<Self, PublishError> {
        let mut files = Vec::new();
        let mut new_folders = Vec::new();
        for file in &change_set.files {
            may_be_staged(file)?;
            note_new_folders(repository, file, &mut new_folders)?;
            files.push(Planned {
                disposition: disposition(repository, file)?,
                file: file.clone(),
            });
        }
        files.sort_by_key(|planned| rank(planned.file.kind));
        new_folders.sort();
        new_folders.dedup();
        Ok(Self {
            schema: Self::SCHEMA,
            id: change_set.id,
            files,
            new_folders,
        })
    }

    /// The files that are to be placed.
    pub(crate) fn to_place(&self) -> impl DoubleEndedIterator<Item = &StagedFile> {
        self.files
            .iter()
            .filter(|planned| planned.disposition == Disposition::Placed)
            .map(|planned| &planned.file)
    }
}

/// What others refer to comes first: a pkginfo names its package and its icon, and evidence speaks of both; no catalog
/// names an item before there is evidence of it.
const fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Pkgs => 0,
        Kind::Icons => 1,
        Kind::ClientResources => 2,
        Kind::Evidence => 3,
        Kind::Pkgsinfo => 4,
        Kind::Catalogs => 5,
        Kind::Manifests => 6,
        Kind::Tuf => 7,
    }
}

fn may_be_staged(file: &StagedFile) -> Result<(), RepositoryError> {
    let is_made = matches!(file.kind, Kind::Catalogs | Kind::Tuf)
        || (file.kind == Kind::Icons && file.location == ICON_HASHES);
    if is_made {
        return Err(RepositoryError::Location {
            location: format!("{}/{}", file.kind, file.location),
            why: "it is made from what is published, and cannot be staged",
        });
    }
    Ok(())
}

fn note_new_folders(
    repository: &FolderRepository,
    file: &StagedFile,
    new_folders: &mut Vec<String>,
) -> Result<(), RepositoryError> {
    repository.resolve(file.kind, &file.location)?;
    let path = format!("{}/{}", file.kind, file.location);
    let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
    new_folders.extend(
        above
            .filter(|folder| !repository.root().join(folder).exists())
            .map(str::to_owned),
    );
    Ok(())
}

fn disposition(
    repository: &FolderRepository,
    file: &StagedFile,
) -> Result<Disposition, PublishError> {
    match digest_there(repository, file)? {
        None => Ok(Disposition::Placed),
        Some(found) if found == file.sha256 => Ok(Disposition::AlreadyThere),
        Some(_) if file.kind == Kind::Icons => Ok(Disposition::KeptOther),
        Some(found) => Err(PublishError::Occupied {
            kind: file.kind,
            location: file.location.clone(),
            expected: file.sha256,
            found,
        }),
    }
}

/// The digest of what is at the file's place, if something is.
pub(crate) fn digest_there(
    repository: &FolderRepository,
    file: &StagedFile,
) -> Result<Option<Sha256>, RepositoryError> {
    let digest = |mut there: File| Sha256::of_reader(&mut there).map(|(digest, _)| digest);
    repository
        .open_file(file.kind, &file.location)?
        .map(digest)
        .transpose()
        .map_err(|source| {
            RepositoryError::io(
                &repository
                    .root()
                    .join(file.kind.as_str())
                    .join(&file.location),
                source,
            )
        })
}
