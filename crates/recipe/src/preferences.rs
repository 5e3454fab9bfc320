//! AutoPkg's preferences.

use std::{
    io,
    path::{Path, PathBuf},
};

use proplist::{Dict, KeyOrder, Value, to_xml};

use crate::{
    Library,
    override_file::Format,
    paths::{absolute, expand_user, replace},
};

const SEARCH_DIRS: [&str; 3] = [".", "~/Library/AutoPkg/Recipes", "/Library/AutoPkg/Recipes"];
const OVERRIDE_DIRS: [&str; 1] = ["~/Library/AutoPkg/RecipeOverrides"];
const REPO_DIR: &str = "~/Library/AutoPkg/RecipeRepos";
const CACHE_DIR: &str = "~/Library/AutoPkg/Cache";

/// Why preferences could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreferencesError {
    /// The file could not be read or written.
    #[error("cannot use the preferences file `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is neither a property list nor JSON, or holds no dictionary.
    #[error("`{}` is neither a property list nor JSON with preferences", path.display())]
    Neither {
        /// The file.
        path: PathBuf,
    },
    /// A value cannot be written as a property list.
    #[error("preferences cannot be written to `{}`", path.display())]
    Plist {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: proplist::WriteError,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FileFormat {
    Json,
    Plist,
}

/// What `AutoPkg` is set to: `RECIPE_SEARCH_DIRS`, `MUNKI_REPO`, … Every key becomes a variable of every recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Preferences {
    values: Dict,
    /// Those of the values that belong into the file.
    kept: Dict,
    file: Option<(PathBuf, FileFormat)>,
    default_file: PathBuf,
    home: Option<PathBuf>,
}

impl Preferences {
    /// The preferences of a user: `Autopkg/config.plist` in `config_dir`, else `Autopkg/config.json`, else none.
    ///
    /// An unreadable or empty file counts as none, as it does to `AutoPkg`.
    pub fn of_user(config_dir: &Path, home: Option<&Path>) -> Self {
        let dir = config_dir.join("Autopkg");
        let found = ["config.plist", "config.json"]
            .into_iter()
            .find_map(|name| {
                let path = dir.join(name);
                parse(&path)
                    .ok()
                    .filter(|(values, _)| !values.is_empty())
                    .map(|read| (path, read))
            });
        let (values, file) = match found {
            Some((path, (values, format))) => (values, Some((path, format))),
            None => (Dict::new(), None),
        };
        Self {
            kept: values.clone(),
            values,
            file,
            default_file: dir.join("config.json"),
            home: home.map(Path::to_owned),
        }
    }

