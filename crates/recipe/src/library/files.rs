//! Files that were read once need no second reading until they change.

use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{ReadError, Recipe};

/// What a search must know of a file.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) identifier: Option<String>,
    pub(super) valid: bool,
}

/// Changes whenever the file's contents can have changed; the change time cannot be set back by its owner.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    len_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs_err::metadata(path).ok()?;
        metadata.is_file().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    header: Result<Header, String>,
    recipe: Option<Arc<Recipe>>,
}

/// The cache.
#[derive(Debug, Default)]
pub(super) struct Files {
    known: Mutex<HashMap<PathBuf, Known>>,
}

impl Files {
    /// What a search must know of the file; nothing if it is no regular file or cannot be read.
    pub(super) fn header(&self, path: &Path) -> Option<Header> {
        let stamp = Stamp::of(path)?;
        if let Some(known) = self.lock().get(path).filter(|known| known.stamp == stamp) {
            return known.header.as_ref().ok().cloned();
        }
        // Most files are looked at in passing only, so what they say is not kept.
        let header = header_of(Recipe::read(path).as_ref());
        let answer = header.as_ref().ok().cloned();
        self.lock().insert(
            path.to_owned(),
            Known {
                stamp,
                header,
                recipe: None,
            },
        );
        answer
    }

    /// The recipe.
    pub(super) fn recipe(&self, path: &Path) -> Result<Arc<Recipe>, ReadError> {
        let stamp = Stamp::of(path);
        let known = self.lock().get(path).and_then(|known| {
            (Some(known.stamp) == stamp)
                .then(|| known.recipe.clone())
                .flatten()
        });
        if let Some(recipe) = known {
            return Ok(recipe);
        }
        let read = Recipe::read(path);
        let header = header_of(read.as_ref());
        let recipe = read.map(Arc::new);
        if let Some(stamp) = stamp {
            let kept = recipe.as_ref().ok().map(Arc::clone);
            self.lock().insert(
                path.to_owned(),
                Known {
                    stamp,
                    header,
                    recipe: kept,
                },
            );
        }
        recipe
    }

    /// Lets go of what files say; what a search must know stays.
    pub(super) fn forget(&self) {
        for known in self.lock().values_mut() {
            known.recipe = None;
        }
    }

    pub(super) fn unreadable(&self) -> Vec<String> {
        self.lock()
            .values()
            .filter_map(|known| known.header.as_ref().err().cloned())
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Known>> {
        // A panic elsewhere leaves whole entries only.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header_of(recipe: Result<&Recipe, &ReadError>) -> Result<Header, String> {
    match recipe {
        Ok(recipe) => Ok(Header {
            identifier: recipe.identifier().map(str::to_owned),
            valid: recipe.is_valid(),
        }),
        Err(error) => {
            let source = std::error::Error::source(error).map(|source| format!(": {source}"));
            Err(format!("{error}{}", source.unwrap_or_default()))
        }
    }
}
