//! Whether what an override trusts is still what it was.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use super::{History, TrustEntry, TrustInfo};
use crate::{Library, ResolveError, Resolved, Scope, paths::expand_user};

/// Why an override is not to be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// Something changed, or nothing was ever trusted.
    #[error("{message}")]
    Refused {
        /// In `AutoPkg`'s words; several lines.
        message: String,
        /// Processors that have no file.
        missing_processors: Vec<String>,
    },
    /// The parent cannot be put together any more.
    #[error("the parent of `{name}` cannot be put together")]
    Parent {
        /// The override.
        name: String,
        /// What is wrong.
        source: Box<ResolveError>,
    },
}

/// Checks the trust information of `recipe` against what its parents and processors are now.
///
/// `external_repos` are the folders of cloned repositories, whose recipes cannot vouch for themselves. From
/// `verbosity` 2 on the message says what to do next, and shows what git knows of the changes.
///
/// # Errors
/// If there is nothing to trust, or something differs.
///
/// # Source
/// `AutoPkg` 2.9.1, `verify_parent_trust`, its messages included.
pub fn verify(
    recipe: &Resolved,
    library: &Library,
    history: &dyn History,
    external_repos: &[PathBuf],
    verbosity: u8,
) -> Result<(), Distrust> {
    let refused = |message: String| {
        Err(Distrust::Refused {
            message,
            missing_processors: Vec::new(),
        })
    };
    let (Some(expected), Some(parent)) = (recipe.trust_info(), recipe.parent()) else {
        return refused(nothing_to_trust(recipe, verbosity));
    };
    if external_repos
        .iter()
        .any(|repo| recipe.path().starts_with(repo))
    {
        return refused(
            "Recipe from external repo: embedded trust info will be ignored. Audit the recipe, then create an override to trust it."
                .to_owned(),
        );
    }
    let broken = |source| Distrust::Parent {
        name: recipe.name().to_owned(),
        source: Box::new(source),
    };
    let parent = library
        .resolve_in(parent, Scope::Overrides, recipe.search_dirs())
        .map_err(broken)?;
    let (actual, missing_processors) =
        TrustInfo::compute(&parent, library, history).map_err(broken)?;
    let mut differences = Differences {
        recipe,
        library,
        history,
        details: verbosity > 1,
        text: String::new(),
    };
    differences.processors(expected, &actual);
    differences.parents(expected, &actual);
    match differences.text {
        text if text.is_empty() => Ok(()),
        message => Err(Distrust::Refused {
            message,
            missing_processors,
        }),
    }
}

fn nothing_to_trust(recipe: &Resolved, verbosity: u8) -> String {
    let mut message = "No trust information present.".to_owned();
    if verbosity > 1 {
        let (what, verb) = if recipe.is_override() && !recipe.parents().is_empty() {
            ("Audit the parent recipe, then run", "update-trust-info")
        } else {
            (
                "Audit the recipe, then store trust info by running",
                "make-override",
            )
        };
        // Writing to a String cannot fail.
        write!(message, "\n{what}:\n\tautopkg {verb} {}", recipe.name()).unwrap_or_default();
    }
    message
}

struct Differences<'a> {
    recipe: &'a Resolved,
    library: &'a Library,
    history: &'a dyn History,
    details: bool,
    text: String,
}

impl Differences<'_> {
    fn processors(&mut self, expected: &TrustInfo, actual: &TrustInfo) {
        for (name, entry) in &expected.non_core_processors {
            let now = actual
                .non_core_processors
                .get(name)
                .map(|entry| &entry.sha256_hash);
            if now == Some(&entry.sha256_hash) {
                continue;
            }
            let path = self.library.processor_path(self.recipe, name);
            match &path {
                Some(path) => {
                    self.line(&format!("Processor {name} contents differ from expected."));
                    self.path(path);
                }
                None => self.line(&format!("Expected processor {name} can't be found.")),
            }
            if let Some((path, commit)) = self.detailed(path, entry) {
                self.text.push_str(&self.history.diff_since(&path, commit));
                self.text.push_str(&self.history.log_since(&path, commit));
                self.line("");
            }
        }
        for name in actual.non_core_processors.keys() {
            if !expected.non_core_processors.contains_key(name) {
                self.line(&format!("Unexpected processor found: {name}"));
                if let Some(path) = self.library.processor_path(self.recipe, name) {
                    self.path(&path);
                }
            }
        }
    }

    fn parents(&mut self, expected: &TrustInfo, actual: &TrustInfo) {
        let (expected, actual) = (&expected.parent_recipes, &actual.parent_recipes);
        if expected.len() != actual.len() || expected.keys().any(|name| !actual.contains_key(name))
        {
            let names: Vec<&str> = expected.keys().map(String::as_str).collect();
            let names = proplist::repr(&vec![proplist::Value::from(names)].into());
            // AutoPkg names the expected ones twice.
            self.line(&format!("Expected parent recipe list: {names}"));
            self.line(&format!("Actual parent recipe list: {names}"));
        }
        for (name, entry) in expected {
            if actual.get(name).map(|entry| &entry.sha256_hash) == Some(&entry.sha256_hash) {
                continue;
            }
            let path = self.parent_path(name);
            match &path {
                Some(path) => {
                    self.line(&format!(
                        "Parent recipe {name} contents differ from expected."
                    ));
                    self.path(path);
                }
                None => self.line(&format!("Expected parent recipe {name} can't be found.")),
            }
            if let Some((path, commit)) = self.detailed(path, entry) {
                self.text.push_str(&self.history.log_since(&path, commit));
                self.text.push_str(&self.history.diff_since(&path, commit));
                self.line("");
            }
        }
        for name in actual.keys().filter(|name| !expected.contains_key(*name)) {
            self.line(&format!("Unexpected parent recipe found: {name}"));
            if let Some(path) = self.parent_path(name) {
                self.path(&path);
            }
        }
    }

    fn parent_path(&self, name: &str) -> Option<PathBuf> {
        let parent = self
            .library
            .resolve_in(name, Scope::Overrides, self.recipe.search_dirs());
        parent.ok().map(|parent| parent.path().to_owned())
    }

    /// Where to look and since when, if details are wanted and can be had.
    fn detailed<'e>(
        &self,
        path: Option<PathBuf>,
        entry: &'e TrustEntry,
    ) -> Option<(PathBuf, &'e str)> {
        let commit = entry.git_hash.as_deref().filter(|_| self.details)?;
        let recorded = Some(&entry.path).filter(|path| !path.is_empty());
        let path = path.or_else(|| recorded.map(|path| expand_user(path, self.library.home())))?;
        Some((path, commit))
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn path(&mut self, path: &Path) {
        // Writing to a String cannot fail.
        writeln!(self.text, "    Path: {}", path.display()).unwrap_or_default();
    }
}
