//! Files that were read once need no second reading until they change.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use model::{Clock as _, SystemClock};

use super::{
    listing::Listing,
    notes::{Notebook, Noted, Notes},
    stamp::Stamp,
};
use crate::{ReadError, Recipe};

/// What a search needs to know of a file.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) identifier: Option<String>,
    pub(super) parent: Option<String>,
    pub(super) is_valid: bool,
    pub(super) is_valid_override: bool,
}

/// What a file says, or why it cannot be read.
pub(super) type Heard = Result<Arc<Header>, String>;

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    /// Whether another stamp is sure to follow on the next change.
    is_settled: bool,
    header: Heard,
    recipe: Option<Arc<Recipe>>,
}

/// What was read, by path. Looking at a file costs one question to the system, reading it a hundred times as much.
#[derive(Debug, Default)]
pub(super) struct Files {
    known: Mutex<HashMap<PathBuf, Known>>,
    listings: Mutex<HashMap<PathBuf, (Stamp, Arc<Listing>)>>,
    /// What earlier processes noted, and where.
    notes: OnceLock<Notes>,
    notes_at: Option<PathBuf>,
    /// How much was read that the notes do not have.
    news: AtomicUsize,
}

impl Files {
    /// Files of which there are notes at `path`, or shall be.
    pub(super) fn noted_at(path: PathBuf) -> Self {
        Self {
            notes_at: Some(path),
            ..Self::default()
        }
    }

    /// Its header; none if it cannot be read, which is noted.
    pub(super) fn header(&self, path: &Path) -> Option<Arc<Header>> {
        self.header_noted(path, self.notes().header(path))
    }

    /// What was noted of the folder `dir`, for [`Files::header_noted`].
    pub(super) fn noted(&self, dir: &Path) -> Option<&Noted> {
        self.notes().folder(dir)
    }

    /// As [`Files::header`], where it is known what was noted of it.
    pub(super) fn header_noted(
        &self,
        path: &Path,
        noted: Option<&(Stamp, Heard)>,
    ) -> Option<Arc<Header>> {
        let stamp = Stamp::of_file(path)?;
        let noted = noted.filter(|(then, _)| *then == stamp);
        let noted = noted.map(|(_, heard)| heard);
        if let Some(Ok(header)) = noted {
            return Some(Arc::clone(header));
        }
        if let Some(known) = lock(&self.known)
            .get(path)
            .filter(|known| known.stamp == stamp)
        {
            return known.header.as_ref().ok().cloned();
        }
        let now = SystemClock.now();
        // Most files are looked at in passing only, so what they say is not kept.
        let header = noted.cloned().unwrap_or_else(|| {
            self.news.fetch_add(1, Ordering::Relaxed);
            header_of(Recipe::read(path).as_ref())
        });
        let answer = header.as_ref().ok().cloned();
        let known = Known {
            stamp,
            is_settled: stamp.is_settled(now),
            header,
            recipe: None,
        };
        lock(&self.known).insert(path.to_owned(), known);
        answer
    }

    /// All that it says.
    pub(super) fn recipe(&self, path: &Path) -> Result<Arc<Recipe>, ReadError> {
        let stamp = Stamp::of_file(path);
        let known = lock(&self.known).get(path).and_then(|known| {
            (Some(known.stamp) == stamp)
                .then(|| known.recipe.clone())
                .flatten()
        });
        if let Some(recipe) = known {
            return Ok(recipe);
        }
        let now = SystemClock.now();
        let read = Recipe::read(path);
        let header = header_of(read.as_ref());
        let recipe = read.map(Arc::new);
        if let Some(stamp) = stamp {
            let noted = self.notes().header(path);
            let is_noted = noted.is_some_and(|(then, _)| *then == stamp);
            let known = Known {
                stamp,
                is_settled: stamp.is_settled(now),
                header,
                recipe: recipe.as_ref().ok().map(Arc::clone),
            };
            let before = lock(&self.known).insert(path.to_owned(), known);
            if !is_noted && before.is_none_or(|before| before.stamp != stamp) {
                self.news.fetch_add(1, Ordering::Relaxed);
            }
        }
        recipe
    }

    /// What lies in a folder.
    pub(super) fn listing(&self, dir: &Path) -> Arc<Listing> {
        let Some(stamp) = Stamp::of_folder(dir) else {
            return Arc::default();
        };
        let known = lock(&self.listings).get(dir).cloned();
        if let Some((_, listing)) = known.filter(|(then, _)| *then == stamp) {
            return listing;
        }
        let (listing, stays) = if let Some(listing) = self.notes().listing(dir, stamp) {
            (listing, true)
        } else {
            let is_settled = stamp.is_settled(SystemClock.now());
            let (listing, stays) = Listing::read(dir);
            self.news.fetch_add(1, Ordering::Relaxed);
            (Arc::new(listing), stays && is_settled)
        };
        if stays {
            let kept = (stamp, Arc::clone(&listing));
            lock(&self.listings).insert(dir.to_owned(), kept);
        }
        listing
    }

    /// Lets go of what the files say. Their headers stay.
    pub(super) fn forget(&self) {
        for known in lock(&self.known).values_mut() {
            known.recipe = None;
        }
    }

    /// What is wrong with the files that cannot be read, in no particular order.
    pub(super) fn unreadable(&self) -> Vec<String> {
        lock(&self.known)
            .values()
            .filter_map(|known| known.header.as_ref().err().cloned())
            .collect()
    }

    /// Notes what was read for the next process, if it is worth it.
    pub(super) fn note(&self, worth: usize) -> std::io::Result<()> {
        let Some(path) = &self.notes_at else {
            return Ok(());
        };
        if self.news.load(Ordering::Relaxed) < worth {
            return Ok(());
        }
        let (known, mut notes) = (lock(&self.known), Notebook::default());
        for (dir, (stamp, listing)) in lock(&self.listings).iter() {
            let header = |path: &Path| match known.get(path) {
                Some(known) => known
                    .is_settled
                    .then(|| (known.stamp, known.header.clone())),
                None => self.notes().header(path).cloned(),
            };
            notes.add(dir, *stamp, listing, header);
        }
        notes.take_over(self.notes());
        notes.write(path)
    }

    /// How much was read of the disk.
    #[cfg(test)]
    pub(super) fn news(&self) -> usize {
        self.news.load(Ordering::Relaxed)
    }

    fn notes(&self) -> &Notes {
        self.notes.get_or_init(|| {
            let path = self.notes_at.as_deref();
            path.and_then(Notes::read).unwrap_or_default()
        })
    }
}

/// A panic elsewhere leaves whole entries only.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn header_of(recipe: Result<&Recipe, &ReadError>) -> Heard {
    match recipe {
        Ok(recipe) => Ok(Arc::new(Header {
            identifier: recipe.identifier().map(str::to_owned),
            parent: recipe.parent().map(str::to_owned),
            is_valid: recipe.is_valid(),
            is_valid_override: recipe.is_valid_override(),
        })),
        Err(error) => {
            let source = std::error::Error::source(error).map(|source| format!(": {source}"));
            Err(format!("{error}{}", source.unwrap_or_default()))
        }
    }
}
