//! Who is in which folder, on a volume that gives numbers to its files.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::OnceLock,
};

use wire::{Budget, ParseError};

use crate::MediaError;

/// How many folders may be reached that have another path already.
const MOST_REACHED_AGAIN: usize = 100_000;

/// What a name is found by on volumes to which case does not matter, and that have no table of their own for it.
pub(crate) fn lower_case(name: &str) -> Vec<u16> {
    name.to_lowercase().encode_utf16().collect()
}

/// Who is in which folder. A file may have several names, a folder only one.
#[derive(Debug)]
pub(crate) struct Names {
    structure: &'static str,
    root: u64,
    folders: HashMap<u64, Folder>,
    named_folders: HashSet<u64>,
    /// What two names have in common that differ only in case; none if case matters.
    fold: Option<fn(&str) -> Vec<u16>>,
    budget: Budget,
}

/// What is in a folder.
#[derive(Debug, Default)]
struct Folder {
    names: BTreeMap<String, u64>,
    /// The same by what names that differ only in case have in common; made when a name is asked for that is not there
    /// as it is written, as most folders never are.
    folded: OnceLock<HashMap<Vec<u16>, u64>>,
}

impl Folder {
    /// Gives a name to `id`; the answer is what had it.
    fn insert(&mut self, name: String, id: u64) -> Option<u64> {
        self.folded.take();
        self.names.insert(name, id)
    }

    fn remove(&mut self, name: &str) -> Option<u64> {
        self.folded.take();
        self.names.remove(name)
    }

    /// What has a name that is the same but for its case; of several, the first one.
    fn find_folded(&self, name: &str, fold: fn(&str) -> Vec<u16>) -> Option<u64> {
        let folded = self.folded.get_or_init(|| {
            let names = self.names.iter().rev();
            names.map(|(name, id)| (fold(name), *id)).collect()
        });
        folded.get(&fold(name)).copied()
    }
}

impl Names {
    /// An empty root folder with that number; `structure` names the volume in error messages.
    pub(crate) fn new(
        structure: &'static str,
        root: u64,
        fold: Option<fn(&str) -> Vec<u16>>,
    ) -> Self {
        Self {
            structure,
            root,
            folders: HashMap::from([(root, Folder::default())]),
            named_folders: HashSet::from([root]),
            fold,
            budget: Budget::for_medium(structure),
        }
    }

    /// States that there is a folder with that number.
    pub(crate) fn add_folder(&mut self, id: u64) {
        self.folders.entry(id).or_default();
    }

    /// Gives a name to what has the number `id`; folders must be known.
    ///
    /// # Errors
    /// If the name is none, or is taken; if a folder has one already; or if there are more than a medium may have.
    pub(crate) fn add(&mut self, parent: u64, name: String, id: u64) -> Result<(), ParseError> {
        self.budget.spend_entry()?;
        if matches!(name.as_str(), "" | "." | "..") || name.contains('/') {
            return Err(self.invalid(format!("the name {name:?}")));
        }
        if self.folders.contains_key(&id) && !self.named_folders.insert(id) {
            return Err(self.invalid(format!("a second name {name:?} of a folder")));
        }
        let Some(folder) = self.folders.get_mut(&parent) else {
            return Err(self.invalid(format!("the name {name:?} in a folder that is not there")));
        };
        match folder.insert(name, id) {
            None => Ok(()),
            Some(_) => Err(self.invalid("two things with one name in a folder".to_owned())),
        }
    }

