//! The members of an archive, by path.

use std::collections::{BTreeMap, BTreeSet};

use wire::{Budget, ParseError};

use crate::{Entry, Kind, MediaError, path};

/// Most bytes that all paths and targets of links of an archive may have: they are held in memory, and long ones that
/// differ in little compress to nearly nothing.
const MOST_PATH_BYTES: u64 = 128 << 20;

/// The members of an archive, by path; folders that no member names are there too.
#[derive(Debug)]
pub(crate) struct Index<M> {
    structure: &'static str,
    nodes: BTreeMap<String, Node<M>>,
    paths: Budget,
}

#[derive(Debug)]
struct Node<M> {
    entry: Entry,
    member: Option<M>,
    names: BTreeSet<String>,
}

impl<M> Index<M> {
    /// An index of nothing but the root; `structure` names the archive in error messages.
    pub(crate) fn new(structure: &'static str) -> Self {
        let root = Node {
            entry: Entry::folder(String::new()),
            member: None,
            names: BTreeSet::new(),
        };
        Self {
            structure,
            nodes: BTreeMap::from([(String::new(), root)]),
            paths: Budget::new("paths of an archive", MOST_PATH_BYTES, 0, 0),
        }
    }

    /// Adds an entry with a clean path. Of two with the same path the later one counts, as when unpacked in order.
    ///
    /// # Errors
    /// If it lies below a file or a link, or takes the place of a folder that is not empty, or of the root; if the
    /// budget is spent, or that of all paths together.
    pub(crate) fn add(
        &mut self,
        entry: Entry,
        member: Option<M>,
        budget: &mut Budget,
    ) -> Result<(), MediaError> {
        budget.spend_entry()?;
        if entry.path.is_empty() && !entry.is_folder() {
            // It would take the place of the destination itself: a link there leads whatever comes next out of it.
            return Err(MediaError::Escapes {
                path: ".".to_owned(),
            });
        }
        self.spend_path(&entry.path)?;
        if let Kind::Link { target } = &entry.kind {
            self.spend_path(target)?;
        }
        self.add_to_folder(&entry.path)?;
        if let Some(node) = self.nodes.get_mut(&entry.path) {
            if !entry.is_folder() && (node.entry.is_folder() && !node.names.is_empty()) {
                return Err(self.conflict(&entry.path));
            }
            node.entry = entry;
            node.member = member;
            return Ok(());
        }
        let path = entry.path.clone();
        let node = Node {
            entry,
            member,
            names: BTreeSet::new(),
        };
        self.nodes.insert(path, node);
        Ok(())
    }

    /// Spends the bytes of a path that is remembered.
    ///
    /// # Errors
    /// If the archive has too many of them.
    pub(crate) fn spend_path(&mut self, path: &str) -> Result<(), MediaError> {
        Ok(self.paths.spend_bytes(path.len() as u64)?)
    }

    /// Gives the file at `path`, so far empty, the contents of another one.
    pub(crate) fn set_contents(
        &mut self,
        path: &str,
        len_bytes: u64,
        member: M,
    ) -> Result<(), MediaError> {
        match self.nodes.get_mut(path) {
            Some(node) if node.entry.is_file() => {
                node.entry.kind = Kind::File { len_bytes };
                node.member = Some(member);
                Ok(())
            }
            _ => Err(wrong_kind(path, "file")),
        }
    }

    /// The member at `path`, whatever it is; none for a folder that no member names.
    pub(crate) fn any_member(&self, path: &str) -> Result<Option<&M>, MediaError> {
        self.node(path).map(|node| node.member.as_ref())
    }

