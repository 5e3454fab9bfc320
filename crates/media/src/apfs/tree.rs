//! A volume as a tree.

use std::{io::Read, sync::Arc};

use model::Timestamp;
use wire::{ParseError, ReadAt, SourceReader, read_vec};

use super::{
    raw::{Inode, XattrValue},
    volume::Volume,
};
use crate::{
    Entry, Kind, MediaError, Tree, Xattr,
    archive::mode::{self, LONGEST_LINK},
    decmpfs, path,
    xattrs::{LONGEST, RESOURCE_FORK, is_private, too_long},
};

/// Name of the attribute that is the target of a link.
const LINK_TARGET: &str = "com.apple.fs.symlink";
/// `UF_COMPRESSED`
const COMPRESSED: u32 = 0x20;

impl Volume {
    fn inode(&self, id: u64) -> Result<&Inode, MediaError> {
        self.inodes.get(&id).ok_or_else(|| {
            MediaError::Parse(ParseError::Invalid {
                structure: "APFS volume",
                what: format!("no inode {id}"),
                offset: 0,
            })
        })
    }

    /// The entry of what has that number; none for devices, sockets and the like.
    fn entry_of(&self, path: String, id: u64) -> Result<Option<Entry>, MediaError> {
        let inode = self.inode(id)?;
        let kind = match u32::from(inode.mode) & mode::KIND {
            mode::FOLDER => Kind::Folder,
            mode::LINK => Kind::Link {
                target: self.target(&path, id)?,
            },
            mode::FILE => Kind::File {
                len_bytes: self.len(id, inode)?,
            },
            _ => return Ok(None),
        };
        let micros = i64::try_from(inode.modified_ns.div_euclid(1000)).unwrap_or(i64::MAX);
        Ok(Some(Entry {
            path,
            kind,
            mode: u32::from(inode.mode) & 0o7777,
            modified: Some(Timestamp::from_micros(micros)),
            uid: Some(inode.owner),
            gid: Some(inode.group),
        }))
    }

    fn target(&self, path: &str, id: u64) -> Result<String, MediaError> {
        match self.xattr(id, LINK_TARGET)? {
            Some(target) if target.len() as u64 <= LONGEST_LINK => {
                let target = String::from_utf8_lossy(&target).into_owned();
                Ok(target.trim_end_matches('\0').to_owned())
            }
            _ => Err(MediaError::Parse(ParseError::Invalid {
                structure: "APFS volume",
                what: format!("the link `{path}` without a target"),
                offset: 0,
            })),
        }
    }

    /// The value of an attribute; none if there is no such attribute.
    fn xattr(&self, id: u64, name: &str) -> Result<Option<Vec<u8>>, MediaError> {
        match self.xattrs.get(&(id, name.to_owned())) {
            None => Ok(None),
            Some(XattrValue::Embedded(value)) => Ok(Some(value.clone())),
            Some(XattrValue::Stream { len, .. }) if *len > LONGEST => Err(too_long().into()),
            Some(XattrValue::Stream { stream, len }) => {
                let source = self.stream(*stream, *len, false)?;
                let value = read_vec(&*source, 0, *len);
                value.map(Some).map_err(MediaError::content(name))
            }
        }
    }

    /// The attribute that says how a file is compressed, if it is.
    fn compression(&self, id: u64, inode: &Inode) -> Result<Option<Vec<u8>>, MediaError> {
        if inode.bsd_flags & COMPRESSED == 0 || inode.is_folder() {
            return Ok(None);
        }
        self.xattr(id, decmpfs::NAME)
    }

    fn len(&self, id: u64, inode: &Inode) -> Result<u64, MediaError> {
        match self.compression(id, inode)? {
            Some(attribute) => Ok(decmpfs::Header::parse(&attribute)?.len),
            None => Ok(inode.len),
        }
    }

    /// The resource fork, to be read anywhere.
    fn resource_fork(&self, id: u64) -> Result<Option<Arc<dyn ReadAt>>, ParseError> {
        match self.xattrs.get(&(id, RESOURCE_FORK.to_owned())) {
            None => Ok(None),
            Some(XattrValue::Embedded(value)) => Ok(Some(Arc::new(value.clone()))),
            Some(XattrValue::Stream { stream, len }) => self.stream(*stream, *len, false).map(Some),
        }
    }
}

impl Tree for Volume {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        let id = self.names.resolve(path)?;
        let entry = self.entry_of(path.to_owned(), id)?;
        entry.ok_or_else(|| MediaError::NotFound {
            path: path.to_owned(),
        })
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        let id = self.names.resolve(path)?;
        let names = self.names.children(id);
        let names = names.ok_or_else(|| MediaError::WrongKind {
            path: path.to_owned(),
            expected: "folder",
        })?;
        let mut children = Vec::new();
        for (name, id) in names {
            children.extend(self.entry_of(path::join(path, name), *id)?);
        }
        Ok(children)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        Ok(Box::new(SourceReader::new(self.source(path)?)))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        let id = self.names.resolve(path)?;
        let inode = self.inode(id)?;
        if u32::from(inode.mode) & mode::KIND != mode::FILE {
            return Err(MediaError::WrongKind {
                path: path.to_owned(),
                expected: "file",
            });
        }
        match self.compression(id, inode)? {
            Some(attribute) => decmpfs::open(&attribute, self.resource_fork(id)?),
            None => Ok(self.stream(inode.stream, inode.len, inode.has_gaps())?),
        }
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        let id = self.names.resolve(path)?;
        let compression = self.compression(id, self.inode(id)?)?;
        let header = compression.map(|attribute| decmpfs::Header::parse(&attribute));
        let header = header.transpose()?;
        let is_hidden = |name: &str| {
            let fork_is_used = header.is_some_and(decmpfs::Header::is_in_resource_fork);
            name == LINK_TARGET
                || is_private(name)
                || header.is_some() && name == decmpfs::NAME
                || fork_is_used && name == RESOURCE_FORK
        };
        let mut xattrs = Vec::new();
        let names = self.xattrs.range((id, String::new())..);
        for ((_, name), _) in names.take_while(|((found, _), _)| *found == id) {
            if is_hidden(name) {
                continue;
            }
            if let Some(value) = self.xattr(id, name)? {
                let name = name.clone();
                xattrs.push(Xattr { name, value });
            }
        }
        Ok(xattrs)
    }
}
