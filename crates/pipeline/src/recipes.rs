//! Where a run finds its override, and what it knows besides.

use std::path::{Path, PathBuf};

use model::Title;
use proplist::Dict;
use recipe::{Library, Outside, Preferences, Resolved, strip_extension};
use serde_json::Value as Json;

use crate::Request;

/// The version of `AutoPkg` that recipes see, and that their `MinimumVersion` is held against.
pub const AUTOPKG_VERSION: &str = "2.9.1";

/// Where runs find their overrides: preferences, folders, environment.
#[derive(Debug)]
pub struct Recipes {
    /// `AutoPkg`'s preferences, each of which is a variable of every run.
    pub preferences: Preferences,
    /// The folders of recipes and overrides; looked at anew by each run, without reading again what did not change.
    pub library: Library,
    /// The process's environment; of it `AUTOPKG_KEY` becomes the variable `KEY`.
    pub environment: Vec<(String, String)>,
    /// Where runs keep what they download and make: a folder for each override's identifier.
    pub cache_dir: PathBuf,
}

impl Recipes {
    /// The library as it is now, in the folders that `request` names if it names some.
    pub(crate) fn library(&self, request: &Request) -> Library {
        if request.search_dirs.is_empty() && request.override_dirs.is_empty() {
            return self.library.refreshed();
        }
        let or = |given: &[String], own: &[PathBuf]| {
            if given.is_empty() {
                own.iter().map(|dir| dir.display().to_string()).collect()
            } else {
                given.to_vec()
            }
        };
        self.library.of_other_dirs(
            &or(&request.search_dirs, self.library.search_dirs()),
            &or(&request.override_dirs, self.library.override_dirs()),
        )
    }

    /// What a run of `request` knows besides its recipe.
    pub(crate) fn outside(&self, request: &Request, library: &Library) -> Outside {
        let shown = |dirs: &[PathBuf]| dirs.iter().map(|dir| dir.display().to_string()).collect();
        let mut preferences = self.preferences.values().clone();
        preferences.insert(
            "CACHE_DIR".to_owned(),
            self.cache_dir.display().to_string().into(),
        );
        Outside {
            preferences,
            search_dirs: shown(library.search_dirs()),
            override_dirs: shown(library.override_dirs()),
            verbosity: request.verbosity,
            autopkg_version: AUTOPKG_VERSION.to_owned(),
            environment: self.environment.clone(),
            list: variables_of(request),
            keys: Vec::new(),
            pkg: request.pkg.as_ref().map(|pkg| pkg.display().to_string()),
        }
    }
}

fn variables_of(request: &Request) -> Dict {
    request
        .variables
        .iter()
        .map(|(name, value): &(String, Json)| (name.clone(), value.into()))
        .collect()
}

/// The title of the override at `path`: the name of its file without the extension.
///
/// # Errors
/// If the file's name cannot name a title.
pub(crate) fn title_of(path: &Path) -> Result<Title, model::TitleError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    strip_extension(&name).parse()
}

/// The title that `name` stands for, a name, an identifier or a path: that of the override it finds, or its own last
/// part if it finds none.
///
/// # Errors
/// If there is nothing in it that could name a title.
pub(crate) fn title_named(
    name: &str,
    resolved: Option<&Resolved>,
) -> Result<Title, model::TitleError> {
    match resolved {
        Some(resolved) => title_of(resolved.path()),
        None => title_of(Path::new(name)),
    }
}
