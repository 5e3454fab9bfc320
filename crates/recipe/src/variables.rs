//! The variables with which a run begins.

use std::{
    borrow::Cow,
    path::{Component, Path},
};

use proplist::{Dict, Value, str_form};

use crate::{
    Resolved,
    substitute::{Note, substitute_all},
};

/// What is known of a run besides the recipe, from the weakest to the strongest.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Every preference is a variable.
    pub preferences: Dict,
    /// The folders of recipes, as the run searches them.
    pub search_dirs: Vec<String>,
    /// The folders of overrides.
    pub override_dirs: Vec<String>,
    /// How many `-v` were given.
    pub verbosity: u8,
    /// The version of `AutoPkg` that we pass for (`AUTOPKG_VERSION`).
    pub autopkg_version: String,
    /// The environment; of it `AUTOPKG_KEY` becomes `KEY`.
    pub environment: Vec<(String, String)>,
    /// The variables of a recipe list.
    pub list: Dict,
    /// `--key KEY=VALUE`, in order.
    pub keys: Vec<(String, String)>,
    /// `--pkg PATH`.
    pub pkg: Option<String>,
}

/// The variables of a run of `recipe`, substituted once; and what is to be said of that.
///
/// `RECIPE_CACHE_DIR` comes last, after the substitution: `cache_dir` and the identifier.
pub fn variables(recipe: &Resolved, outside: &Outside, cache_dir: &Path) -> (Dict, Vec<Note>) {
    let mut variables = outside.preferences.clone();
    let mut set = |key: &str, value: Value| {
        variables.insert(key.to_owned(), value);
    };
    let shown = |path: &Path| Value::String(path.display().to_string());
    let path = crate::absolute(recipe.path());
    set("RECIPE_PATH", shown(&path));
    set("RECIPE_DIR", shown(path.parent().unwrap_or(Path::new("/"))));
    set(
        "PARENT_RECIPES",
        Value::Array(
            recipe
                .parents()
                .iter()
                .map(|parent| shown(parent))
                .collect(),
        ),
    );
    set("RECIPE_SEARCH_DIRS", outside.search_dirs.clone().into());
    set("RECIPE_OVERRIDE_DIRS", outside.override_dirs.clone().into());
    set("verbose", Value::Integer(outside.verbosity.into()));
    set("AUTOPKG_VERSION", outside.autopkg_version.as_str().into());
    variables.extend(recipe.input().clone());
    for (key, value) in &outside.environment {
        if let Some(key) = key.strip_prefix("AUTOPKG_").filter(|key| !key.is_empty()) {
            variables.insert(key.to_owned(), value.as_str().into());
        }
    }
    variables.extend(outside.list.clone());
    variables.extend(
        outside
            .keys
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().into())),
    );
    if let Some(pkg) = &outside.pkg {
        variables.insert("PKG".to_owned(), pkg.as_str().into());
    }
    let set_back = set_back_cache_dir(&mut variables, outside);
    let mut notes = substitute_all(&mut variables);
    notes.extend(set_back);
    let identifier = recipe.identifier_or_path();
    if let Cow::Owned(stand_in) = &identifier {
        notes.push(Note::Nameless(stand_in.clone()));
    }
    let own_dir = cache_dir.join(folder_name(&identifier));
    variables.insert("RECIPE_CACHE_DIR".to_owned(), shown(&own_dir));
    (variables, notes)
}

/// Runs work in the cache that the preferences name, whatever else sets `CACHE_DIR`: a step that goes by the variable
/// must not look elsewhere.
fn set_back_cache_dir(variables: &mut Dict, outside: &Outside) -> Option<Note> {
    const KEY: &str = "CACHE_DIR";
    let used = outside.preferences.get(KEY)?;
    if variables.get(KEY) == Some(used) {
        return None;
    }
    variables.insert(KEY.to_owned(), used.clone());
    Some(Note::CacheDir(str_form(used)))
}

/// The identifier as a folder: one that would lead elsewhere is made to stay.
fn folder_name(identifier: &str) -> String {
    let leads_away = Path::new(identifier)
        .components()
        .any(|part| !matches!(part, Component::Normal(_)));
    if leads_away || identifier.is_empty() {
        format!("_{}", identifier.replace('/', "_"))
    } else {
        identifier.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Library;

    fn of_files(files: &[(&str, &str)], outside: &Outside) -> (Dict, Vec<Note>) {
        let files: Vec<(PathBuf, Vec<u8>)> = files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()))
            .collect();
        let library = Library::new(&[], &[], None);
        let recipe = library.resolve_files("A", &files).unwrap();
        variables(&recipe, outside, Path::new("/cache"))
    }

    #[test]
    fn a_path_stands_for_an_identifier_that_is_not_there() {
        let nameless = ("/r/A.download.recipe.yaml", "Input: {}\nProcess: []\n");
        let (variables, notes) = of_files(&[nameless], &Outside::default());
        assert_eq!(
            variables["RECIPE_CACHE_DIR"].as_str(),
            Some("/cache/-r-A.download")
        );
        assert_eq!(notes, [Note::Nameless("-r-A.download".to_owned())]);

        let parent = (
            "/r/B.download.recipe.yaml",
            "Input: {IDENTIFIER: com.example.old}\nProcess: []\n",
        );
        let child = (
            "/r/A.munki.recipe.yaml",
            "ParentRecipe: com.example.old\nInput: {}\n",
        );
        let (variables, notes) = of_files(&[child, parent], &Outside::default());
        assert_eq!(
            variables["RECIPE_CACHE_DIR"].as_str(),
            Some("/cache/com.example.old")
        );
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn the_cache_is_where_the_preferences_say() {
        let cache = [("CACHE_DIR".to_owned(), Value::from("/cache"))];
        let outside = Outside {
            preferences: cache.into_iter().collect(),
            keys: vec![("CACHE_DIR".to_owned(), "/elsewhere".to_owned())],
            ..Outside::default()
        };
        let recipe = (
            "/r/A.download.recipe.yaml",
            "Identifier: a\nInput: {HERE: '%CACHE_DIR%'}\nProcess: []\n",
        );
        let (variables, notes) = of_files(&[recipe], &outside);
        assert_eq!(variables["CACHE_DIR"].as_str(), Some("/cache"));
        assert_eq!(variables["HERE"].as_str(), Some("/cache"));
        assert_eq!(notes, [Note::CacheDir("/cache".to_owned())]);
    }
}