    /// Gives another name to what has the number `id`, even if it is a folder: what is hard linked has several.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub(crate) fn add_link(
        &mut self,
        parent: u64,
        name: String,
        id: u64,
    ) -> Result<(), ParseError> {
        self.named_folders.remove(&id);
        self.add(parent, name, id)
    }

    /// Takes a name out of a folder again.
    pub(crate) fn remove(&mut self, parent: u64, name: &str) -> Option<u64> {
        self.folders.get_mut(&parent)?.remove(name)
    }

    /// The number of what `name` is in the folder `parent`.
    pub(crate) fn find(&self, parent: u64, name: &str) -> Option<u64> {
        let folder = self.folders.get(&parent)?;
        if let Some(id) = folder.names.get(name) {
            return Some(*id);
        }
        folder.find_folded(name, self.fold?)
    }

    /// The number of what is at `path`.
    ///
    /// # Errors
    /// [`MediaError::NotFound`].
    pub(crate) fn resolve(&self, path: &str) -> Result<u64, MediaError> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names
            .try_fold(self.root, |folder, name| self.find(folder, name))
            .ok_or_else(|| MediaError::NotFound {
                path: path.to_owned(),
            })
    }

    /// The names and numbers in the folder with that number, by the bytes of the name; none if it is no folder.
    pub(crate) fn children(&self, id: u64) -> Option<&BTreeMap<String, u64>> {
        self.folders.get(&id).map(|folder| &folder.names)
    }

    /// States that the folders with several names do not have paths without end: where each of a chain of folders has
    /// two names in the one before it, there are twice as many paths with each.
    ///
    /// # Errors
    /// If there are more than a medium may have.
    pub(crate) fn check_paths(&self) -> Result<(), ParseError> {
        let folders_in = |names: &BTreeMap<String, u64>| -> Vec<u64> {
            let ids = names.values().copied();
            ids.filter(|id| self.folders.contains_key(id)).collect()
        };
        let inner: HashMap<u64, Vec<u64>> = self
            .folders
            .iter()
            .map(|(id, folder)| (*id, folders_in(&folder.names)))
            .collect();
        let mut left = self.folders.len().saturating_add(MOST_REACHED_AGAIN);
        let mut waiting = vec![self.root];
        while let Some(folder) = waiting.pop() {
            let found = inner.get(&folder).map(Vec::as_slice).unwrap_or_default();
            left = left.checked_sub(found.len()).ok_or(ParseError::Budget {
                structure: self.structure,
                limit: MOST_REACHED_AGAIN as u64,
                unit: "folders that are reached again by hard links",
            })?;
            waiting.extend_from_slice(found);
        }
        Ok(())
    }

    fn invalid(&self, what: String) -> ParseError {
        ParseError::Invalid {
            structure: self.structure,
            what,
            offset: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_and_case_matters_only_where_it_does() {
        for fold in [None, Some(lower_case as fn(&str) -> Vec<u16>)] {
            let mut names = Names::new("test volume", 2, fold);
            names.add_folder(16);
            names.add(2, "Folder".to_owned(), 16).unwrap();
            names.add(16, "A".to_owned(), 17).unwrap();
            names.add(16, "a".to_owned(), 18).unwrap();
            assert_eq!(names.resolve("").unwrap(), 2);
            assert_eq!(names.resolve("Folder/a").unwrap(), 18);
            assert_eq!(names.resolve("folder/A").is_ok(), fold.is_some());
            assert!(names.resolve("Folder/a/b").is_err());
            assert!(names.resolve("b").is_err());
        }
    }

    #[test]
    fn a_large_folder_is_folded_once() {
        let mut names = Names::new("test volume", 2, Some(lower_case));
        for id in 0..20_000 {
            names.add(2, format!("File {id}"), 100 + id).unwrap();
        }
        // A name that is not there used to be compared with all the others.
        for id in 0..20_000 {
            assert_eq!(names.find(2, &format!("._File {id}")), None);
            assert_eq!(names.find(2, &format!("FILE {id}")), Some(100 + id));
        }
        names.add(2, "New".to_owned(), 50).unwrap();
        assert_eq!(names.find(2, "new"), Some(50));
        names.add(2, "NEW".to_owned(), 51).unwrap();
        assert_eq!(names.find(2, "new"), Some(51), "the first by its bytes");
        names.remove(2, "NEW");
        assert_eq!(names.find(2, "new"), Some(50));
    }

    #[test]
    fn names_that_are_none_or_taken_are_refused() {
        let mut names = Names::new("test volume", 2, None);
        names.add_folder(16);
        names.add(2, "x".to_owned(), 16).unwrap();
        for (parent, name, id) in [
            (2, "x", 17),
            (2, "y", 16),
            (2, "y", 2),
            (99, "y", 17),
            (2, "", 17),
            (2, "..", 17),
            (2, "a/b", 17),
        ] {
            assert!(names.add(parent, name.to_owned(), id).is_err(), "{name}");
        }
    }

    /// A chain of folders, each with two names in the one before it.
    fn chain(len: u64) -> Names {
        let mut names = Names::new("test volume", 2, None);
        let mut parent = 2;
        for id in 16..16 + len {
            names.add_folder(id);
            names.add(parent, "a".to_owned(), id).unwrap();
            names.add_link(parent, "b".to_owned(), id).unwrap();
            parent = id;
        }
        names
    }

    #[test]
    fn folders_with_several_names_have_only_so_many_paths() {
        chain(0).check_paths().unwrap();
        chain(14).check_paths().unwrap();
        let error = chain(40).check_paths().unwrap_err().to_string();
        assert!(error.contains("100000 folders"), "{error}");
        let mut circle = chain(1);
        circle.add_link(16, "round".to_owned(), 16).unwrap();
        assert!(circle.check_paths().is_err());
    }
}
