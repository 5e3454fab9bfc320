//! One compressed file as a tree.

use std::{io::Read, sync::Arc};

use wire::{ReadAt, SourceReader};

use crate::{Entry, MediaError, Tree, path};

/// A tree of one file.
#[derive(Debug)]
pub(crate) struct SingleFile {
    file: Entry,
    contents: Arc<dyn ReadAt>,
}

impl SingleFile {
    /// A tree of the file `name` with those contents.
    pub(crate) fn new(name: String, contents: Arc<dyn ReadAt>) -> Self {
        Self {
            file: Entry::file(name, contents.len()),
            contents,
        }
    }
}

impl Tree for SingleFile {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        if path.is_empty() {
            return Ok(Entry::folder(String::new()));
        }
        if path == self.file.path {
            return Ok(self.file.clone());
        }
        Err(MediaError::NotFound {
            path: path.to_owned(),
        })
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        if self.entry(path)?.is_folder() {
            return Ok(vec![self.file.clone()]);
        }
        Err(MediaError::WrongKind {
            path: path.to_owned(),
            expected: "folder",
        })
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        Ok(Box::new(SourceReader::new(self.source(path)?)))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        if self.entry(path)?.is_file() {
            return Ok(Arc::clone(&self.contents));
        }
        Err(MediaError::WrongKind {
            path: path.to_owned(),
            expected: "file",
        })
    }
}

/// The name of what is compressed in a file of that name: without the last extension.
pub(crate) fn inner_name(name: &str) -> String {
    let (_, name) = path::split(name);
    match name.rsplit_once('.') {
        Some((stem, "tgz" | "tbz" | "tbz2" | "txz" | "tlz" | "tzst" | "taz"))
            if !stem.is_empty() =>
        {
            format!("{stem}.tar")
        }
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => format!("{name}.contents"),
    }
}
