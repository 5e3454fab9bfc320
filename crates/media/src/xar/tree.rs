//! An archive as a tree.

use std::{
    io::{self, Read},
    sync::Arc,
};

use wire::{Budget, ParseError, ReadAt};

use super::{
    archive::Archive,
    toc::{Data, Encoding, Member, MemberKind},
    verified::Unproved,
};
use crate::{
    Entry, Kind, MediaError, Tree, Xattr,
    archive::{Index, spool},
};

/// Longest extended attribute that is read.
const LONGEST_ATTRIBUTE: u64 = 64 << 20;

/// An archive whose table of contents has the digest that it ought to have.
#[derive(Debug)]
pub(crate) struct XarTree {
    archive: Archive,
    /// Positions among the members.
    index: Index<usize>,
    budget: Budget,
}

impl XarTree {
    /// Opens the archive that `source` begins with.
    ///
    /// # Errors
    /// If it is damaged.
    pub(crate) fn open(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<Self, MediaError> {
        let archive = Archive::open(source, budget)?;
        if archive
            .toc_digest()
            .is_some_and(|digest| !digest.is_right())
        {
            return Err(MediaError::Parse(ParseError::Invalid {
                structure: "xar archive",
                what: "a table of contents without the digest that it ought to have".to_owned(),
                offset: 0,
            }));
        }
        let mut budget = budget.clone();
        let mut index = Index::new("xar archive");
        for (position, member) in archive.members().iter().enumerate() {
            if let Some(entry) = entry(member) {
                index.add(entry, Some(position), &mut budget)?;
            }
        }
        Ok(Self {
            archive,
            index,
            budget,
        })
    }

    fn data(&self, path: &str) -> Result<Option<&Data>, MediaError> {
        let (_, position) = self.index.member(path)?;
        let member = self.archive.members().get(*position);
        Ok(member.and_then(|member| member.data.as_ref()))
    }

    fn attribute(&self, name: &str, data: &Data) -> Result<Xattr, MediaError> {
        let mut value = Vec::new();
        self.archive
            .reader(data)?
            .take(LONGEST_ATTRIBUTE)
            .read_to_end(&mut value)
            .map_err(MediaError::content(name))?;
        Ok(Xattr {
            name: name.to_owned(),
            value,
        })
    }
}

impl Tree for XarTree {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        self.index.entry(path).cloned()
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        self.index.children(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        match self.data(path)? {
            Some(data) => Ok(self.archive.reader(data)?),
            None => Ok(Box::new(io::empty())),
        }
    }

    /// What is stored as it is need not be spooled, but it is read through once to prove its digest.
    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        match self.data(path)? {
            Some(data) if data.encoding == Encoding::None => {
                let mut reader = self.archive.reader(data)?;
                io::copy(&mut reader, &mut io::sink()).map_err(MediaError::content(path))?;
                Ok(self.archive.stored(data)?)
            }
            _ => spool(path, self.open(path)?, &mut self.budget.clone()),
        }
    }

    fn unproved(&self, path: &str) -> Result<Option<Unproved>, MediaError> {
        match self.data(path)? {
            Some(data) if data.encoding == Encoding::None => {
                let stored = self.archive.stored(data)?;
                Ok(Some(Unproved::new(stored, data.clone())))
            }
            _ => Ok(None),
        }
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        let Some(position) = self.index.any_member(path)? else {
            return Ok(Vec::new());
        };
        let Some(member) = self.archive.members().get(*position) else {
            return Ok(Vec::new());
        };
        // Apple's own archiver gives wrong places for the attributes of a file that has several. What is found there
        // is not what its checksum says, and pkgutil unpacks the file without it; the contents are not concerned.
        Ok(member
            .attributes
            .iter()
            .filter_map(|(name, data)| self.attribute(name, data).ok())
            .collect())
    }
}

fn entry(member: &Member) -> Option<Entry> {
    let kind = match &member.kind {
        MemberKind::File => Kind::File {
            len_bytes: member.data.as_ref().map_or(0, |data| data.len),
        },
        MemberKind::Folder => Kind::Folder,
        MemberKind::Link(target) => Kind::Link {
            target: target.clone(),
        },
        MemberKind::Other(_) => return None,
    };
    let usual = if kind == Kind::Folder { 0o755 } else { 0o644 };
    Some(Entry {
        path: member.path.clone(),
        kind,
        mode: member.mode.unwrap_or(usual),
        modified: member.modified,
        uid: member.uid,
        gid: member.gid,
    })
}
