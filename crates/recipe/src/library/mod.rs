//! Where recipes lie, and how they are found.

mod all;
mod files;
mod folder;
mod lately;
mod listing;
mod memory;
mod notes;
mod stamp;
mod survey;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use self::{
    all::in_parallel,
    files::{Files, Header},
    folder::Folder,
    lately::Lately,
};
pub use self::{memory::Memory, survey::Survey};
use crate::{
    Recipe, ResolveError, Resolved,
    core_processors::split_processor,
    paths::{absolute, expand_user, folder_of},
    resolve,
};

/// The folders of a search, looked into once and then remembered.
///
/// A recipe is sought as `AutoPkg` 2.9 does: in each folder and one level below it, first by identifier over all
/// folders, then by name; where `AutoPkg` takes the order of the file system, names are sorted. A library shows the
/// folders as they were when each was first needed; [`Library::refreshed`] looks again and reads only what changed.
/// Where recipes lie is taken from a look of the last seconds, if there was one and what it says still holds: a list of
/// titles is run one after the other, and does not walk through thousands of folders for each.
#[derive(Debug)]
pub struct Library {
    search_dirs: Vec<PathBuf>,
    override_dirs: Vec<PathBuf>,
    home: Option<PathBuf>,
    files: Arc<Files>,
    folders: RwLock<HashMap<PathBuf, Arc<Folder>>>,
    lately: Arc<Lately>,
    /// Whether a folder was taken from an earlier look.
    remembers: AtomicBool,
}

/// Which folders a search covers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Override folders first, then search folders.
    Overrides,
    /// Search folders only.
    Recipes,
}

/// A recipe of a [`Library`], as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The file's name without its extension.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it was found as an override.
    pub is_override: bool,
    /// Its identifier.
    pub identifier: Option<String>,
    /// The identifier or name of its parent.
    pub parent: Option<String>,
}

impl Listed {
    /// A recipe at `path`, if it is a valid one.
    fn of(path: &Path, header: &Header, is_override: bool) -> Option<Self> {
        let is_valid = if is_override {
            header.is_valid_override
        } else {
            header.is_valid
        };
        let name = path.file_name().filter(|_| is_valid)?.to_string_lossy();
        Some(Self {
            name: crate::strip_extension(&name).to_owned(),
            path: path.to_owned(),
            is_override,
            identifier: header.identifier.clone(),
            parent: header.parent.clone(),
        })
    }
}

impl Library {
    /// A library of these folders, in order of precedence; `~` is the `home` folder.
    pub fn new(search_dirs: &[String], override_dirs: &[String], home: Option<&Path>) -> Self {
        let normal = |dirs: &[String]| {
            dirs.iter()
                .map(|dir| absolute(&expand_user(dir, home)))
                .collect()
        };
        Self {
            search_dirs: normal(search_dirs),
            override_dirs: normal(override_dirs),
            home: home.map(Path::to_owned),
            files: Arc::default(),
            folders: RwLock::default(),
            lately: Arc::default(),
            remembers: AtomicBool::new(false),
        }
    }

    /// The same folders, looked at anew; files that did not change are not read again.
    #[must_use]
    pub fn refreshed(&self) -> Self {
        Self {
            search_dirs: self.search_dirs.clone(),
            override_dirs: self.override_dirs.clone(),
            home: self.home.clone(),
            files: Arc::clone(&self.files),
            folders: RwLock::default(),
            lately: Arc::clone(&self.lately),
            remembers: AtomicBool::new(false),
        }
    }

    /// The same folders; what `memory` has of their files need not be read.
    #[must_use]
    pub fn with_memory(mut self, memory: &Memory) -> Self {
        self.files = memory.files();
        self
    }

    /// A library of other folders that knows the files which this one has read.
    #[must_use]
    pub fn of_other_dirs(&self, search_dirs: &[String], override_dirs: &[String]) -> Self {
        Self {
            files: Arc::clone(&self.files),
            ..Self::new(search_dirs, override_dirs, self.home())
        }
    }

