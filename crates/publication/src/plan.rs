//! What a publication will do, decided before anything is changed.

use std::collections::HashSet;

use model::{ChangeSetId, Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Backend, ChangeSet, Kind, PublishError, Removal, Replacement, RepositoryError, StagedFile,
    catalogs::ICON_HASHES, trash,
};

/// What becomes of a file of a change set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// It is put in its place.
    Placed,
    /// It is there already, byte for byte.
    AlreadyThere,
    /// It is an icon, and another one is there, which stays: somebody may have chosen it.
    KeptOther,
    /// It takes the place of another.
    Replaced,
    /// It is removed.
    Removed,
    /// It was to be removed, and is not there.
    AlreadyGone,
}

/// What a publication will do; this is what the journal holds.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The shape of this structure.
    pub(crate) schema: u32,
    pub(crate) id: ChangeSetId,
    /// When it was made.
    #[serde(default)]
    pub(crate) at: Timestamp,
    /// In the order in which they are placed.
    pub(crate) files: Vec<Planned<StagedFile>>,
    /// In the order in which they are replaced.
    #[serde(default)]
    pub(crate) replacements: Vec<Planned<Replacement>>,
    /// In the order in which they are removed.
    #[serde(default)]
    pub(crate) removals: Vec<Planned<Removal>>,
    /// Folders of the repository that are made for them, outermost first.
    pub(crate) new_folders: Vec<String>,
    /// Whether an earlier publication of the same change set has kept something, which undoing this one must not
    /// forget.
    #[serde(default)]
    pub(crate) has_kept_before: bool,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Planned<T> {
    #[serde(flatten)]
    pub(crate) change: T,
    pub(crate) disposition: Disposition,
}

impl Plan {
    /// The newest shape. Older ones lack what has a default.
    pub(crate) const SCHEMA: u32 = 2;

    /// Decides what becomes of each file.
    pub(crate) fn make(
        repository: &dyn Backend,
        change_set: &ChangeSet,
        at: Timestamp,
    ) -> Result<Self, PublishError> {
        refuse_what_may_not_be(change_set)?;
        let mut new_folders = Vec::new();
        let mut files = Vec::new();
        for file in &change_set.files {
            new_folders.extend(repository.missing_folders(file.kind, &file.location)?);
            files.push(Planned {
                disposition: of_addition(repository, file)?,
                change: file.clone(),
            });
        }
        let mut replacements = Vec::new();
        for replacement in &change_set.replacements {
            replacements.push(Planned {
                disposition: of_replacement(repository, replacement)?,
                change: replacement.clone(),
            });
        }
        let mut removals = Vec::new();
        for removal in &change_set.removals {
            removals.push(Planned {
                disposition: of_removal(repository, removal)?,
                change: removal.clone(),
            });
        }
        files.sort_by_key(|planned| rank(planned.change.kind));
        replacements.sort_by_key(|planned| rank(planned.change.file.kind));
        removals.sort_by_key(|planned| removal_rank(planned.change.kind));
        new_folders.sort();
        new_folders.dedup();
        Ok(Self {
            schema: Self::SCHEMA,
            id: change_set.id,
            at,
            files,
            replacements,
            removals,
            new_folders,
            has_kept_before: trash::has_kept(repository, change_set.id)?,
        })
    }

    /// The files that are to be placed.
    pub(crate) fn to_place(&self) -> impl DoubleEndedIterator<Item = &StagedFile> {
        with(&self.files, Disposition::Placed)
    }

    /// What takes the place of something else.
    pub(crate) fn to_replace(&self) -> impl DoubleEndedIterator<Item = &Replacement> {
        with(&self.replacements, Disposition::Replaced)
    }

    /// What is to be removed.
    pub(crate) fn to_remove(&self) -> impl DoubleEndedIterator<Item = &Removal> {
        with(&self.removals, Disposition::Removed)
    }