    /// The preferences that `file` holds, and no others.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of_file(file: &Path, home: Option<&Path>) -> Result<Self, PreferencesError> {
        let (values, format) = parse(file)?;
        Ok(Self {
            kept: values.clone(),
            values,
            file: Some((file.to_owned(), format)),
            default_file: file.to_owned(),
            home: home.map(Path::to_owned),
        })
    }

    /// Puts the keys of `file` over what is there (`--prefs`), and keeps later changes in it.
    ///
    /// # Errors
    /// If the file cannot be read; `AutoPkg` says nothing then, and runs with other settings than were asked for.
    pub fn overlay(&mut self, file: &Path) -> Result<(), PreferencesError> {
        let (values, format) = parse(file)?;
        self.values.extend(values.clone());
        self.kept.extend(values);
        self.file = Some((file.to_owned(), format));
        Ok(())
    }

    /// All of them.
    pub const fn values(&self) -> &Dict {
        &self.values
    }

    /// One of them.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The file they were read from and are kept in.
    pub fn file(&self) -> &Path {
        self.file
            .as_ref()
            .map_or(&self.default_file, |(path, _)| path)
    }

    /// Sets one of them for this program only: it is not kept in a file.
    pub fn settle(&mut self, key: &str, value: Value) {
        self.values.insert(key.to_owned(), value);
    }

    /// Sets one of them, and keeps all of them in [`Preferences::file`], in the form that file has.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), PreferencesError> {
        self.values.insert(key.to_owned(), value.clone());
        self.kept.insert(key.to_owned(), value);
        let (path, format) = self
            .file
            .get_or_insert_with(|| (self.default_file.clone(), FileFormat::Json))
            .clone();
        let io = |source| PreferencesError::Io {
            path: path.clone(),
            source,
        };
        let text = match format {
            FileFormat::Json => json(&self.kept).map_err(io)?,
            FileFormat::Plist => to_xml(&Value::Dict(self.kept.clone()), KeyOrder::Sorted)
                .map_err(|source| PreferencesError::Plist {
                    path: path.clone(),
                    source,
                })?,
        };
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent).map_err(io)?;
        }
        replace(&path, text.as_bytes()).map_err(io)
    }

    /// Where recipes are sought, as written.
    pub fn search_dirs(&self) -> Vec<String> {
        dirs(&self.values, "RECIPE_SEARCH_DIRS", &SEARCH_DIRS)
    }

    /// Those of [`Preferences::search_dirs`] that belong into the file, to be changed and [`set`](Self::set) again.
    pub fn kept_search_dirs(&self) -> Vec<String> {
        dirs(&self.kept, "RECIPE_SEARCH_DIRS", &SEARCH_DIRS)
    }

    /// Where overrides are sought, as written.
    pub fn override_dirs(&self) -> Vec<String> {
        dirs(&self.values, "RECIPE_OVERRIDE_DIRS", &OVERRIDE_DIRS)
    }

    /// Where repositories are cloned to.
    pub fn repo_dir(&self) -> PathBuf {
        self.dir("RECIPE_REPO_DIR", REPO_DIR)
    }

    /// Where recipes keep what they download; `~` is understood, unlike by `AutoPkg`.
    pub fn cache_dir(&self) -> PathBuf {
        self.dir("CACHE_DIR", CACHE_DIR)
    }

    /// The cloned repositories: folder and URL, sorted by folder.
    pub fn repos(&self) -> Vec<(String, String)> {
        let repos = self.get("RECIPE_REPOS").and_then(Value::as_dict);
        let url = |value: &Value| value.as_dict()?.get("URL")?.as_str().map(str::to_owned);
        let mut repos: Vec<(String, String)> = repos
            .into_iter()
            .flatten()
            .map(|(path, value)| (path.clone(), url(value).unwrap_or_default()))
            .collect();
        repos.sort();
        repos
    }

    /// The form in which overrides are made unless another is asked for; none if the preference is neither.
    pub fn override_format(&self) -> Option<Format> {
        match self
            .get("RECIPE_OVERRIDE_FORMAT")
            .map(proplist::str_form)
            .unwrap_or_default()
            .to_lowercase()
            .as_str()
        {
            "yaml" => Some(Format::Yaml),
            "" | "plist" => Some(Format::Plist),
            _ => None,
        }
    }

    /// Whether a recipe without trust information fails, by Python's truth.
    pub fn fails_without_trust(&self) -> bool {
        self.get("FAIL_RECIPES_WITHOUT_TRUST_INFO")
            .is_some_and(Value::is_truthy)
    }

    /// The library of these preferences; folders that were given on the command line replace theirs.
    pub fn library(&self, search_dirs: &[String], override_dirs: &[String]) -> Library {
        let or = |given: &[String], own: Vec<String>| {
            if given.is_empty() {
                own
            } else {
                given.to_vec()
            }
        };
        Library::new(
            &or(search_dirs, self.search_dirs()),
            &or(override_dirs, self.override_dirs()),
            self.home.as_deref(),
        )
    }

    /// The home folder that `~` stands for.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    fn dir(&self, key: &str, default: &str) -> PathBuf {
        let dir = self
            .get(key)
            .and_then(Value::as_str)
            .filter(|dir| !dir.is_empty())
            .unwrap_or(default);
        absolute(&expand_user(dir, self.home.as_deref()))
    }
}

fn dirs(values: &Dict, key: &str, default: &[&str]) -> Vec<String> {
    let dirs: Vec<String> = match values.get(key) {
        Some(Value::String(dir)) if !dir.is_empty() => vec![dir.clone()],
        Some(Value::Array(dirs)) => dirs
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    };
    if dirs.is_empty() {
        default.iter().map(|dir| (*dir).to_owned()).collect()
    } else {
        dirs
    }
}

