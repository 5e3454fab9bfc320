//! A 7z archive as a tree.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use model::Timestamp;
use wire::{Budget, Part, ReadAt, SourceReader};

use super::{block::Block, files::Listed, header::Header, streams::Content};
use crate::{
    Entry, Kind, MediaError, Tree,
    archive::{Index, mode, spool},
    codec::Checked,
    path,
};

/// How many decoded blocks are kept. Files are mostly read by name, and lie in blocks by kind: several take turns.
const MOST_KEPT: usize = 16;

/// A 7z archive.
#[derive(Debug)]
pub(crate) struct SevenZip {
    source: Arc<dyn ReadAt>,
    blocks: Vec<Block>,
    /// None is what an empty file contains.
    index: Index<Option<Content>>,
    /// One block is decoded at a time: some need much memory.
    decoded: Mutex<Decoded>,
}

/// What was decoded.
#[derive(Debug)]
struct Decoded {
    /// The last blocks that were decoded, by number.
    blocks: VecDeque<(usize, Arc<dyn ReadAt>)>,
    /// What may be decoded still, blocks that are decoded again included.
    budget: Budget,
}

impl SevenZip {
    /// Reads the header, and the blocks that links are in.
    ///
    /// # Errors
    /// [`MediaError::Locked`] if the header is encrypted; if it is damaged, or has a name that leads out of the folder it
    /// is unpacked to.
    pub(crate) fn open(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<Self, MediaError> {
        let header = Header::read(&source)?;
        let mut tree = Self {
            source,
            blocks: header.streams.blocks,
            index: Index::new("7z archive"),
            decoded: Mutex::new(Decoded {
                blocks: VecDeque::new(),
                budget: budget.clone(),
            }),
        };
        let mut budget = budget.clone();
        let mut contents = header.streams.contents.into_iter();
        for file in header.files {
            let content = if file.has_stream {
                let missing = || broken("more files than contents");
                Some(contents.next().ok_or_else(missing)?)
            } else {
                None
            };
            tree.add(&file, content, &mut budget)?;
        }
        Ok(tree)
    }

    fn add(
        &mut self,
        file: &Listed,
        content: Option<Content>,
        budget: &mut Budget,
    ) -> Result<(), MediaError> {
        let path = path::clean(&file.name)?;
        if path.is_empty() || file.is_anti {
            return Ok(budget.spend_entry()?);
        }
        let len_bytes = content.map_or(0, |content| content.len);
        let kind = match file.mode().map(|mode| mode & mode::KIND) {
            _ if file.is_folder => Kind::Folder,
            Some(mode::FOLDER) => Kind::Folder,
            // Where an encrypted one leads is encrypted too.
            Some(mode::LINK) if !self.is_encrypted(content) => Kind::Link {
                target: self.link_target(&path, content)?,
            },
            Some(mode::FILE | mode::LINK | 0) | None => Kind::File { len_bytes },
            Some(_) => return Ok(budget.spend_entry()?), // devices and pipes
        };
        let usual = if kind == Kind::Folder { 0o755 } else { 0o644 };
        let permissions = file.mode().map(|mode| mode & 0o7777);
        let entry = Entry {
            path,
            kind,
            mode: permissions.filter(|mode| *mode != 0).unwrap_or(usual),
            modified: file.modified.map(Timestamp::from_secs),
            uid: None,
            gid: None,
        };
        self.index.add(entry, Some(content), budget)
    }

    fn is_encrypted(&self, content: Option<Content>) -> bool {
        let block = content.and_then(|content| self.blocks.get(content.block));
        block.is_some_and(Block::is_encrypted)
    }

    fn link_target(&self, path: &str, content: Option<Content>) -> Result<String, MediaError> {
        let mut target = Vec::new();
        self.reader(path, content)?
            .take(mode::LONGEST_LINK)
            .read_to_end(&mut target)
            .map_err(MediaError::content(path))?;
        Ok(String::from_utf8_lossy(&target).into_owned())
    }

    fn reader(
        &self,
        path: &str,
        content: Option<Content>,
    ) -> Result<Box<dyn Read + Send>, MediaError> {
        let Some(content) = content else {
            return Ok(Box::new(io::empty()));
        };
        let part = self.part(path, content)?;
        let stored = SourceReader::new(Arc::new(part));
        Ok(Box::new(Checked::new(stored, content.len, content.crc32)))
    }

    fn part(&self, path: &str, content: Content) -> Result<Part, MediaError> {
        let block = self.block(content.block).map_err(|error| match error {
            MediaError::Locked { how, .. } => MediaError::Locked {
                what: format!("`{path}` in the 7z archive"),
                how,
            },
            other => other,
        })?;
        Ok(Part::new(block, content.start, content.len))
    }

    /// The contents of the block of that number.
    fn block(&self, number: usize) -> Result<Arc<dyn ReadAt>, MediaError> {
        let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = decoded.blocks.iter().find(|(kept, _)| *kept == number);
        if let Some((_, contents)) = kept {
            return Ok(Arc::clone(contents));
        }
        let block = self.blocks.get(number);
        let block = block.ok_or_else(|| broken("a file in a block that is not there"))?;
        let reader = block.reader(&self.source)?;
        let contents = spool("the 7z archive", reader, &mut decoded.budget)?;
        decoded.blocks.truncate(MOST_KEPT.saturating_sub(1));
        decoded.blocks.push_front((number, Arc::clone(&contents)));
        Ok(contents)
    }
}

impl Tree for SevenZip {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        self.index.entry(path).cloned()
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        self.index.children(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        let (_, content) = self.index.member(path)?;
        self.reader(path, *content)
    }

    /// Reads it through first: only that proves its checksum.
    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        let (_, content) = self.index.member(path)?;
        let Some(content) = *content else {
            return Ok(Arc::new(Vec::new()));
        };
        let mut reader = self.reader(path, Some(content))?;
        io::copy(&mut reader, &mut io::sink()).map_err(MediaError::content(path))?;
        Ok(Arc::new(self.part(path, content)?))
    }

    fn has_twins(&self) -> bool {
        true
    }
}

fn broken(what: &str) -> MediaError {
    MediaError::Parse(wire::ParseError::Invalid {
        structure: "7z archive",
        what: what.to_owned(),
        offset: 0,
    })
}
