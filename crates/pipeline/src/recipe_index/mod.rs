//! Every recipe that this service has, and what an audit says of it: an index in memory, for those who search.
//!
//! [`Engine::index_recipes`] looks whether anything changed and, if so, looks all recipes over, one after the other on
//! one thread, so that runs have the rest of the machine. [`Engine::recipe_index`] is what it found last.

mod entry;
mod handbook;
mod look;
mod runs;
mod search;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use model::{Sha256, Timestamp};
use recipe::{Auditor, Library, Scope};

use self::entry::Repositories;
pub use self::{
    entry::RecipeEntry,
    handbook::Handbook,
    look::{RecipeFile, RecipeFinding, RecipeLook, RecipeStep},
    runs::Runs,
    search::RecipeQuery,
};
use crate::{Engine, Failure, engine::blocking};

/// After how many recipes what files say is let go of.
const KEPT_AT_A_TIME: usize = 500;

/// Every recipe, as it was when somebody looked.
#[derive(Debug)]
pub struct IndexedRecipes {
    /// By name, then repository.
    entries: Vec<RecipeEntry>,
    digest: Sha256,
    looked_at: Timestamp,
    unreadable: usize,
    library: Arc<Library>,
}

impl IndexedRecipes {
    /// All of them, by name.
    pub fn entries(&self) -> &[RecipeEntry] {
        &self.entries
    }

    /// When they were looked over.
    pub const fn looked_at(&self) -> Timestamp {
        self.looked_at
    }

    /// How many files could not be read as recipes.
    pub const fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Those that are sought, best first.
    pub fn search(&self, query: &RecipeQuery<'_>) -> Vec<&RecipeEntry> {
        search::search(&self.entries, query)
    }

    /// The one of that key.
    pub fn find(&self, key: &str) -> Option<&RecipeEntry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Where they lie, as it was when they were looked over.
    fn library(&self) -> Arc<Library> {
        Arc::clone(&self.library)
    }
}

/// What was found last; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecipeIndex(Arc<RwLock<Option<Arc<IndexedRecipes>>>>);

impl RecipeIndex {
    fn get(&self) -> Option<Arc<IndexedRecipes>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    fn put(&self, recipes: IndexedRecipes) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(Arc::new(recipes));
    }
}

impl Engine {
    /// Every recipe, as it was when somebody last looked; nothing before the first look.
    pub fn recipe_index(&self) -> Option<Arc<IndexedRecipes>> {
        self.index.get()
    }

    /// Looks whether a recipe came, went or changed since the last look, and if so looks all of them over; answers
    /// whether that was so.
    ///
    /// # Errors
    /// If the thread that looks is lost.
    ///
    /// # Cancellation
    /// The look goes on to its end on its thread.
    pub async fn index_recipes(&self) -> Result<bool, Failure> {
        let engine = self.clone();
        blocking(move || Ok(engine.index_again())).await
    }

    fn index_again(&self) -> bool {
        let library = self.parts.recipes.library.refreshed();
        let survey = library.survey();
        let known = self.index.get();
        if known.is_some_and(|known| known.digest == survey.digest) {
            return false;
        }
        let handbook = self.handbook();
        let auditor = Auditor::new(&library, &handbook);
        let mut repositories = Repositories::of(&library);
        let mut entries = Vec::new();
        for (path, scope) in &survey.files {
            // A folder of recipes may hold that of the overrides.
            let scope = if library.is_in_override_dir(path) {
                Scope::Overrides
            } else {
                *scope
            };
            let name = path.to_string_lossy();
            let whole = library.resolve_in(&name, scope, &[]);
            let findings = match &whole {
                Ok(recipe) => auditor.audit(recipe),
                Err(error) => vec![auditor.refused(&name, error)],
            };
            let repository = repositories.name(path);
            let entry = RecipeEntry::of((path, scope), repository, &whole, &findings);
            entries.push(entry);
            if entries.len().is_multiple_of(KEPT_AT_A_TIME) {
                library.forget_contents();
            }
        }
        library.forget_contents();
        let by = |entry: &RecipeEntry| (entry.name.to_lowercase(), entry.repository.clone());
        entries.sort_by_cached_key(by);
        tracing::info!(recipes = entries.len(), "recipes looked over");
        self.index.put(IndexedRecipes {
            entries,
            digest: survey.digest,
            looked_at: self.clock().now(),
            unreadable: library.unreadable().len(),
            library: Arc::new(library),
        });
        true
    }

    /// The folders of recipes, and those of overrides, in order of precedence.
    pub fn recipe_folders(&self) -> (&[PathBuf], &[PathBuf]) {
        let library = &self.parts.recipes.library;
        (library.search_dirs(), library.override_dirs())
    }

    /// What those who look at recipes must know here.
    fn handbook(&self) -> Handbook {
        let preferences = self.parts.recipes.preferences.values();
        Handbook::new(preferences.keys().cloned().collect())
    }
}
