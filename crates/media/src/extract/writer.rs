//! Extraction.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use wire::{Budget, BudgetReader};

use super::{
    apple_double,
    folder::{Folder, finish, set_xattrs},
};
use crate::{Entry, Kind, MediaError, Tree, Xattr, path};

/// Where zip archives keep the twins of their files.
const TWINS_FOLDER: &str = "__MACOSX";

/// Longest `AppleDouble` twin that is merged: it holds a resource fork, which has at most 16 MiB.
const LONGEST_TWIN: u64 = 64 << 20;

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
    /// How many extended attributes the host had no place for.
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
    extract_within(tree, inner, dest, &mut Budget::for_medium("extraction"))
}

/// As [`extract`], with bounds on what may be written.
///
/// # Errors
/// As [`extract`]; also if `budget` is spent.
pub fn extract_within(
    tree: &dyn Tree,
    inner: &str,
    dest: &Path,
    budget: &mut Budget,
) -> Result<Extracted, MediaError> {
    let entry = tree.entry(inner)?;
    let mut extraction = Extraction {
        tree,
        budget,
        done: Extracted::default(),
    };
    if entry.is_folder() {
        let folder = Folder::create(dest)?;
        extraction.folder_contents(&entry, &folder)?;
        return Ok(extraction.done);
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
    extraction.write(&entry, name, &Folder::create(parent)?)?;
    Ok(extraction.done)
}

struct Extraction<'a> {
    tree: &'a dyn Tree,
    budget: &'a mut Budget,
    done: Extracted,
}

impl Extraction<'_> {
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
        self.done.lost_xattrs = self.done.lost_xattrs.saturating_add(lost);
        folder.finish(entry.mode & 0o777 | 0o700, entry.modified)
    }

    fn write(&mut self, entry: &Entry, name: &str, to: &Folder) -> Result<(), MediaError> {
        self.budget.spend_entry()?;
        match &entry.kind {
            Kind::Folder => {
                path::check_depth(&entry.path)?;
                self.folder_contents(entry, &to.folder(name)?)?;
                self.done.folders = self.done.folders.saturating_add(1);
            }
            Kind::File { .. } => self.file(entry, name, to)?,
            Kind::Link { target } => {
                to.link(name, target, entry.modified)?;
                self.done.links = self.done.links.saturating_add(1);
            }
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, name: &str, to: &Folder) -> Result<(), MediaError> {
        let mut file = to.file(name)?;
        let bytes = self.contents(entry, &mut file, &to.path_of(name))?;
        self.budget.spend_bytes(bytes)?;
        let xattrs = self.xattrs(entry)?;
        let failed = |error| MediaError::host(&to.path_of(name))(io::Error::from(error));
        let lost = set_xattrs(&file, &xattrs).map_err(failed)?;
        finish(&file, entry.mode & 0o777 | 0o400, entry.modified).map_err(failed)?;
        self.done.lost_xattrs = self.done.lost_xattrs.saturating_add(lost);
        self.done.bytes = self.done.bytes.saturating_add(bytes);
        self.done.files = self.done.files.saturating_add(1);
        Ok(())
    }

    fn contents(&self, entry: &Entry, file: &mut File, to: &Path) -> Result<u64, MediaError> {
        let left = self.budget.bytes_left();
        let mut reader = BudgetReader::new("extraction", left, self.tree.open(&entry.path)?);
        let mut buffer = vec![0; 128 << 10];
        let mut done = 0_u64;
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => return Ok(done),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(MediaError::content(&entry.path)(error)),
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            file.write_all(bytes).map_err(MediaError::host(to))?;
            done = done.saturating_add(read as u64);
        }
    }

    /// The extended attributes, those of the entry's twin included.
    fn xattrs(&self, entry: &Entry) -> Result<Vec<Xattr>, MediaError> {
        let mut xattrs = self.tree.xattrs(&entry.path)?;
        if !self.tree.has_twins() || entry.path.is_empty() {
            return Ok(xattrs);
        }
        let (folder, name) = path::split(&entry.path);
        let twin = path::join(folder, &format!("._{name}"));
        for twin in [path::join(TWINS_FOLDER, &twin), twin] {
            if let Some(bytes) = self.apple_double(&twin)? {
                xattrs.extend(apple_double::parse(&bytes)?);
            }
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

    /// The contents of the file at `path` if there is one and it is an `AppleDouble` one.
    fn apple_double(&self, path: &str) -> Result<Option<Vec<u8>>, MediaError> {
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
        Ok(apple_double::is_apple_double(&bytes).then_some(bytes))
    }
}
