//! A volume as a tree.

use std::{collections::BTreeMap, io::Read, sync::Arc};

use model::Timestamp;
use wire::{ParseError, ReadAt, SourceReader, read_vec};

use super::{
    constants::EPOCH,
    forks::ForkKind,
    raw::{CatalogRecord, ForkData},
    volume::Volume,
};
use crate::{
    Entry, Kind, MediaError, Tree, Xattr,
    archive::mode::{self, LONGEST_LINK},
    decmpfs, path,
    xattrs::{FINDER_INFO, LONGEST, RESOURCE_FORK, is_private, too_long},
};

/// `UF_COMPRESSED`
const COMPRESSED: u8 = 0x20;

impl Volume {
    fn record(&self, id: u64) -> Result<&CatalogRecord, MediaError> {
        self.records.get(id).ok_or_else(|| {
            MediaError::Parse(ParseError::Invalid {
                structure: "HFS+ volume",
                what: format!("a name of {id}, which is not there"),
                offset: 0,
            })
        })
    }

    /// The entry of what has that number; none for devices, sockets and the like.
    fn entry_of(&self, path: String, id: u64) -> Result<Option<Entry>, MediaError> {
        let record = self.record(id)?;
        let kind = match u32::from(record.mode) & mode::KIND {
            _ if record.is_folder => Kind::Folder,
            mode::LINK => Kind::Link {
                target: self.target(&path, record)?,
            },
            0 | mode::FILE => Kind::File {
                len_bytes: self.len(record)?,
            },
            _ => return Ok(None),
        };
        let usual = if record.is_folder { 0o755 } else { 0o644 };
        let has_mode = record.mode != 0;
        let seconds = i64::from(record.modified).saturating_sub(EPOCH);
        Ok(Some(Entry {
            path,
            kind,
            mode: if has_mode {
                u32::from(record.mode) & 0o7777
            } else {
                usual
            },
            modified: (record.modified != 0).then(|| Timestamp::from_secs(seconds)),
            uid: has_mode.then_some(record.owner),
            gid: has_mode.then_some(record.group),
        }))
    }

    fn target(&self, path: &str, record: &CatalogRecord) -> Result<String, MediaError> {
        if record.data.len > LONGEST_LINK {
            return Err(MediaError::Parse(ParseError::Budget {
                structure: "HFS+ link",
                limit: LONGEST_LINK,
                unit: "bytes",
            }));
        }
        let source = self.forks.fork(record.id, ForkKind::Data, &record.data)?;
        let target = read_vec(&*source, 0, record.data.len).map_err(MediaError::content(path))?;
        let target = String::from_utf8_lossy(&target).into_owned();
        // Some writers end the target as a C string.
        Ok(target.trim_end_matches('\0').to_owned())
    }

    /// What is said of the compression of a file, if it is compressed.
    fn compression(&self, record: &CatalogRecord) -> Result<Option<decmpfs::Header>, MediaError> {
        if record.owner_flags & COMPRESSED == 0 || record.is_folder {
            return Ok(None);
        }
        let key = (record.id, decmpfs::NAME);
        let attribute = self
            .attributes
            .value(&self.forks, key, decmpfs::Header::LEN)?;
        let header = attribute.map(|attribute| decmpfs::Header::parse(&attribute));
        Ok(header.transpose()?)
    }

    fn len(&self, record: &CatalogRecord) -> Result<u64, MediaError> {
        let compression = self.compression(record)?;
        Ok(compression.map_or(record.data.len, |header| header.len))
    }

    fn fork(&self, record: &CatalogRecord, kind: ForkKind) -> Result<Arc<dyn ReadAt>, ParseError> {
        let fork: &ForkData = match kind {
            ForkKind::Data => &record.data,
            ForkKind::Resource => &record.resource,
        };
        self.forks.fork(record.id, kind, fork)
    }

    /// The attributes of which only the place differs from those in the attributes file.
    fn resource_fork(&self, record: &CatalogRecord) -> Result<Option<Xattr>, MediaError> {
        let len = record.resource.len;
        if len == 0 {
            return Ok(None);
        }
        if len > LONGEST {
            return Err(too_long().into());
        }
        let fork = self.fork(record, ForkKind::Resource)?;
        let value = read_vec(&*fork, 0, len).map_err(MediaError::content(RESOURCE_FORK))?;
        let name = RESOURCE_FORK.to_owned();
        Ok(Some(Xattr { name, value }))
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
        let wrong_kind = || MediaError::WrongKind {
            path: path.to_owned(),
            expected: "folder",
        };
        let names: &BTreeMap<_, _> = self.names.children(id).ok_or_else(wrong_kind)?;
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
        let record = self.record(self.names.resolve(path)?)?;
        let kind = u32::from(record.mode) & mode::KIND;
        if record.is_folder || ![0, mode::FILE].contains(&kind) {
            return Err(MediaError::WrongKind {
                path: path.to_owned(),
                expected: "file",
            });
        }
        let Some(header) = self.compression(record)? else {
            return Ok(self.fork(record, ForkKind::Data)?);
        };
        let key = (record.id, decmpfs::NAME);
        let attribute = self.attributes.value(&self.forks, key, LONGEST)?;
        let resource = header
            .is_in_resource_fork()
            .then(|| self.fork(record, ForkKind::Resource))
            .transpose()?;
        decmpfs::open(&attribute.unwrap_or_default(), resource)
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        let record = self.record(self.names.resolve(path)?)?;
        let compression = self.compression(record)?;
        let mut xattrs = Vec::new();
        for name in self.attributes.names(record.id) {
            if is_private(name) || compression.is_some() && name == decmpfs::NAME {
                continue;
            }
            let key = (record.id, name);
            let most = LONGEST.saturating_add(1);
            if let Some(value) = self.attributes.value(&self.forks, key, most)? {
                let name = name.to_owned();
                xattrs.push(Xattr { name, value });
            }
        }
        if !compression.is_some_and(decmpfs::Header::is_in_resource_fork) {
            xattrs.extend(self.resource_fork(record)?);
        }
        xattrs.extend(finder_info(record));
        xattrs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(xattrs)
    }
}

/// What the Finder keeps of a file, without what says that it is a link and what the system keeps there for itself.
fn finder_info(record: &CatalogRecord) -> Option<Xattr> {
    let is_link = u32::from(record.mode) & mode::KIND == mode::LINK;
    let kept = |at: usize| match at {
        0..8 => !is_link,
        8..16 | 24..26 => true,
        _ => false,
    };
    let info = record.finder_info.iter().enumerate();
    let value: Vec<u8> = info
        .map(|(at, byte)| if kept(at) { *byte } else { 0 })
        .collect();
    let name = FINDER_INFO.to_owned();
    let is_empty = value.iter().all(|byte| *byte == 0);
    (!is_empty).then_some(Xattr { name, value })
}