    /// Everything that is to be kept before it is changed: kind, location, and what it is.
    pub(crate) fn to_keep(&self) -> impl Iterator<Item = (Kind, &str, Sha256)> {
        let replaced = self.to_replace();
        let replaced = replaced.map(|it| (it.file.kind, it.file.location.as_str(), it.was));
        let removed = self.to_remove();
        replaced.chain(removed.map(|it| (it.kind, it.location.as_str(), it.was)))
    }
}

fn with<T>(
    planned: &[Planned<T>],
    disposition: Disposition,
) -> impl DoubleEndedIterator<Item = &T> {
    planned
        .iter()
        .filter(move |planned| planned.disposition == disposition)
        .map(|planned| &planned.change)
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

/// What refers to others goes first.
const fn removal_rank(kind: Kind) -> u8 {
    match kind {
        Kind::Catalogs | Kind::Tuf => 0,
        Kind::Pkgsinfo => 1,
        Kind::Manifests => 2,
        Kind::Evidence => 3,
        Kind::ClientResources => 4,
        Kind::Icons => 5,
        Kind::Pkgs => 6,
    }
}

/// What is wrong with the change set, whatever is in the repository.
fn refuse_what_may_not_be(change_set: &ChangeSet) -> Result<(), PublishError> {
    let added = change_set.files.iter();
    let added = added.map(|file| (file.kind, &file.location));
    let replaced = change_set.replacements.iter();
    let replaced = replaced.map(|it| (it.file.kind, &it.file.location));
    let removed = change_set.removals.iter();
    let removed = removed.map(|removal| (removal.kind, &removal.location));
    let mut named = HashSet::new();
    for (kind, location) in added.chain(replaced).chain(removed) {
        refuse_what_is_made(kind, location)?;
        if !named.insert((kind, location)) {
            return Err(PublishError::NamedTwice {
                kind,
                location: location.clone(),
            });
        }
    }
    let mut replaced = change_set.replacements.iter();
    match replaced.find(|it| it.file.kind == Kind::Pkgs) {
        None => Ok(()),
        Some(replacement) => Err(location_error(
            Kind::Pkgs,
            &replacement.file.location,
            "a package never gets other bytes, since catalogs hold its digest; publish another one, and remove it",
        )
        .into()),
    }
}

fn refuse_what_is_made(kind: Kind, location: &str) -> Result<(), RepositoryError> {
    let is_made = matches!(kind, Kind::Catalogs | Kind::Tuf)
        || (kind == Kind::Icons && location == ICON_HASHES);
    if is_made {
        return Err(location_error(
            kind,
            location,
            "it is made from what is published, and cannot be staged",
        ));
    }
    if kind == Kind::Evidence && evidence::is_log(location) {
        return Err(location_error(
            kind,
            location,
            "it is the log of publications, which is only ever added to",
        ));
    }
    Ok(())
}

fn location_error(kind: Kind, location: &str, why: &'static str) -> RepositoryError {
    RepositoryError::Location {
        location: format!("{kind}/{location}"),
        why,
    }
}

fn of_addition(repository: &dyn Backend, file: &StagedFile) -> Result<Disposition, PublishError> {
    match repository.digest(file.kind, &file.location)? {
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

fn of_replacement(
    repository: &dyn Backend,
    replacement: &Replacement,
) -> Result<Disposition, PublishError> {
    let file = &replacement.file;
    match repository.digest(file.kind, &file.location)? {
        Some(found) if found == file.sha256 => Ok(Disposition::AlreadyThere),
        Some(found) if found == replacement.was => Ok(Disposition::Replaced),
        found => Err(PublishError::Changed {
            kind: file.kind,
            location: file.location.clone(),
            expected: replacement.was,
            found,
        }),
    }
}

fn of_removal(repository: &dyn Backend, removal: &Removal) -> Result<Disposition, PublishError> {
    match repository.digest(removal.kind, &removal.location)? {
        None => Ok(Disposition::AlreadyGone),
        Some(found) if found == removal.was => Ok(Disposition::Removed),
        found => Err(PublishError::Changed {
            kind: removal.kind,
            location: removal.location.clone(),
            expected: removal.was,
            found,
        }),
    }
}
