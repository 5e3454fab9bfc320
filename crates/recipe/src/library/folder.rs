//! One folder of a search: its own recipes and those one level below.

use std::{
    borrow::Cow,
    cmp::Ordering,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    files::{Files, Header},
    listing::{Listing, extension},
};
use crate::file::{EXTENSIONS, strip_extension};

/// A file that may be a recipe, in the order in which `AutoPkg` would come across it.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Candidate {
    /// 0 in the folder itself, 1 below it.
    level: u8,
    /// Index into [`EXTENSIONS`].
    extension: usize,
    folder: Arc<[u8]>,
    file: OsString,
    path: PathBuf,
}

impl Candidate {
    /// Without extension.
    fn name(&self) -> Cow<'_, str> {
        match self.file.to_string_lossy() {
            Cow::Borrowed(name) => Cow::Borrowed(strip_extension(name)),
            Cow::Owned(name) => Cow::Owned(strip_extension(&name).to_owned()),
        }
    }
}

/// The index of one folder.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    /// In order, and what each of them says, where it can be read.
    candidates: Vec<(Candidate, Option<Arc<Header>>)>,
    /// Those that declare an identifier, by that; in order where it is the same.
    identifiers: Vec<usize>,
    /// By name without extension; in order where it is the same.
    names: Vec<usize>,
}

impl Folder {
    /// Lists the folder and reads every candidate's header. A folder that cannot be listed is empty, as it is to
    /// `AutoPkg`: search lists name folders that do not exist on every machine.
    pub(super) fn index(dir: &Path, files: &Files) -> Self {
        let folder = Self {
            dir: dir.to_owned(),
            candidates: list(dir, files),
            identifiers: Vec::new(),
            names: Vec::new(),
        };
        let all = 0..folder.candidates.len();
        let mut names: Vec<usize> = all.clone().collect();
        names.sort_by_cached_key(|index| folder.name(*index));
        let mut identifiers: Vec<usize> = all
            .filter(|index| folder.identifier(*index).is_some())
            .collect();
        identifiers.sort_by_key(|index| folder.identifier(*index));
        Self {
            identifiers,
            names,
            ..folder
        }
    }

    fn name(&self, index: usize) -> Cow<'_, str> {
        let found = self.candidates.get(index);
        found.map(|(it, _)| it.name()).unwrap_or_default()
    }

    fn identifier(&self, index: usize) -> Option<&str> {
        let (_, header) = self.candidates.get(index)?;
        header.as_ref()?.identifier.as_deref()
    }

    fn path(&self, index: usize) -> Option<PathBuf> {
        let (candidate, _) = self.candidates.get(index)?;
        Some(candidate.path.clone())
    }

    /// The first file with that identifier.
    pub(super) fn by_identifier(&self, identifier: &str) -> Option<PathBuf> {
        self.all_by_identifier(identifier).next()
    }

    /// Every file with that identifier, in order.
    pub(super) fn all_by_identifier(&self, identifier: &str) -> impl Iterator<Item = PathBuf> {
        let same = equal(&self.identifiers, |index| {
            self.identifier(index).cmp(&Some(identifier))
        });
        same.iter().filter_map(|index| self.path(*index))
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
                .filter(|(candidate, _)| pattern.matches(&candidate.name()))
                .map(|(candidate, _)| candidate.path.clone())
                .find(valid);
        }
        let same = equal(&self.names, |index| (*self.name(index)).cmp(name));
        same.iter()
            .filter_map(|index| self.path(*index))
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
        self.candidates
            .iter()
            .filter(move |(candidate, _)| !top_level_only || candidate.level == 0)
            .map(|(candidate, header)| (&*candidate.path, header.as_deref()))
    }
}

/// Those of `indices`, which are in order, that are equal to what they are compared with.
fn equal(indices: &[usize], compare: impl Fn(usize) -> Ordering) -> &[usize] {
    let start = indices.partition_point(|index| compare(*index).is_lt());
    let rest = indices.get(start..).unwrap_or_default();
    let len = rest.partition_point(|index| compare(*index).is_eq());
    rest.get(..len).unwrap_or_default()
}

fn list(dir: &Path, files: &Files) -> Vec<(Candidate, Option<Arc<Header>>)> {
    let mut candidates = Vec::new();
    let listing = files.listing(dir);
    add(&mut candidates, (dir, None), &listing, files);
    for entry in listing.0.iter().filter(|entry| entry.is_folder) {
        let dir = dir.join(&entry.name);
        let listing = files.listing(&dir);
        add(&mut candidates, (&dir, Some(&entry.name)), &listing, files);
    }
    // No two have the same path.
    candidates.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    candidates
}

/// Adds what is named like a recipe in `dir`, which is the folder of a search, or the one of that name in it.
fn add(
    candidates: &mut Vec<(Candidate, Option<Arc<Header>>)>,
    (dir, below): (&Path, Option<&OsStr>),
    listing: &Listing,
    files: &Files,
) {
    let noted = files.noted(dir);
    let folder: Arc<[u8]> = below.map(OsStr::as_bytes).unwrap_or_default().into();
    for (position, entry) in listing.0.iter().enumerate() {
        // In a folder of a search another folder is looked into, whatever its name; in that one it counts by its name.
        let extension = extension(&entry.name).filter(|_| below.is_some() || !entry.is_folder);
        let Some(extension) = extension else {
            continue;
        };
        let candidate = Candidate {
            level: u8::from(below.is_some()),
            extension,
            folder: Arc::clone(&folder),
            file: entry.name.clone(),
            path: dir.join(&entry.name),
        };
        let noted = noted.and_then(|noted| noted.header(&entry.name, position));
        let header = files.header_noted(&candidate.path, noted);
        candidates.push((candidate, header));
    }
}
