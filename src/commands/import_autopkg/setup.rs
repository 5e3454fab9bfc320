//! The set-up as it was copied from a Mac, and where its parts lie here.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use recipe::{Library, Preferences, RecipeList, absolute, expand_user};

use crate::{cli::import_autopkg::ImportAutopkg, house::House};

/// Where preferences are in a home folder, or in a folder of copies.
const PREFERENCES: [&str; 4] = [
    "Library/Preferences/com.github.autopkg.plist",
    ".config/Autopkg/config.plist",
    ".config/Autopkg/config.json",
    "com.github.autopkg.plist",
];
/// Where lists of recipes are by the habits of those who use `AutoPkg` and `AutoPkgr`.
const LISTS: [&str; 3] = [
    "Library/AutoPkg/recipe_list.txt",
    "Library/AutoPkg/recipe_list.plist",
    "Library/Application Support/AutoPkgr/recipe_list.txt",
];

/// What a folder of the set-up is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Overrides,
    Recipes,
    Repository,
}

impl Purpose {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Overrides => "overrides",
            Self::Recipes => "recipes",
            Self::Repository => "repository",
        }
    }
}

/// A folder that the preferences name.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) purpose: Purpose,
    /// As the preferences write it.
    pub(super) written: String,
    /// Where it is here, if it is.
    pub(super) here: PathBuf,
    pub(super) found: bool,
}

/// A list of recipes.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) path: PathBuf,
    pub(super) list: RecipeList,
}

/// What was found of the set-up.
pub(super) struct Setup {
    pub(super) preferences: Preferences,
    pub(super) places: Vec<Place>,
    pub(super) lists: Vec<List>,
    /// The names of preferences that hold something secret.
    pub(super) secrets: Vec<String>,
    home: PathBuf,
}

impl Setup {
    /// Finds the preferences and what they name.
    pub(super) fn find(arguments: &ImportAutopkg, house: &House) -> anyhow::Result<Self> {
        let home = match &arguments.home {
            Some(home) => absolute(home),
            None => House::home().context("say `--home`")?,
        };
        if !home.is_dir() {
            bail!("the home folder `{}` is not there", home.display());
        }
        let file = match house.prefs() {
            Some(file) => file.to_owned(),
            None => found_in(&home, &PREFERENCES).next().with_context(|| {
                let places = PREFERENCES.join("`, `");
                format!(
                    "no preferences of AutoPkg in `{}` (`{places}`); say `--prefs`",
                    home.display()
                )
            })?,
        };
        let preferences = Preferences::of_file(&absolute(&file), Some(&home))?;
        let given = arguments.recipe_lists.iter().cloned();
        let lists = match arguments.recipe_lists.as_slice() {
            [] => found_in(&home, &LISTS).map(read_list).collect(),
            _ => given.map(read_list).collect::<anyhow::Result<Vec<List>>>(),
        }?;
        let mut setup = Self {
            secrets: secrets(&preferences),
            places: Vec::new(),
            preferences,
            lists,
            home,
        };
        setup.places = setup.places();
        Ok(setup)
    }

    /// The recipes and overrides that are here.
    pub(super) fn library(&self) -> Library {
        let dirs = |purpose| -> Vec<String> {
            let found = self.found(purpose);
            found
                .map(|place| place.here.display().to_string())
                .collect()
        };
        Library::new(
            &dirs(Purpose::Recipes),
            &dirs(Purpose::Overrides),
            Some(&self.home),
        )
    }

    /// The folders of one purpose that are here.
    pub(super) fn found(&self, purpose: Purpose) -> impl Iterator<Item = &Place> {
        let all = self.places.iter();
        all.filter(move |place| place.purpose == purpose && place.found)
    }

    /// The folders of cloned repositories, here.
    pub(super) fn cloned(&self) -> Vec<PathBuf> {
        let repos = self.preferences.repos().into_iter();
        repos.map(|(written, _)| self.here(&written)).collect()
    }

    fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        let mut add = |purpose, written: String| {
            let here = self.here(&written);
            if !places
                .iter()
                .any(|place| place.purpose == purpose && place.here == here)
            {
                let found = here.is_dir();
                places.push(Place {
                    purpose,
                    written,
                    here,
                    found,
                });
            }
        };
        for written in self.preferences.search_dirs() {
            // AutoPkg's current folder is nowhere in particular.
            if written != "." {
                add(Purpose::Recipes, written);
            }
        }
        for (written, _url) in self.preferences.repos() {
            add(Purpose::Recipes, written);
        }
        for written in self.preferences.override_dirs() {
            add(Purpose::Overrides, written);
        }
        let repository = self.preferences.get("MUNKI_REPO");
        if let Some(written) = repository.and_then(proplist::Value::as_str) {
            add(Purpose::Repository, written.to_owned());
        }
        places
    }

    /// Where a path of the Mac is here: what lay in a user's home lies in the copy of it.
    fn here(&self, written: &str) -> PathBuf {
        let mut parts = Path::new(written).components().skip(1);
        let users = parts.next().is_some_and(|part| part.as_os_str() == "Users");
        let user = parts.next().filter(|user| user.as_os_str() != "Shared");
        if let (true, Some(_user)) = (users, user)
            && !Path::new(written).exists()
        {
            return self.home.join(parts.collect::<PathBuf>());
        }
        absolute(&expand_user(written, Some(&self.home)))
    }
}

fn found_in<'a>(home: &'a Path, places: &'a [&str]) -> impl Iterator<Item = PathBuf> + 'a {
    let paths = places.iter().map(|place| home.join(place));
    paths.filter(|path| path.is_file())
}

fn read_list(path: PathBuf) -> anyhow::Result<List> {
    let list = RecipeList::read(&path)
        .with_context(|| format!("cannot read the recipe list `{}`", path.display()))?;
    Ok(List { path, list })
}

/// Preferences that are secret by their names. Their values are read by nobody here.
fn secrets(preferences: &Preferences) -> Vec<String> {
    const WORDS: [&str; 8] = [
        "API_KEY",
        "APIKEY",
        "CREDENTIAL",
        "PASS",
        "PRIVATE_KEY",
        "SECRET",
        "TOKEN",
        "WEBHOOK",
    ];
    let is_secret = |name: &str| {
        let name = name.to_ascii_uppercase();
        WORDS.iter().any(|word| name.contains(word)) && !name.ends_with("_PATH")
    };
    let values = preferences.values().iter();
    values
        .filter(|(name, value)| is_secret(name) && value.is_truthy())
        .map(|(name, _)| name.clone())
        .collect()
}
