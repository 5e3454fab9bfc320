//! What is in a repository that is a folder.

use std::{
    fs::{self, DirEntry, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::FolderRepository;
use crate::{Kind, RepositoryError, Stamp};

/// A location, and how what is there looks, if that was asked for and can be told.
pub(super) type Found = (String, Option<Stamp>);

/// What is asked for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Wanted {
    Names,
    Stamps,
}

/// A folder that is being listed, and those it was reached through.
struct Folder<'a> {
    path: PathBuf,
    real: PathBuf,
    location: &'a str,
    above: Option<&'a Self>,
}

impl Folder<'_> {
    /// Whether a link led back to a folder that is being listed already.
    fn is_loop(&self) -> bool {
        let mut above = self.above;
        while let Some(folder) = above {
            if folder.real == self.real {
                return true;
            }
            above = folder.above;
        }
        false
    }

    fn location_of(&self, name: String) -> String {
        match self.location {
            "" => name,
            above => format!("{above}/{name}"),
        }
    }
}

/// Everything of a kind: in each folder first its files, then its folders, both by bytes.
pub(super) fn list(
    repository: &FolderRepository,
    kind: Kind,
    wanted: Wanted,
) -> Result<Vec<Found>, RepositoryError> {
    let path = repository.root().join(kind.as_str());
    let top = Folder {
        real: fs::canonicalize(&path).unwrap_or_else(|_| path.clone()),
        path,
        location: "",
        above: None,
    };
    if !top.real.starts_with(repository.root()) {
        return Err(RepositoryError::Escapes { path: top.path });
    }
    let mut found = Vec::new();
    list_folder(repository, &top, wanted, &mut found)?;
    Ok(found)
}

fn list_folder(
    repository: &FolderRepository,
    folder: &Folder<'_>,
    wanted: Wanted,
    found: &mut Vec<Found>,
) -> Result<(), RepositoryError> {
    let failed = |source| RepositoryError::io(&folder.path, source);
    let entries = match fs::read_dir(&folder.path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
    };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let (is_folder, stamp) = look_at(&entry, wanted);
        if is_folder {
            folders.push((name, entry.path()));
        } else {
            files.push((name, stamp));
        }
    }
    files.sort_by(|(left, _), (right, _)| left.cmp(right));
    folders.sort();
    found.extend(
        files
            .into_iter()
            .map(|(name, stamp)| (folder.location_of(name), stamp)),
    );
    for (name, path) in folders {
        let location = folder.location_of(name);
        let inner = enter(repository, folder, &path, &location)?;
        if !inner.is_loop() {
            list_folder(repository, &inner, wanted, found)?;
        }
    }
    Ok(())
}

/// Whether it is a folder, and how it looks if it is not.
fn look_at(entry: &DirEntry, wanted: Wanted) -> (bool, Option<Stamp>) {
    let behind_links = match entry.file_type() {
        Ok(kind) if kind.is_dir() => return (true, None),
        Ok(kind) if !kind.is_symlink() => {
            let metadata = (wanted == Wanted::Stamps).then(|| entry.metadata().ok());
            return (false, metadata.flatten().as_ref().and_then(stamp_of));
        }
        _ => fs::metadata(entry.path()),
    };
    match behind_links {
        Ok(metadata) if metadata.is_dir() => (true, None),
        Ok(metadata) if wanted == Wanted::Stamps => (false, stamp_of(&metadata)),
        _ => (false, None),
    }
}

fn enter<'a>(
    repository: &FolderRepository,
    above: &'a Folder<'a>,
    path: &Path,
    location: &'a str,
) -> Result<Folder<'a>, RepositoryError> {
    let real = fs::canonicalize(path).map_err(|source| RepositoryError::io(path, source))?;
    if !real.starts_with(repository.root()) {
        return Err(RepositoryError::Escapes {
            path: path.to_owned(),
        });
    }
    Ok(Folder {
        path: path.to_owned(),
        real,
        location,
        above: Some(above),
    })
}

/// How the file at the end of all links looks.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    stamp_of(&fs::metadata(path).ok()?)
}

pub(super) fn stamp_of(metadata: &Metadata) -> Option<Stamp> {
    let nanoseconds =
        |seconds: i64, rest: i64| seconds.checked_mul(1_000_000_000)?.checked_add(rest);
    Some(Stamp {
        len_bytes: metadata.len(),
        modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec())?,
        changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec())?,
        file: metadata.ino(),
        device: metadata.dev(),
    })
}
