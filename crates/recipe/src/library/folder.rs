//! One folder of a search: its own recipes and those one level below.

use std::{
    collections::HashMap,
    ffi::OsString,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::files::Files;
use crate::file::{EXTENSIONS, strip_extension};

/// A file that may be a recipe, in the order in which `AutoPkg` would come across it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Candidate {
    /// 0 in the folder itself, 1 below it.
    level: u8,
    /// Index into [`EXTENSIONS`].
    extension: usize,
    folder: Vec<u8>,
    file: OsString,
    path: PathBuf,
}

/// The index of one folder.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    candidates: Vec<Candidate>,
    /// In order; more than one where files declare the same.
    identifiers: HashMap<String, Vec<usize>>,
    /// By name without extension; in order.
    names: HashMap<String, Vec<usize>>,
}

impl Folder {
    /// Lists the folder and reads every candidate's header. A folder that cannot be listed is empty, as it is to
    /// `AutoPkg`: search lists name folders that do not exist on every machine.
    pub(super) fn index(dir: &Path, files: &Files) -> Self {
        let mut folder = Self {
            dir: dir.to_owned(),
            candidates: list(dir),
            identifiers: HashMap::new(),
            names: HashMap::new(),
        };
        for (index, candidate) in folder.candidates.iter().enumerate() {
            let name = candidate.file.to_string_lossy();
            folder
                .names
                .entry(strip_extension(&name).to_owned())
                .or_default()
                .push(index);
            if let Some(identifier) = files
                .header(&candidate.path)
                .and_then(|header| header.identifier)
            {
                folder
                    .identifiers
                    .entry(identifier)
                    .or_default()
                    .push(index);
            }
        }
        folder
    }

    /// The first file with that identifier.
    pub(super) fn by_identifier(&self, identifier: &str) -> Option<PathBuf> {
        self.all_by_identifier(identifier).next()
    }

    /// Every file with that identifier, in order.
    pub(super) fn all_by_identifier(&self, identifier: &str) -> impl Iterator<Item = PathBuf> {
        let indices = self.identifiers.get(identifier).into_iter().flatten();
        indices
            .filter_map(|index| self.candidates.get(*index))
            .map(|candidate| candidate.path.clone())
    }

    /// The first valid recipe whose file is named so. The name may hold a path from the folder or from one below
    /// it, or `*`, `?` and `[…]`.
    pub(super) fn by_name(&self, name: &str, files: &Files) -> Option<PathBuf> {
        let name = strip_extension(name);
        let valid = |path: &PathBuf| files.header(path).is_some_and(|header| header.valid);
        if name.contains('/') {
            return self.below(name).into_iter().find(valid);
        }
        if name.contains(['*', '?', '[']) {
            let pattern = glob::Pattern::new(name).ok()?;
            return self
                .candidates
                .iter()
                .filter(|candidate| {
                    pattern.matches(strip_extension(&candidate.file.to_string_lossy()))
                })
                .map(|candidate| candidate.path.clone())
                .find(valid);
        }
        self.names
            .get(name)?
            .iter()
            .filter_map(|index| self.candidates.get(*index))
            .map(|candidate| candidate.path.clone())
            .find(valid)
    }

    fn below(&self, name: &str) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = sorted(&self.dir)
            .into_iter()
            .filter(|(name, path)| !name.as_bytes().starts_with(b".") && path.is_dir())
            .map(|(_, path)| path)
            .collect();
        folders.insert(0, self.dir.clone());
        let with_extensions = |folder: &PathBuf| {
            let folder = folder.clone();
            EXTENSIONS.map(move |extension| folder.join(format!("{name}{extension}")))
        };
        folders.iter().flat_map(with_extensions).collect()
    }

    /// The paths of all candidates, or only of those in the folder itself.
    pub(super) fn candidates(&self, top_level_only: bool) -> Vec<PathBuf> {
        self.candidates
            .iter()
            .filter(|candidate| !top_level_only || candidate.level == 0)
            .map(|candidate| candidate.path.clone())
            .collect()
    }
}

fn list(dir: &Path) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (name, path) in sorted(dir) {
        if name.as_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            let below = sorted(&path)
                .into_iter()
                .filter_map(|(file, path)| candidate(1, name.as_bytes(), file, path));
            candidates.extend(below);
        } else {
            candidates.extend(candidate(0, b"", name, path));
        }
    }
    candidates.sort();
    candidates
}

fn candidate(level: u8, folder: &[u8], file: OsString, path: PathBuf) -> Option<Candidate> {
    let bytes = file.as_bytes();
    // Only one of the three endings can match: each ends in another word.
    let extension = EXTENSIONS
        .iter()
        .position(|extension| bytes.ends_with(extension.as_bytes()))?;
    (!bytes.starts_with(b".")).then(|| Candidate {
        level,
        extension,
        folder: folder.to_owned(),
        file,
        path,
    })
}

fn sorted(dir: &Path) -> Vec<(OsString, PathBuf)> {
    let Ok(entries) = fs_err::read_dir(dir) else {
        return Vec::new();
    };
    let mut entries: Vec<_> = entries
        .flatten()
        .map(|entry| (entry.file_name(), entry.path()))
        .collect();
    entries.sort();
    entries
}
