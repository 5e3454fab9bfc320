//! A volume as a tree.

use std::{io::Read, sync::Arc};

use wire::{ReadAt, SourceReader};

use super::{folder::time, raw::ShortEntry, volume::Volume};
use crate::{Entry, Kind, MediaError, Tree, path};

/// What a mount shows for everything: the volume has no modes, and programs on it can be started.
const MODE: u32 = 0o755;

impl Volume {
    /// What is at `path`; none for the root, which has no entry of its own.
    fn find(&self, path: &str) -> Result<Option<&ShortEntry>, MediaError> {
        Ok(self.entries.get(&self.names.resolve(path)?))
    }
}

fn entry_of(path: String, short: &ShortEntry) -> Entry {
    let kind = if short.is_folder {
        Kind::Folder
    } else {
        Kind::File {
            len_bytes: short.len.into(),
        }
    };
    Entry {
        path,
        kind,
        mode: MODE,
        modified: time(short.modified),
        uid: None,
        gid: None,
    }
}

impl Tree for Volume {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        Ok(match self.find(path)? {
            Some(short) => entry_of(path.to_owned(), short),
            None => Entry::folder(String::new()),
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
            let short = self.entries.get(id)?;
            Some(entry_of(path::join(path, name), short))
        });
        Ok(children.collect())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        Ok(Box::new(SourceReader::new(self.source(path)?)))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        match self.find(path)? {
            Some(short) if !short.is_folder => self.contents(short),
            _ => Err(MediaError::WrongKind {
                path: path.to_owned(),
                expected: "file",
            }),
        }
    }

    /// The Finder writes what the volume cannot hold into files of its own.
    fn has_twins(&self) -> bool {
        true
    }
}
