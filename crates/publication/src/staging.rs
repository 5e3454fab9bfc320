//! The repository as it is, and what a run wants to add to it.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{ChangeSetId, Sha256};
use munki::listing_order;
use proplist::{Dict, KeyOrder, Value, to_xml};

use crate::{
    ChangeSet, Kind, Repository, RepositoryError, StagedFile,
    change_set::{no_pkginfo, pkginfo},
    repository::checked,
    write,
};

/// Where staged files wait, in the run's workspace: `.staged/pkgs/apps/Foo-1.0.dmg`.
const FOLDER: &str = ".staged";

/// What of a staged pkginfo nobody may edit any more: which item it is of, and which bytes.
const NAMES_THE_ITEM: [&str; 6] = [
    "name",
    "version",
    "installer_item_location",
    "installer_item_hash",
    "uninstaller_item_location",
    "uninstaller_item_hash",
];

/// A pkginfo that is longer than this was not edited by anybody who meant well.
const LONGEST_PKGINFO_BYTES: u64 = 64 << 20;

/// The repository as it is, to be read, and the change set that a run stages.
///
/// Steps of one run share it; nothing here touches the repository.
#[derive(Debug)]
pub struct Staging {
    repository: Arc<dyn Repository>,
    folder: PathBuf,
    files: Mutex<Vec<StagedFile>>,
    /// The pkginfos among them, by location, as they were staged.
    pkginfos: Mutex<HashMap<String, Dict>>,
}

impl Staging {
    /// Nothing staged yet, for a run with this workspace.
    pub fn new(repository: Arc<dyn Repository>, workspace: &Path) -> Self {
        Self {
            repository,
            folder: workspace.join(FOLDER),
            files: Mutex::default(),
            pkginfos: Mutex::default(),
        }
    }

