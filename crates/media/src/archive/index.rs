//! The members of an archive, by path.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::{BTreeSet, btree_set::Range},
    ops::Bound,
};

use wire::{Budget, ParseError};

use crate::{Entry, Kind, MediaError, path};

/// Most bytes that all paths and targets of links of an archive may have: they are held in memory, and long ones that
/// differ in little compress to nearly nothing.
const MOST_PATH_BYTES: u64 = 128 << 20;

/// What the paths of one archive are spent from.
pub(crate) const fn path_budget() -> Budget {
    Budget::new("paths of an archive", MOST_PATH_BYTES, 0, 0)
}

/// The members of an archive, by path; folders that no member names are there too.
#[derive(Debug)]
pub(crate) struct Index<M> {
    structure: &'static str,
    nodes: BTreeSet<ByPath<M>>,
    paths: Budget,
}

/// A node, found by its path, which is therefore held once. An archive may have a million of them, and the places of a
/// tree are only half full: so they are kept small, and what is in a folder is looked up and not held.
#[derive(Debug)]
struct ByPath<M>(Box<Node<M>>);

#[derive(Debug)]
struct Node<M> {
    entry: Entry,
    member: Option<M>,
}

impl<M> ByPath<M> {
    fn new(entry: Entry, member: Option<M>) -> Self {
        Self(Box::new(Node { entry, member }))
    }

    fn path(&self) -> &str {
        &self.0.entry.path
    }
}

impl<M> Borrow<str> for ByPath<M> {
    fn borrow(&self) -> &str {
        self.path()
    }
}

impl<M> PartialEq for ByPath<M> {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
    }
}

impl<M> Eq for ByPath<M> {}

impl<M> PartialOrd for ByPath<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for ByPath<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.path().cmp(other.path())
    }
}

impl<M> Index<M> {
    /// An index of nothing but the root; `structure` names the archive in error messages.
    pub(crate) fn new(structure: &'static str) -> Self {
        let root = ByPath::new(Entry::folder(String::new()), None);
        Self {
            structure,
            nodes: BTreeSet::from([root]),
            paths: path_budget(),
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
        let known = self.nodes.get(entry.path.as_str());
        let was_folder = known.is_some_and(|known| known.0.entry.is_folder());
        if was_folder && !entry.is_folder() && self.has_entries(&entry.path) {
            return Err(self.conflict(&entry.path));
        }
        self.nodes.replace(ByPath::new(entry, member));
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
        let known = self.nodes.get(path);
        let is_file = known.is_some_and(|known| known.0.entry.is_file());
        if !is_file {
            return Err(wrong_kind(path, "file"));
        }
        if let Some(mut known) = self.nodes.take(path) {
            known.0.entry.kind = Kind::File { len_bytes };
            known.0.member = Some(member);
            self.nodes.insert(known);
        }
        Ok(())
    }

    /// The member at `path`, whatever it is; none for a folder that no member names.
    pub(crate) fn any_member(&self, path: &str) -> Result<Option<&M>, MediaError> {
        self.node(path).map(|node| node.member.as_ref())
    }

    /// All members, by path.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&Entry, &M)> {
        let nodes = self.nodes.iter();
        nodes.filter_map(|node| Some((&node.0.entry, node.0.member.as_ref()?)))
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
        let start = path::join(path, "");
        let mut children = Vec::new();
        let mut nodes = self.starting_at(&start);
        while let Some(node) = nodes.next() {
            let Some(below) = node.path().strip_prefix(start.as_str()) else {
                break;
            };
            match below.split_once('/') {
                // What is in a folder of this folder is passed over: `0` is what comes next after `/`.
                Some((folder, _)) => nodes = self.starting_at(&format!("{start}{folder}0")),
                None if below.is_empty() => {} // the root
                None => children.push(node.0.entry.clone()),
            }
        }
        Ok(children)
    }

    /// Whether something is in the folder at `path`, which is not the root.
    fn has_entries(&self, path: &str) -> bool {
        let start = path::join(path, "");
        let first = self.starting_at(&start).next();
        first.is_some_and(|node| node.path().starts_with(start.as_str()))
    }

    /// The nodes from `path` on, by path.
    fn starting_at(&self, path: &str) -> Range<'_, ByPath<M>> {
        let range: (Bound<&str>, Bound<&str>) = (Bound::Included(path), Bound::Unbounded);
        self.nodes.range::<str, _>(range)
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
        let found = self.nodes.get(path);
        found
            .map(|found| &*found.0)
            .ok_or_else(|| MediaError::NotFound {
                path: path.to_owned(),
            })
    }

    /// Enters `path` into the folder it is in, which is made if no member names it.
    fn add_to_folder(&mut self, path: &str) -> Result<(), MediaError> {
        let mut path = path;
        while !path.is_empty() {
            let (folder, _) = path::split(path);
            match self.nodes.get(folder) {
                Some(known) if known.0.entry.is_folder() => break,
                Some(_) => return Err(self.conflict(path)),
                None => {}
            }
            self.spend_path(folder)?;
            let entry = Entry::folder(folder.to_owned());
            self.nodes.insert(ByPath::new(entry, None));
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
    fn a_folder_has_what_is_in_it_and_no_more() {
        let files = [
            "a/x/y/1",
            "a/x0",
            "a/x/z",
            "a b",
            "a.c",
            "a0/x",
            "a/x.d",
            "a/\u{10ffff}",
            "ab",
        ];
        let index = index(&files).unwrap();
        for (folder, expected) in [
            ("", &["a", "a b", "a.c", "a0", "ab"][..]),
            ("a", &["x", "x.d", "x0", "\u{10ffff}"]),
            ("a/x", &["y", "z"]),
            ("a/x/y", &["1"]),
            ("a0", &["x"]),
        ] {
            let children = index.children(folder).unwrap();
            let names: Vec<_> = children.iter().map(Entry::name).collect();
            assert_eq!(names, expected, "{folder}");
        }
        assert!(
            Index::<()>::new("test archive")
                .children("")
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn contents_are_given_to_files_only() {
        let mut index = index(&["a/b"]).unwrap();
        index.set_contents("a/b", 5, ()).unwrap();
        assert_eq!(index.entry("a/b").unwrap().len_bytes(), Some(5));
        assert!(index.set_contents("a", 5, ()).is_err());
        assert!(index.set_contents("c", 5, ()).is_err());
    }

    #[test]
    fn a_million_members_fit_into_memory() {
        assert!(size_of::<Node<crate::archive::Contents>>() <= 128);
        assert!(size_of::<ByPath<crate::archive::Contents>>() <= 8);
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