    /// All members, by path.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&Entry, &M)> {
        let nodes = self.nodes.values();
        nodes.filter_map(|node| Some((&node.entry, node.member.as_ref()?)))
    }

    /// What is at `path`.
    pub(crate) fn entry(&self, path: &str) -> Result<&Entry, MediaError> {
        self.node(path).map(|node| &node.entry)
    }

    /// What is in the folder at `path`.
    pub(crate) fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        let node = self.node(path)?;
        if !node.entry.is_folder() {
            return Err(wrong_kind(path, "folder"));
        }
        let children = node
            .names
            .iter()
            .filter_map(|name| self.nodes.get(&path::join(path, name)));
        Ok(children.map(|node| node.entry.clone()).collect())
    }

    /// Where the contents of the file at `path` are.
    pub(crate) fn member(&self, path: &str) -> Result<(&Entry, &M), MediaError> {
        let node = self.node(path)?;
        match (&node.entry.kind, &node.member) {
            (Kind::File { .. }, Some(member)) => Ok((&node.entry, member)),
            _ => Err(wrong_kind(path, "file")),
        }
    }

    fn node(&self, path: &str) -> Result<&Node<M>, MediaError> {
        self.nodes.get(path).ok_or_else(|| MediaError::NotFound {
            path: path.to_owned(),
        })
    }

    /// Enters `path` into the folder it is in, which is made if no member names it.
    fn add_to_folder(&mut self, path: &str) -> Result<(), MediaError> {
        let mut path = path;
        while !path.is_empty() {
            let (folder, name) = path::split(path);
            let known = self.nodes.contains_key(folder);
            if !known {
                self.spend_path(folder)?;
            }
            let node = self.nodes.entry(folder.to_owned()).or_insert_with(|| Node {
                entry: Entry::folder(folder.to_owned()),
                member: None,
                names: BTreeSet::new(),
            });
            if !node.entry.is_folder() {
                return Err(self.conflict(path));
            }
            node.names.insert(name.to_owned());
            if known {
                break;
            }
            path = folder;
        }
        Ok(())
    }

    fn conflict(&self, path: &str) -> MediaError {
        MediaError::Parse(ParseError::Invalid {
            structure: self.structure,
            what: format!("`{path}` is both a folder and something else"),
            offset: 0,
        })
    }
}

fn wrong_kind(path: &str, expected: &'static str) -> MediaError {
    MediaError::WrongKind {
        path: path.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(files: &[&str]) -> Result<Index<()>, MediaError> {
        let mut index = Index::new("test archive");
        let mut budget = Budget::new("test archive", 0, 100, 1);
        for path in files {
            let path = path::clean(path)?;
            index.add(Entry::file(path, 0), Some(()), &mut budget)?;
        }
        Ok(index)
    }

    #[test]
    fn folders_nobody_names_are_there_too() {
        let index = index(&["b/c/d", "a"]).unwrap();
        let root: Vec<_> = index.children("").unwrap();
        assert_eq!(root.iter().map(Entry::name).collect::<Vec<_>>(), ["a", "b"]);
        assert!(index.entry("b/c").unwrap().is_folder());
        assert!(index.member("b/c/d").is_ok());
        assert!(index.member("b/c").is_err());
        assert!(index.children("a").is_err());
        assert!(index.entry("c").is_err());
    }

    #[test]
    fn nothing_lies_below_a_file() {
        assert!(index(&["a", "a/b"]).is_err());
        assert!(index(&["a/b", "a"]).is_err());
        assert!(index(&["a", "a"]).is_ok());
    }

    #[test]
    fn entries_are_counted() {
        let mut index = Index::new("test archive");
        let mut budget = Budget::new("test archive", 0, 1, 1);
        let file = Entry::file("a".to_owned(), 0);
        index.add(file.clone(), Some(()), &mut budget).unwrap();
        assert!(index.add(file, Some(()), &mut budget).is_err());
    }

    #[test]
    fn paths_may_have_only_so_many_bytes_together() {
        let add = |most: u64, entries: &[Entry]| {
            let mut index = Index::new("test archive");
            index.paths = Budget::new("paths of an archive", most, 0, 0);
            let mut budget = Budget::for_medium("test archive");
            let mut entries = entries.iter();
            entries.try_for_each(|entry| index.add(entry.clone(), Some(()), &mut budget))
        };
        // The folders `a` and `a/b` are in it, too.
        let file = Entry::file("a/b/c".to_owned(), 0);
        add(9, std::slice::from_ref(&file)).unwrap();
        let error = add(8, std::slice::from_ref(&file)).unwrap_err().to_string();
        assert_eq!(error, "paths of an archive: more than 8 bytes");
        add(14, &[file.clone(), file.clone()]).unwrap();
        assert!(add(13, &[file.clone(), file]).is_err());
        let mut link = Entry::file("l".to_owned(), 0);
        link.kind = Kind::Link {
            target: "target".to_owned(),
        };
        add(7, std::slice::from_ref(&link)).unwrap();
        assert!(add(6, &[link]).is_err());
    }
}
