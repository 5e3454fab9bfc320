//! A volume as a tree.

use std::{io::Read, sync::Arc};

use wire::{ParseError, ReadAt, SourceReader};

use super::volume::{Item, STRUCTURE, Volume};
use crate::{Entry, Kind, MediaError, Tree, archive::mode, extents::Extents, path};

impl Volume {
    /// What is at `path`; none for the root, which has no record of its own.
    fn find(&self, path: &str) -> Result<Option<&Item>, MediaError> {
        Ok(self.items.get(&self.names.resolve(path)?))
    }
}

/// The entry of an item; none for devices, sockets and the like.
fn entry_of(path: String, item: &Item) -> Option<Entry> {
    let mode = item.attributes.mode;
    let kind = match mode.map_or(0, |mode| mode & mode::KIND) {
        _ if item.record.is_folder => Kind::Folder,
        0 | mode::FILE => Kind::File {
            len_bytes: item.len,
        },
        mode::LINK => Kind::Link {
            target: item.attributes.target.clone().unwrap_or_default().path,
        },
        _ => return None,
    };
    let owner = item.attributes.owner;
    Some(Entry {
        path,
        kind,
        // Without Rock Ridge there are no modes, and a mount lets everything be started.
        mode: mode.map_or(0o755, |mode| mode & 0o7777),
        modified: item.attributes.modified.or(item.record.modified),
        uid: owner.map(|(owner, _)| owner),
        gid: owner.map(|(_, group)| group),
    })
}

impl Tree for Volume {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        let Some(item) = self.find(path)? else {
            return Ok(Entry::folder(String::new()));
        };
        entry_of(path.to_owned(), item).ok_or_else(|| MediaError::NotFound {
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
        let children = names.iter().filter_map(|(name, id)| {
            let item = self.items.get(id)?;
            entry_of(path::join(path, name), item)
        });
        Ok(children.collect())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        Ok(Box::new(SourceReader::new(self.source(path)?)))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        let item = match self.find(path)? {
            Some(item) if self.entry(path)?.is_file() => item,
            _ => {
                return Err(MediaError::WrongKind {
                    path: path.to_owned(),
                    expected: "file",
                });
            }
        };
        if item.attributes.is_compressed {
            return Err(MediaError::Parse(ParseError::Unsupported {
                structure: STRUCTURE,
                what: format!("the compression of `{path}`"),
            }));
        }
        let volume = Arc::clone(&self.source);
        let extents = Extents::new(STRUCTURE, volume, item.runs.clone(), item.len)?;
        Ok(Arc::new(extents))
    }
}