fn parse(path: &Path) -> Result<(Dict, FileFormat), PreferencesError> {
    let io = |source| PreferencesError::Io {
        path: path.to_owned(),
        source,
    };
    let bytes = fs_err::read(path).map_err(io)?;
    if let Ok(Value::Dict(values)) = proplist::from_bytes(&bytes) {
        return Ok((values, FileFormat::Plist));
    }
    let json: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    match json.as_ref().map(Value::from) {
        Some(Value::Dict(values)) => Ok((values, FileFormat::Json)),
        _ => Err(PreferencesError::Neither {
            path: path.to_owned(),
        }),
    }
}

/// Two spaces, sorted keys, non-ASCII letters escaped, as `AutoPkg` writes it.
fn json(values: &Dict) -> io::Result<String> {
    let mut value = serde_json::Value::from(&Value::Dict(values.clone()));
    value.sort_all_objects();
    let text = serde_json::to_string_pretty(&value).map_err(io::Error::other)?;
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            let mut units = [0; 2];
            escaped.extend(
                letter
                    .encode_utf16(&mut units)
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            );
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plist_comes_before_json_and_empty_files_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("Autopkg");
        fs_err::create_dir(&config).unwrap();
        fs_err::write(config.join("config.plist"), "{}").unwrap();
        fs_err::write(
            config.join("config.json"),
            r#"{"CACHE_DIR": "~/c", "RECIPE_SEARCH_DIRS": "/r"}"#,
        )
        .unwrap();
        let preferences = Preferences::of_user(dir.path(), Some(Path::new("/home/ann")));
        assert_eq!(preferences.file(), config.join("config.json"));
        assert_eq!(preferences.search_dirs(), ["/r"]);
        assert_eq!(preferences.override_dirs(), OVERRIDE_DIRS);
        assert_eq!(preferences.cache_dir(), Path::new("/home/ann/c"));
    }

    #[test]
    fn what_is_set_is_kept_even_without_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut preferences = Preferences::of_user(dir.path(), None);
        let repo: Dict = [("URL".to_owned(), Value::from("https://example.com/é"))]
            .into_iter()
            .collect();
        let repos: Dict = [("/r".to_owned(), Value::Dict(repo))].into_iter().collect();
        preferences.set("RECIPE_REPOS", Value::Dict(repos)).unwrap();
        let text = fs_err::read_to_string(dir.path().join("Autopkg/config.json")).unwrap();
        assert_eq!(
            text,
            "{\n  \"RECIPE_REPOS\": {\n    \"/r\": {\n      \"URL\": \"https://example.com/\\u00e9\"\n    }\n  }\n}"
        );
        let again = Preferences::of_user(dir.path(), None);
        assert_eq!(
            again.repos(),
            [("/r".to_owned(), "https://example.com/é".to_owned())]
        );
    }

    #[test]
    fn what_is_settled_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut preferences = Preferences::of_user(dir.path(), None);
        preferences.settle("MUNKI_REPO", Value::from("/srv/repo"));
        preferences.set("A", Value::from("a")).unwrap();
        assert_eq!(preferences.get("MUNKI_REPO"), Some(&"/srv/repo".into()));
        let again = Preferences::of_user(dir.path(), None);
        assert_eq!(
            (again.get("MUNKI_REPO"), again.get("A")),
            (None, Some(&"a".into()))
        );
    }

    #[test]
    fn a_given_file_is_laid_over_and_must_be_readable() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("prefs");
        let mut preferences = Preferences::of_user(dir.path(), None);
        assert!(preferences.overlay(&file).is_err());
        fs_err::write(&file, "<plist><dict><key>A</key><true/></dict></plist>").unwrap();
        preferences.overlay(&file).unwrap();
        preferences.set("B", Value::from("b")).unwrap();
        let kept = proplist::from_bytes(&fs_err::read(&file).unwrap()).unwrap();
        assert_eq!(kept, Value::Dict(preferences.values().clone()));
        fs_err::write(&file, "nonsense").unwrap();
        assert!(matches!(
            preferences.overlay(&file),
            Err(PreferencesError::Neither { .. })
        ));
    }
}