    /// The folders of recipes, from the root, in order of precedence.
    pub fn search_dirs(&self) -> &[PathBuf] {
        &self.search_dirs
    }

    /// The folders of overrides, from the root, in order of precedence.
    pub fn override_dirs(&self) -> &[PathBuf] {
        &self.override_dirs
    }

    /// The home folder that `~` stands for.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Finds the recipe or override `name`, a path, a name or an identifier, and puts it together with its parents.
    ///
    /// # Errors
    /// If it or a parent of it is not found, cannot be read, or cannot be merged.
    pub fn resolve(&self, name: &str) -> Result<Resolved, ResolveError> {
        self.resolve_in(name, Scope::Overrides, &[])
    }

    /// As [`Library::resolve`], in the folders of `scope` and then in `more_dirs`.
    ///
    /// # Errors
    /// As [`Library::resolve`].
    pub fn resolve_in(
        &self,
        name: &str,
        scope: Scope,
        more_dirs: &[PathBuf],
    ) -> Result<Resolved, ResolveError> {
        resolve::resolve(self, name, scope, more_dirs)
    }

    /// What `files` say together, as if these bytes were read from these paths: what was asked for as `name`, and its
    /// parents, nearest first.
    ///
    /// # Errors
    /// If they cannot be read as recipes or merged.
    pub fn resolve_files(
        &self,
        name: &str,
        files: &[(PathBuf, Vec<u8>)],
    ) -> Result<Resolved, ResolveError> {
        resolve::resolve_files(self, name, files)
    }

    /// The file that `name` stands for: a path to a valid recipe, else an identifier, else a name.
    pub fn locate(&self, name: &str, scope: Scope, more_dirs: &[PathBuf]) -> Option<PathBuf> {
        let path = Path::new(name);
        if path.is_file()
            && self
                .files
                .header(path)
                .is_some_and(|header| header.is_valid)
        {
            return Some(path.to_owned());
        }
        self.find(name, &self.dirs(scope, more_dirs))
    }

    /// The file of the parent `name`; unlike [`Library::locate`] never one that lies beside the current folder.
    pub(crate) fn locate_parent(&self, name: &str, more_dirs: &[PathBuf]) -> Option<PathBuf> {
        if Path::new(name).is_absolute() {
            return self.locate(name, Scope::Recipes, more_dirs);
        }
        self.find(name, &self.dirs(Scope::Recipes, more_dirs))
    }

    /// The first file whose identifier is `identifier`, valid or not.
    pub fn find_identifier(&self, identifier: &str, scope: Scope) -> Option<PathBuf> {
        let dirs = self.dirs(scope, &[]);
        self.as_it_is(|| self.declaring(identifier, &dirs))
    }

