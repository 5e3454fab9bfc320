//! Folders as they were a moment ago.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::folder::Folder;

/// How long a look is relied on. Files are looked at when they are used; what can be missed is a new one that goes before
/// the one that is known.
const RELIED_ON: Duration = Duration::from_secs(5);

/// Folders as they were a moment ago, shared by the libraries that follow each other.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<HashMap<PathBuf, (Instant, Arc<Folder>)>>);

impl Lately {
    pub(super) fn get(&self, dir: &Path) -> Option<Arc<Folder>> {
        let folders = self.lock();
        let (looked_at, folder) = folders.get(dir)?;
        (looked_at.elapsed() < RELIED_ON).then(|| Arc::clone(folder))
    }

    pub(super) fn put(&self, dir: &Path, folder: &Arc<Folder>) {
        let seen = (Instant::now(), Arc::clone(folder));
        self.lock().insert(dir.to_owned(), seen);
    }

    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, (Instant, Arc<Folder>)>> {
        // A panic elsewhere leaves whole entries only.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Library, Scope};

    fn write(folder: &std::path::Path, name: &str, identifier: &str) {
        let text = format!("Identifier: {identifier}\nInput: {{NAME: A}}\nProcess: []\n");
        fs_err::write(folder.join(format!("{name}.recipe.yaml")), text).unwrap();
    }

    #[test]
    fn what_came_went_or_changed_since_the_last_look_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "A", "com.example.a");
        let library = Library::new(&[folder.path().display().to_string()], &[], None);
        let find = |library: &Library, name: &str| library.locate(name, Scope::Recipes, &[]);
        assert!(find(&library, "com.example.a").is_some());
        write(folder.path(), "B", "com.example.b");
        assert!(find(&library, "com.example.b").is_none(), "it is as it was");
        let library = library.refreshed();
        assert!(find(&library, "com.example.a").is_some());
        assert!(find(&library, "com.example.b").is_some());

        let library = library.refreshed();
        write(folder.path(), "A", "com.example.another");
        assert!(find(&library, "com.example.a").is_none());
        assert!(find(&library.refreshed(), "com.example.another").is_some());
        fs_err::remove_file(folder.path().join("B.recipe.yaml")).unwrap();
        assert!(find(&library.refreshed(), "com.example.b").is_none());
        assert!(find(&library.refreshed(), "B").is_none());
    }
}