    /// Forgets everything, and removes what an earlier run left staged in the same workspace.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn clear(&self) -> Result<(), RepositoryError> {
        self.files().clear();
        self.pkginfos().clear();
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RepositoryError::io(&self.folder, error))
            }
            _ => Ok(()),
        }
    }

    /// The repository as it is.
    pub fn repository(&self) -> &dyn Repository {
        &*self.repository
    }

    /// What is in the repository and what is staged, in the order of [`Repository::list`].
    ///
    /// # Errors
    /// As [`Repository::list`].
    pub fn list(&self, kind: Kind) -> Result<Vec<String>, RepositoryError> {
        let mut locations = self.repository.list(kind)?;
        let files = self.files();
        locations.extend(
            files
                .iter()
                .filter(|file| file.kind == kind)
                .map(|file| file.location.clone()),
        );
        locations.sort_by(|left, right| listing_order(left, right));
        locations.dedup();
        Ok(locations)
    }

    /// Stages the file at `source`, which stays where it is; answers where it waits.
    ///
    /// # Errors
    /// If the location is none, or the file cannot be read.
    pub fn stage_file(
        &self,
        kind: Kind,
        location: &str,
        source: &Path,
    ) -> Result<PathBuf, RepositoryError> {
        let failed = |error| RepositoryError::io(source, error);
        let mut file = File::open(source).map_err(failed)?;
        let (sha256, _) = Sha256::of_reader(&mut file).map_err(failed)?;
        self.stage_hashed_file(kind, location, source, sha256)
    }

    /// Stages the file at `source`, whose digest is known; answers where it waits. It is not read: should the
    /// digest be wrong, publishing will say so.
    ///
    /// # Errors
    /// If the location is none, or the file cannot be linked or copied into the workspace.
    pub fn stage_hashed_file(
        &self,
        kind: Kind,
        location: &str,
        source: &Path,
        sha256: Sha256,
    ) -> Result<PathBuf, RepositoryError> {
        let waits = self.place(kind, location)?;
        fs::hard_link(source, &waits)
            .or_else(|_| fs::copy(source, &waits).map(|_| ()))
            .map_err(|error| RepositoryError::io(source, error))?;
        self.note(kind, location, &waits, sha256)
    }

    /// Stages `contents`; answers where they wait.
    ///
    /// # Errors
    /// If the location is none, or they cannot be written to the workspace.
    pub fn stage_bytes(
        &self,
        kind: Kind,
        location: &str,
        contents: &[u8],
    ) -> Result<PathBuf, RepositoryError> {
        let waits = self.place(kind, location)?;
        fs::write(&waits, contents).map_err(|error| RepositoryError::io(&waits, error))?;
        self.note(kind, location, &waits, Sha256::of(contents))
    }

    /// Stages a pkginfo, written as Munki writes it; answers where it waits.
    ///
    /// # Errors
    /// As [`Staging::stage_bytes`], or if it holds what no property list can.
    pub fn stage_pkginfo(
        &self,
        location: &str,
        pkginfo: &Dict,
    ) -> Result<PathBuf, RepositoryError> {
        let text = to_xml(&Value::Dict(pkginfo.clone()), KeyOrder::Sorted).map_err(|source| {
            RepositoryError::Plist {
                kind: Kind::Pkgsinfo,
                location: location.to_owned(),
                source,
            }
        })?;
        let waits = self.stage_bytes(Kind::Pkgsinfo, location, text.as_bytes())?;
        self.pkginfos().insert(location.to_owned(), pkginfo.clone());
        Ok(waits)
    }

    /// Stages each pkginfo anew that somebody edited where it waits; answers where they go.
    ///
    /// Processors of recipe repositories do so with what `MunkiImporter` says it has written.
    ///
    /// # Errors
    /// If one cannot be read, is no pkginfo any more, or is one of another item.
    pub fn stage_edited_pkginfos(&self) -> Result<Vec<String>, RepositoryError> {
        let (files, staged) = (self.files().clone(), self.pkginfos().clone());
        let mut edited = Vec::new();
        for file in files {
            let Some(before) = staged.get(&file.location) else {
                continue;
            };
            if file.kind == Kind::Pkgsinfo
                && let Some(pkginfo) = edited_pkginfo(&file, before)?
            {
                self.stage_pkginfo(&file.location, &pkginfo)?;
                edited.push(file.location);
            }
        }
        Ok(edited)
    }

    /// Where a staged file waits, if it is staged.
    pub fn staged_path(&self, kind: Kind, location: &str) -> Option<PathBuf> {
        self.files()
            .iter()
            .find(|file| file.kind == kind && file.location == location)
            .map(|file| file.source.clone())
    }

    /// Whether nothing is staged.
    pub fn is_empty(&self) -> bool {
        self.files().is_empty()
    }

    /// What was staged, under a new name; nothing is staged afterwards.
    pub fn take(&self) -> ChangeSet {
        let mut change_set = ChangeSet::new(ChangeSetId::new());
        change_set.files = std::mem::take(&mut *self.files());
        self.pkginfos().clear();
        change_set
    }

    /// A place for what will wait for `location`; what was staged there before is gone.
    fn place(&self, kind: Kind, location: &str) -> Result<PathBuf, RepositoryError> {
        let waits = self.folder.join(kind.as_str()).join(checked(location)?);
        write::create_folders(waits.parent().unwrap_or(&self.folder))?;
        match fs::remove_file(&waits) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RepositoryError::io(&waits, error))
            }
            _ => Ok(waits),
        }
    }

    fn note(
        &self,
        kind: Kind,
        location: &str,
        waits: &Path,
        sha256: Sha256,
    ) -> Result<PathBuf, RepositoryError> {
        let metadata = fs::metadata(waits).map_err(|error| RepositoryError::io(waits, error))?;
        let mut files = self.files();
        files.retain(|file| file.kind != kind || file.location != location);
        files.push(StagedFile {
            kind,
            location: location.to_owned(),
            source: waits.to_owned(),
            sha256,
            len_bytes: metadata.len(),
        });
        Ok(waits.to_owned())
    }

    /// The list is whole after each change, so what a panicking step left is as good as any.
    fn files(&self) -> MutexGuard<'_, Vec<StagedFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pkginfos(&self) -> MutexGuard<'_, HashMap<String, Dict>> {
        self.pkginfos.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a staged pkginfo holds now, if that is not what it held `before`.
fn edited_pkginfo(file: &StagedFile, before: &Dict) -> Result<Option<Dict>, RepositoryError> {
    let failed = |error| RepositoryError::io(&file.source, error);
    let found = fs::symlink_metadata(&file.source).map_err(failed)?;
    // Whatever else is there may lead anywhere, or never end.
    if !found.is_file() || found.len() > LONGEST_PKGINFO_BYTES {
        let why = "what was put in its place is no file of a usual length";
        return Err(no_pkginfo(&file.location, why));
    }
    let bytes = fs::read(&file.source).map_err(failed)?;
    if Sha256::of(&bytes) == file.sha256 {
        return Ok(None);
    }
    let now = pkginfo(&file.location, &bytes)?;
    match NAMES_THE_ITEM
        .iter()
        .find(|key| now.get(**key) != before.get(**key))
    {
        Some(key) => Err(no_pkginfo(
            &file.location,
            &format!("`{key}` was edited after the item was imported"),
        )),
        None => Ok(Some(now)),
    }
}