    /// Every file of the search folders whose identifier is `identifier`, in the order of a search.
    pub fn find_all(&self, identifier: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        for dir in &self.search_dirs {
            for path in self
                .folder(dir, &self.search_dirs)
                .all_by_identifier(identifier)
            {
                if !found.contains(&path) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// Reads a file of the library; from memory if it did not change.
    ///
    /// # Errors
    /// If it cannot be read as a recipe.
    pub fn read(&self, path: &Path) -> Result<Arc<Recipe>, crate::ReadError> {
        self.files.recipe(path)
    }

    /// Whether `path` lies in an override folder.
    pub fn is_in_override_dir(&self, path: &Path) -> bool {
        let path = absolute(path);
        self.override_dirs.iter().any(|dir| path.starts_with(dir))
    }

    /// The file of a step's processor: beside the recipe, beside the recipe that its prefix names, or beside a
    /// parent, nearest first. A file named like a core processor counts.
    pub fn processor_path(&self, recipe: &Resolved, processor: &str) -> Option<PathBuf> {
        let (identifier, name) = split_processor(processor);
        let beside = |file: &Path| file.parent().map(Path::to_owned);
        let shared = identifier
            .and_then(|identifier| self.find_identifier(identifier, Scope::Recipes))
            .and_then(|file| beside(&file));
        let file_name = format!("{name}.py");
        [beside(recipe.path()), shared]
            .into_iter()
            .chain(recipe.parents().iter().map(|parent| beside(parent)))
            .flatten()
            .map(|dir| dir.join(&file_name))
            .find(|path| path.exists())
    }

    /// Every valid recipe of the search folders, then every override, in the order of a search.
    pub fn list(&self) -> Vec<Listed> {
        let mut listed = Vec::new();
        for (dirs, is_override) in [(&self.search_dirs, false), (&self.override_dirs, true)] {
            for dir in dirs {
                let folder = self.folder(dir, dirs);
                // Of what cannot be read was told when the folder was indexed.
                listed.extend(
                    folder
                        .candidates(is_override)
                        .filter_map(|(path, header)| Listed::of(path, header?, is_override)),
                );
            }
        }
        listed
    }

    /// What is wrong with the recipe files that could not be read so far, in no particular order.
    pub fn unreadable(&self) -> Vec<String> {
        self.files.unreadable()
    }

    fn dirs(&self, scope: Scope, more_dirs: &[PathBuf]) -> Vec<PathBuf> {
        let overrides: &[PathBuf] = match scope {
            Scope::Overrides => &self.override_dirs,
            Scope::Recipes => &[],
        };
        [overrides, &self.search_dirs, more_dirs].concat()
    }

    fn find(&self, name: &str, dirs: &[PathBuf]) -> Option<PathBuf> {
        self.as_it_is(|| {
            self.declaring(name, dirs).or_else(|| {
                dirs.iter()
                    .find_map(|dir| self.folder(dir, dirs).by_name(name, &self.files))
            })
        })
    }

    /// The first file that declares `identifier`, unless it does so no more.
    fn declaring(&self, identifier: &str, dirs: &[PathBuf]) -> Option<PathBuf> {
        let mut found = dirs
            .iter()
            .filter_map(|dir| self.folder(dir, dirs).by_identifier(identifier));
        let path = found.next()?;
        let header = self.files.header(&path)?;
        (header.identifier.as_deref() == Some(identifier)).then_some(path)
    }

    /// What `search` finds; if that is nothing and an earlier look was relied on, what it finds after another look.
    fn as_it_is(&self, search: impl Fn() -> Option<PathBuf>) -> Option<PathBuf> {
        search().or_else(|| {
            if !self.remembers.swap(false, Ordering::Relaxed) {
                return None;
            }
            self.lately.forget();
            self.own_folders().clear();
            search()
        })
    }

    /// The folder `dir`. If it was not looked at yet, all of `dirs`, to which it belongs, are: they are needed next.
    fn folder(&self, dir: &Path, dirs: &[PathBuf]) -> Arc<Folder> {
        let had = self.folders.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = had.get(dir) {
            return Arc::clone(folder);
        }
        drop(had);
        let mut folders = self.own_folders();
        let mut unseen: Vec<&Path> = Vec::new();
        for dir in dirs {
            if folders.contains_key(dir) || unseen.contains(&dir.as_path()) {
                continue;
            }
            if let Some(folder) = self.lately.get(dir) {
                self.remembers.store(true, Ordering::Relaxed);
                folders.insert(dir.clone(), folder);
            } else {
                unseen.push(dir);
            }
        }
        let looked_at = in_parallel(&unseen, |dir| ((*dir).to_owned(), self.look_at(dir)));
        folders.extend(looked_at);
        let folder = folders.entry(dir.to_owned());
        Arc::clone(folder.or_insert_with(|| self.look_at(dir)))
    }

    fn look_at(&self, dir: &Path) -> Arc<Folder> {
        let folder = Arc::new(Folder::index(dir, &self.files));
        self.lately.put(dir, &folder);
        folder
    }

    fn own_folders(&self) -> RwLockWriteGuard<'_, HashMap<PathBuf, Arc<Folder>>> {
        self.folders.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder that a recipe of the chain adds to the search for its own parent.
    pub(crate) fn own_dir(path: &Path) -> PathBuf {
        folder_of(path)
    }
}

#[cfg(test)]
mod tests;
