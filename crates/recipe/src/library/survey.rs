//! What there is in a library, without what it says.

use std::{
    collections::BTreeSet,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use model::Sha256;

use super::{Library, Scope};

/// What there is in a library.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Survey {
    /// Every valid recipe of the search folders, then every override, in the order of a search, and where it was found.
    pub files: Vec<(PathBuf, Scope)>,
    /// Changes whenever one of the files, or of the folders they lie in, can have changed.
    pub digest: Sha256,
}

impl Library {
    /// What there is, file by file; each is looked at, and read only if it changed since the last look.
    pub fn survey(&self) -> Survey {
        let (mut files, mut seen) = (Vec::new(), BTreeSet::new());
        let mut told = String::new();
        for (dirs, scope) in [
            (&self.search_dirs, Scope::Recipes),
            (&self.override_dirs, Scope::Overrides),
        ] {
            let is_override = scope == Scope::Overrides;
            for dir in dirs {
                let folder = self.folder(dir, dirs);
                for (path, _) in folder.candidates(is_override) {
                    if let Some(folder) = path.parent().filter(|it| seen.insert(it.to_path_buf())) {
                        tell(&mut told, folder);
                    }
                    if !seen.insert(path.to_owned()) {
                        continue;
                    }
                    tell(&mut told, path);
                    // What it says now: it may have changed since the folder was indexed, and what is told tells that.
                    if self.files.header(path).is_some_and(|it| it.is_valid) {
                        files.push((path.to_owned(), scope));
                    }
                }
            }
        }
        Survey {
            files,
            digest: Sha256::of(told.as_bytes()),
        }
    }

    /// Lets go of what files say, so that looking over a whole collection takes no more memory than a part of it does.
    pub fn forget_contents(&self) {
        self.files.forget();
    }
}

/// Adds what changes with a file or a folder.
fn tell(told: &mut String, path: &Path) {
    use std::fmt::Write as _;
    let Ok(metadata) = fs_err::metadata(path) else {
        return;
    };
    let stamp = (
        metadata.ino(),
        metadata.size(),
        (metadata.mtime(), metadata.mtime_nsec()),
        (metadata.ctime(), metadata.ctime_nsec()),
    );
    // A text takes whatever is written to it.
    writeln!(told, "{} {stamp:?}", path.display()).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survey_changes_with_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let (recipes, overrides) = (folder.path().join("recipes"), folder.path().join("own"));
        for dir in [&recipes, &overrides] {
            fs_err::create_dir(dir).unwrap();
        }
        let recipe = recipes.join("A.recipe.yaml");
        fs_err::write(&recipe, "Identifier: a\nInput: {}\nProcess: []\n").unwrap();
        fs_err::write(recipes.join("B.recipe.yaml"), "none").unwrap();
        let own = overrides.join("A.recipe.yaml");
        fs_err::write(&own, "Identifier: o\nInput: {}\nParentRecipe: a\n").unwrap();
        let shown = |dir: &Path| vec![dir.display().to_string()];
        let library = Library::new(&shown(&recipes), &shown(&overrides), None);
        let first = library.survey();
        assert_eq!(
            first.files,
            [
                (recipe.clone(), Scope::Recipes),
                (own.clone(), Scope::Overrides)
            ]
        );
        library.forget_contents();
        assert_eq!(library.refreshed().survey(), first);
        assert_eq!(library.resolve("A").unwrap().parents(), [recipe]);
        // A program beside a recipe makes a difference, too.
        fs_err::write(recipes.join("P.py"), "").unwrap();
        assert_ne!(library.refreshed().survey().digest, first.digest);
    }
}
