//! Extraction.

use std::{io::Read as _, path::Path};

use wire::Budget;

use super::{
    apple_double,
    copier::{Copier, Job, copy_files},
    folder::Folder,
    streamed,
};
use crate::{Entry, Kind, MediaError, Tree, Xattr, path};

/// Where zip archives keep the twins of their files.
pub(super) const TWINS_FOLDER: &str = "__MACOSX";

/// Longest `AppleDouble` twin that is merged: it holds a resource fork, which has at most 16 MiB.
const LONGEST_TWIN: u64 = 64 << 20;

/// What becomes of extended attributes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attributes {
    /// They are kept, where the host has a place for them.
    Keep,
    /// They are left out, and counted as lost.
    Leave,
}

/// What was extracted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Extracted {
    /// How many files.
    pub files: u64,
    /// How many folders, the outermost not counted.
    pub folders: u64,
    /// How many links.
    pub links: u64,
    /// How many bytes the files have.
    pub bytes: u64,
    /// How many extended attributes were left out, or the host had no place for.
    pub lost_xattrs: u64,
}

/// Makes `dest` a copy of what is at `inner`, as Apple's ditto does: a folder is merged into what is there, and
/// anything else takes its place. Modes (without set-id bits), times, links and extended attributes are kept;
/// `AppleDouble` twins of archives are merged into the files that they belong to. A link is written as it is stored
/// and never followed, so nothing is written outside `dest`.
///
/// Folders stay writable, and files readable, for their owner, so that the copy can be read and removed again.
///
/// # Errors
/// [`MediaError::NotFound`], damage, or if the host cannot be written. What was written before stays.
pub fn extract(tree: &dyn Tree, inner: &str, dest: &Path) -> Result<Extracted, MediaError> {
    let mut budget = Budget::for_medium("extraction");
    extract_within(tree, inner, dest, Attributes::Keep, &mut budget)
}

/// As [`extract`], with bounds on what may be written, and with or without extended attributes.
///
/// # Errors
/// As [`extract`]; also if `budget` is spent.
pub fn extract_within(
    tree: &dyn Tree,
    inner: &str,
    dest: &Path,
    attributes: Attributes,
    budget: &mut Budget,
) -> Result<Extracted, MediaError> {
    if let Some(archive) = tree.front_to_back(inner)
        && let Some(done) = streamed::extract(archive, dest, budget)?
    {
        return Ok(done);
    }
    let entry = tree.entry(inner)?;
    if inner.is_empty() && !entry.is_folder() {
        // A whole medium never takes the place of the destination: as a link it would lead out what comes next.
        return Err(MediaError::WrongKind {
            path: ".".to_owned(),
            expected: "folder",
        });
    }
    copy_files(tree, budget, |copier| {
        let mut extraction = Extraction {
            tree,
            attributes,
            copier,
        };
        if entry.is_folder() {
            return extraction.folder_contents(&entry, &Folder::create(dest)?);
        }
        let parent = dest
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."));
        let Some(name) = dest.file_name().and_then(|name| name.to_str()) else {
            return Err(MediaError::Escapes {
                path: dest.display().to_string(),
            });
        };
        extraction.write(&entry, name, &Folder::create(parent)?)
    })
}

struct Extraction<'a, 'b, 'c> {
    tree: &'a dyn Tree,
    attributes: Attributes,
    copier: &'a mut Copier<'b, 'c>,
}

impl Extraction<'_, '_, '_> {
    /// Writes everything in a folder, then the folder's own attributes, which may forbid writing.
    fn folder_contents(&mut self, entry: &Entry, folder: &Folder) -> Result<(), MediaError> {
        for child in self.tree.children(&entry.path)? {
            if self.is_twin(&child)? {
                continue;
            }
            let name = child.name();
            if name.is_empty() || matches!(name, "." | "..") || name.contains(['/', '\0']) {
                return Err(MediaError::Escapes { path: child.path });
            }
            self.write(&child, name, folder)?;
        }
        let xattrs = self.xattrs(entry)?;
        let lost = folder.set_xattrs(&xattrs)?;
        let mut done = self.copier.done();
        done.lost_xattrs = done.lost_xattrs.saturating_add(lost);
        drop(done);
        folder.finish(entry.mode & 0o777 | 0o700, entry.modified)
    }

    fn write(&mut self, entry: &Entry, name: &str, to: &Folder) -> Result<(), MediaError> {
        self.copier.spend_entry()?;
        match &entry.kind {
            Kind::Folder => {
                path::check_depth(&entry.path)?;
                self.folder_contents(entry, &to.folder(name)?)?;
                let mut done = self.copier.done();
                done.folders = done.folders.saturating_add(1);
            }
            Kind::File { .. } => self.file(entry, name, to)?,
            Kind::Link { target } => {
                to.link(name, target, entry.modified)?;
                let mut done = self.copier.done();
                done.links = done.links.saturating_add(1);
            }
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, name: &str, to: &Folder) -> Result<(), MediaError> {
        let job = Job {
            entry: entry.clone(),
            file: to.file(name)?,
            to: to.path_of(name),
            xattrs: self.xattrs(entry)?,
        };
        self.copier.take(job)
    }

    /// The extended attributes to be kept.
    fn xattrs(&self, entry: &Entry) -> Result<Vec<Xattr>, MediaError> {
        let found = self.all_xattrs(entry)?;
        if self.attributes == Attributes::Keep {
            return Ok(found);
        }
        let mut done = self.copier.done();
        done.lost_xattrs = done.lost_xattrs.saturating_add(found.len() as u64);
        Ok(Vec::new())
    }

    /// The extended attributes, those of the entry's twin included.
    fn all_xattrs(&self, entry: &Entry) -> Result<Vec<Xattr>, MediaError> {
        let mut xattrs = self.tree.xattrs(&entry.path)?;
        if !self.tree.has_twins() || entry.path.is_empty() {
            return Ok(xattrs);
        }
        let (folder, name) = path::split(&entry.path);
        let twin = path::join(folder, &format!("._{name}"));
        for twin in [path::join(TWINS_FOLDER, &twin), twin] {
            xattrs.extend(self.apple_double(&twin)?.into_iter().flatten());
        }
        Ok(xattrs)
    }

    /// Whether the entry only carries attributes of another one.
    fn is_twin(&self, entry: &Entry) -> Result<bool, MediaError> {
        if !self.tree.has_twins() {
            return Ok(false);
        }
        if entry.path == TWINS_FOLDER {
            return Ok(entry.is_folder());
        }
        let (folder, name) = path::split(&entry.path);
        let Some(name) = name.strip_prefix("._").filter(|name| !name.is_empty()) else {
            return Ok(false);
        };
        match self.tree.entry(&path::join(folder, name)) {
            Ok(_) => Ok(self.apple_double(&entry.path)?.is_some()),
            Err(MediaError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the file at `path` holds if there is one and it is an `AppleDouble` one. One that is damaged is none but an
    /// ordinary file: Apple's tools extract what it belongs to all the same.
    fn apple_double(&self, path: &str) -> Result<Option<Vec<Xattr>>, MediaError> {
        match self.tree.entry(path) {
            Ok(entry) if entry.len_bytes().is_some_and(|len| len <= LONGEST_TWIN) => {}
            Ok(_) | Err(MediaError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut bytes = Vec::new();
        self.tree
            .open(path)?
            .take(LONGEST_TWIN)
            .read_to_end(&mut bytes)
            .map_err(MediaError::content(path))?;
        Ok(apple_double::parse(&bytes).ok())
    }
}
