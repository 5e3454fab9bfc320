//! What is in a medium.

use std::{io::Read, sync::Arc};

use model::Timestamp;
use wire::ReadAt;

use crate::{MediaError, xar::Unproved};

/// A read-only tree of files, folders and links.
///
/// Paths are relative to the root, with `/` between names and no `.`, `..`, leading or trailing slash; the root is
/// the empty path. Names are as stored; where they are not UTF-8, archives have those bytes percent-encoded, and other
/// media have them replaced. A path is looked up name by name; links are not followed.
pub trait Tree: std::fmt::Debug + Send + Sync {
    /// What is at `path`.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], or damage.
    fn entry(&self, path: &str) -> Result<Entry, MediaError>;

    /// What is in the folder at `path`, sorted by the bytes of the name.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], [`MediaError::WrongKind`], or damage.
    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError>;

    /// The contents of the file at `path`, from front to back.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], [`MediaError::WrongKind`], or damage; damage further on ends the reading with
    /// an error, never with a short file.
    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError>;

    /// The contents of the file at `path`, to be read anywhere.
    ///
    /// A tree whose files can only be inflated from front to back spools them to an unnamed temporary file first.
    ///
    /// # Errors
    /// As [`Tree::open`].
    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError>;

    /// The contents of the file at `path` before they were compared with what is declared of them: where that means to
    /// read all of them, which [`Tree::source`] does at once.
    ///
    /// # Errors
    /// As [`Tree::open`].
    fn unproved(&self, _path: &str) -> Result<Option<Unproved>, MediaError> {
        Ok(None)
    }

    /// The extended attributes of what is at `path`, resource fork and Finder information included, without what
    /// only carries compressed contents; sorted by name.
    ///
    /// # Errors
    /// As [`Tree::entry`].
    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        self.entry(path).map(|_| Vec::new())
    }

    /// Whether a listing goes on below `entry`: folders, and what a tree shows as both a file and its contents, as
    /// a flat package does with its payloads.
    fn holds_entries(&self, entry: &Entry) -> bool {
        entry.is_folder()
    }

    /// The cpio archive that the folder at `path` is, to be read from front to back: where it would have to be spooled
    /// before anything else of it can be had, and was not so far.
    fn front_to_back(&self, _path: &str) -> Option<Box<dyn Read + Send>> {
        None
    }

    /// Whether extended attributes lie beside the files as `AppleDouble` twins, to be merged when extracted.
    fn has_twins(&self) -> bool {
        false
    }
}

/// One entry of a tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The whole path from the root.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits (`0o7777`); `0o644`, `0o755` where the medium has none.
    pub mode: u32,
    /// When the contents were last changed, where the medium says so.
    pub modified: Option<Timestamp>,
    /// The owner's number, where the medium says so.
    pub uid: Option<u32>,
    /// The group's number, where the medium says so.
    pub gid: Option<u32>,
}

impl Entry {
    /// The last name of the path; empty for the root.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// A folder of which nothing else is known.
    pub(crate) const fn folder(path: String) -> Self {
        Self::bare(path, Kind::Folder, 0o755)
    }

    /// A file of which only its length is known.
    pub(crate) const fn file(path: String, len_bytes: u64) -> Self {
        Self::bare(path, Kind::File { len_bytes }, 0o644)
    }

    const fn bare(path: String, kind: Kind, mode: u32) -> Self {
        Self {
            path,
            kind,
            mode,
            modified: None,
            uid: None,
            gid: None,
        }
    }

    /// How many bytes it has, if it is a file.
    pub const fn len_bytes(&self) -> Option<u64> {
        match self.kind {
            Kind::File { len_bytes } => Some(len_bytes),
            Kind::Folder | Kind::Link { .. } => None,
        }
    }

    /// Whether it is a folder.
    pub const fn is_folder(&self) -> bool {
        matches!(self.kind, Kind::Folder)
    }

    /// Whether it is a regular file.
    pub const fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File { .. })
    }
}

/// What an entry is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Its length after decompression.
        len_bytes: u64,
    },
    /// A folder.
    Folder,
    /// A symbolic link.
    Link {
        /// Where it points, as stored.
        target: String,
    },
}

/// An extended attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Xattr {
    /// Its name: `com.apple.quarantine`, `com.apple.ResourceFork`.
    pub name: String,
    /// Its bytes.
    pub value: Vec<u8>,
}
