//! A tree in memory that can be altered.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
    sync::Arc,
};

use media::{Entry, Kind, MediaError, Tree, Xattr};
use wire::ReadAt;

/// Files, folders and links by path.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryTree {
    entries: BTreeMap<String, (Kind, Vec<u8>)>,
    /// Files that may be executed.
    executable: BTreeSet<String>,
    pub(super) has_twins: bool,
    pub(super) xattrs: BTreeMap<String, Vec<Xattr>>,
}

impl MemoryTree {
    /// Everything that is in `tree` below `root`.
    pub(super) fn copy(tree: &dyn Tree, root: &str) -> Self {
        let mut copy = Self::default();
        copy.entries
            .insert(root.to_owned(), (Kind::Folder, Vec::new()));
        for entry in media::walk(tree, root).unwrap() {
            let mut bytes = Vec::new();
            if entry.is_file() {
                tree.open(&entry.path)
                    .unwrap()
                    .read_to_end(&mut bytes)
                    .unwrap();
            }
            copy.entries.insert(entry.path, (entry.kind, bytes));
        }
        copy
    }

    /// One file, `file`, with the bytes of the host's file at `path`.
    pub(super) fn file(path: &Path) -> Self {
        let mut tree = Self::default();
        tree.put("file", std::fs::read(path).unwrap());
        tree
    }

    pub(super) fn bytes(&self, path: &str) -> &[u8] {
        &self.entries[path].1
    }

    pub(super) fn bytes_mut(&mut self, path: &str) -> &mut Vec<u8> {
        &mut self.entries.get_mut(path).unwrap().1
    }

    pub(super) fn put(&mut self, path: &str, bytes: Vec<u8>) {
        let len_bytes = bytes.len() as u64;
        self.entries
            .insert(path.to_owned(), (Kind::File { len_bytes }, bytes));
    }

    pub(super) fn put_link(&mut self, path: &str, target: &str) {
        let target = target.to_owned();
        self.entries
            .insert(path.to_owned(), (Kind::Link { target }, Vec::new()));
    }

    pub(super) fn remove(&mut self, path: &str) -> Vec<u8> {
        self.entries.remove(path).unwrap().1
    }

    /// Makes the file at `path` one that may be executed.
    pub(super) fn make_executable(&mut self, path: &str) {
        self.executable.insert(path.to_owned());
    }

    pub(super) fn put_folder(&mut self, path: &str) {
        self.entries
            .insert(path.to_owned(), (Kind::Folder, Vec::new()));
    }

    /// Copies what is at and below `from` to `to`.
    pub(super) fn copy_within(&mut self, from: &str, to: &str) {
        let below: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(path, entry)| {
                let rest = path.strip_prefix(from)?;
                (rest.is_empty() || rest.starts_with('/'))
                    .then(|| (format!("{to}{rest}"), entry.clone()))
            })
            .collect();
        self.entries.extend(below);
    }

    /// The paths of all files.
    pub(super) fn files(&self) -> Vec<String> {
        let files = self
            .entries
            .iter()
            .filter(|(_, (kind, _))| matches!(kind, Kind::File { .. }));
        files.map(|(path, _)| path.clone()).collect()
    }

    fn find(&self, path: &str) -> Result<&(Kind, Vec<u8>), MediaError> {
        let path = path.to_owned();
        self.entries.get(&path).ok_or(MediaError::NotFound { path })
    }
}

fn entry(path: &str, (kind, bytes): (&Kind, &[u8])) -> Entry {
    let kind = match kind {
        Kind::File { .. } => Kind::File {
            len_bytes: bytes.len() as u64,
        },
        other => other.clone(),
    };
    Entry {
        path: path.to_owned(),
        kind,
        mode: 0o644,
        modified: None,
        uid: None,
        gid: None,
    }
}

impl Tree for MemoryTree {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        if path.is_empty() {
            return Ok(entry("", (&Kind::Folder, &[])));
        }
        let (kind, bytes) = self.find(path)?;
        let mut entry = entry(path, (kind, bytes));
        if self.executable.contains(path) {
            entry.mode = 0o755;
        }
        Ok(entry)
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        let parent = |path: &str| {
            path.rsplit_once('/')
                .map_or(String::new(), |(parent, _)| parent.to_owned())
        };
        let children = self
            .entries
            .iter()
            .filter(|(other, _)| parent(other) == path);
        children.map(|(path, _)| self.entry(path)).collect()
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        Ok(self.xattrs.get(path).cloned().unwrap_or_default())
    }

    fn has_twins(&self) -> bool {
        self.has_twins
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        self.find(path)
            .map(|(_, bytes)| Box::new(bytes.as_slice()) as Box<dyn Read + Send>)
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        self.find(path)
            .map(|(_, bytes)| Arc::new(bytes.clone()) as Arc<dyn ReadAt>)
    }
}
