//! One folder of a search: its own recipes and those one level below.

use std::{
    collections::HashMap,
    ffi::OsString,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{
    files::{Files, Header},
    listing::{Entry, extension},
};
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
    /// What each of them says, where it can be read.
    headers: Vec<Option<Header>>,
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
            candidates: list(dir, files),
            headers: Vec::new(),
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
            let header = files.header(&candidate.path);
            if let Some(identifier) = header.as_ref().and_then(|it| it.identifier.as_ref()) {
                let same = folder.identifiers.entry(identifier.clone());
                same.or_default().push(index);
            }
            folder.headers.push(header);
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
        let valid = |path: &PathBuf| files.header(path).is_some_and(|header| header.is_valid);
        if name.contains('/') {
            return self.below(name, files).into_iter().find(valid);
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

    fn below(&self, name: &str, files: &Files) -> Vec<PathBuf> {
        let listing = files.listing(&self.dir);
        let mut folders: Vec<PathBuf> = listing
            .0
            .iter()
            .filter(|entry| entry.is_folder)
            .map(|entry| self.dir.join(&entry.name))
            .collect();
        folders.insert(0, self.dir.clone());
        let with_extensions = |folder: &PathBuf| {
            let folder = folder.clone();
            EXTENSIONS.map(move |extension| folder.join(format!("{name}{extension}")))
        };
        folders.iter().flat_map(with_extensions).collect()
    }

    /// The paths of all candidates, or only of those in the folder itself, and what they say, where they can be read.
    pub(super) fn candidates(
        &self,
        top_level_only: bool,
    ) -> impl Iterator<Item = (&Path, Option<&Header>)> {
        let candidates = self.candidates.iter().zip(&self.headers);
        candidates
            .filter(move |(candidate, _)| !top_level_only || candidate.level == 0)
            .map(|(candidate, header)| (&*candidate.path, header.as_ref()))
    }
}

fn list(dir: &Path, files: &Files) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for entry in &files.listing(dir).0 {
        let path = dir.join(&entry.name);
        if entry.is_folder {
            let below = files.listing(&path);
            let folder = Some(entry.name.as_bytes());
            let below = below.0.iter();
            candidates
                .extend(below.filter_map(|entry| candidate(folder, entry, path.join(&entry.name))));
        } else {
            candidates.extend(candidate(None, entry, path));
        }
    }
    candidates.sort();
    candidates
}

/// What is named like a recipe, in `folder` or at the top.
fn candidate(folder: Option<&[u8]>, entry: &Entry, path: PathBuf) -> Option<Candidate> {
    Some(Candidate {
        level: u8::from(folder.is_some()),
        extension: extension(&entry.name)?,
        folder: folder.unwrap_or_default().to_owned(),
        file: entry.name.clone(),
        path,
    })
}
