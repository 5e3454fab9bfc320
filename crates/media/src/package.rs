//! Flat packages: xar archives whose payloads and scripts are archives of their own.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};

use wire::{Budget, ReadAt};

use crate::{
    Entry, MediaError, Tree, Xattr,
    open::open_file,
    path,
    xar::{Unproved, XarTree},
};

/// The members that are archives: they are listed as files and as folders, too.
const ARCHIVES: [&str; 2] = ["Payload", "Scripts"];

/// A flat package, or any other xar archive.
///
/// `Payload` and `Scripts` are files, as they are stored; what they hold lies below them. They are opened when
/// something below them is asked for.
#[derive(Debug)]
pub(crate) struct FlatPackage {
    members: XarTree,
    budget: Budget,
    /// What is known of them so far: none if one turned out to be no archive.
    opened: Mutex<BTreeMap<String, Option<Arc<dyn Tree>>>>,
}

/// A path, looked at from the archive that it lies in.
enum Place<'a> {
    /// Among the members.
    Member,
    /// Below a member that is an archive.
    Archive {
        tree: Arc<dyn Tree>,
        member: &'a str,
        inner: &'a str,
    },
}

impl FlatPackage {
    /// Opens the archive that `source` begins with.
    ///
    /// # Errors
    /// If it is damaged.
    pub(crate) fn open(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<Self, MediaError> {
        Ok(Self {
            members: XarTree::open(source, budget)?,
            budget: budget.descend()?,
            opened: Mutex::default(),
        })
    }

    /// Where `path` lies; a member that is an archive is itself among the members.
    fn place<'a>(&self, path: &'a str) -> Result<Place<'a>, MediaError> {
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends {
            let Some((member, rest)) = path.split_at_checked(end) else {
                break;
            };
            let inner = rest.trim_start_matches('/');
            if let Some(tree) = self.archive(member)? {
                return Ok(Place::Archive {
                    tree,
                    member,
                    inner,
                });
            }
        }
        Ok(Place::Member)
    }

    /// The archive that the member at `path` is, if it is one.
    fn archive(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, MediaError> {
        if !ARCHIVES.contains(&path::split(path).1) {
            return Ok(None);
        }
        match self.members.entry(path) {
            Ok(entry) if entry.is_file() => {}
            _ => return Ok(None),
        }
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get(path) {
            return Ok(known.clone());
        }
        let tree = match open_file(&self.members, path, &self.budget) {
            Ok(tree) => Some(tree),
            Err(MediaError::Unknown { .. }) => None,
            Err(error) => return Err(error),
        };
        opened.insert(path.to_owned(), tree.clone());
        Ok(tree)
    }
}

impl Tree for FlatPackage {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        match self.place(path)? {
            Place::Member => self.members.entry(path),
            Place::Archive {
                tree,
                member,
                inner,
            } => Ok(below(member, tree.entry(inner)?)),
        }
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        if let Some(tree) = self.archive(path)? {
            let children = tree.children("")?;
            return Ok(children
                .into_iter()
                .map(|entry| below(path, entry))
                .collect());
        }
        match self.place(path)? {
            Place::Member => self.members.children(path),
            Place::Archive {
                tree,
                member,
                inner,
            } => {
                let children = tree.children(inner)?;
                Ok(children
                    .into_iter()
                    .map(|entry| below(member, entry))
                    .collect())
            }
        }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        match self.place(path)? {
            Place::Member => self.members.open(path),
            Place::Archive { tree, inner, .. } => {
                let source = tree.source(inner)?;
                Ok(Box::new(wire::SourceReader::new(source)))
            }
        }
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        match self.place(path)? {
            Place::Member => self.members.source(path),
            Place::Archive { tree, inner, .. } => tree.source(inner),
        }
    }

    fn unproved(&self, path: &str) -> Result<Option<Unproved>, MediaError> {
        match self.place(path)? {
            Place::Member => self.members.unproved(path),
            Place::Archive { tree, inner, .. } => tree.unproved(inner),
        }
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        match self.place(path)? {
            Place::Member => self.members.xattrs(path),
            Place::Archive { tree, inner, .. } => tree.xattrs(inner),
        }
    }

    fn holds_entries(&self, entry: &Entry) -> bool {
        // A damaged payload is gone into, so that the damage is not passed over in silence.
        entry.is_folder() || !matches!(self.archive(&entry.path), Ok(None))
    }
}

/// An entry of an archive, seen from the package.
fn below(member: &str, mut entry: Entry) -> Entry {
    entry.path = path::join(member, &entry.path);
    entry
}
