//! Which files beside the recipes a plan's arguments name.
//!
//! Better one file too many than one too few: a text counts as a path whenever something lies there.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use proplist::{Dict, Value, str_form};

use super::ClosureError;
use crate::{Outside, Resolved, absolute, paths::folder_of, substitute::pieces, variables};

const MOST_FILES: usize = 4096;
/// Longer texts are scripts and descriptions.
const LONGEST_PATH: usize = 1024;

/// The files in the folder of a processor that its text names, as processors name their templates and scripts.
pub(super) fn named_by(processor: &Path) -> BTreeSet<PathBuf> {
    let (Some(dir), Ok(bytes)) = (processor.parent(), fs_err::read(processor)) else {
        return BTreeSet::new();
    };
    let text = String::from_utf8_lossy(&bytes);
    let pieces = text.lines().flat_map(|line| line.split(['"', '\'']));
    pieces
        .filter_map(within)
        .map(|inner| dir.join(inner))
        .filter(|path| {
            // Other Python files are modules; a link is nobody's to follow.
            let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
            is_file && path.extension().is_none_or(|extension| extension != "py")
        })
        .collect()
}

/// What a text may be as a path in a folder, also behind a variable: `{folder}/post.sh`.
fn within(text: &str) -> Option<&Path> {
    let inner = text.rsplit('}').next()?.trim_start_matches('/');
    let path = Path::new(inner);
    let is_plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    (!inner.is_empty() && inner.len() <= LONGEST_PATH && is_plain).then_some(path)
}

/// The files that variables and arguments of `recipe` name.
pub(super) fn of(recipe: &Resolved, outside: &Outside) -> Result<BTreeSet<PathBuf>, ClosureError> {
    let (mut known, _) = variables(recipe, outside, Path::new(""));
    // Only known when it runs, and nobody's to approve.
    known.shift_remove("RECIPE_CACHE_DIR");
    let mut search = Search {
        dirs: recipe
            .chain()
            .iter()
            .map(|file| folder_of(file.path()))
            .collect(),
        found: BTreeSet::new(),
    };
    for value in recipe.input().values() {
        search.value(value, &known, Kind::Input)?;
    }
    for step in recipe.steps() {
        for (key, value) in step.arguments() {
            search.value(value, &known, Kind::Argument)?;
            crate::assign(&mut known, key, value);
        }
    }
    Ok(search.found)
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Argument,
    /// One word of it, such as a name, does not stand for a folder.
    Input,
}

struct Search {
    /// Of the chain, nearest first.
    dirs: Vec<PathBuf>,
    found: BTreeSet<PathBuf>,
}

impl Search {
    fn value(&mut self, value: &Value, known: &Dict, kind: Kind) -> Result<(), ClosureError> {
        match value {
            Value::String(text) => self.text(text, known, kind),
            Value::Array(values) => values
                .iter()
                .try_for_each(|value| self.value(value, known, kind)),
            Value::Dict(dict) => dict
                .values()
                .try_for_each(|value| self.value(value, known, kind)),
            _ => Ok(()),
        }
    }

    fn text(&mut self, text: &str, known: &Dict, kind: Kind) -> Result<(), ClosureError> {
        let Some(path) = static_path(text, known) else {
            return Ok(());
        };
        let path = Path::new(&path);
        let candidates: Vec<PathBuf> = if path.is_absolute() {
            self.dirs
                .iter()
                .filter(|dir| path.starts_with(dir))
                .map(|_| path.to_owned())
                .collect()
        } else {
            self.dirs.iter().map(|dir| dir.join(path)).collect()
        };
        let one_word = path.components().count() < 2 && !path.is_absolute();
        for candidate in candidates {
            let candidate = absolute(&candidate);
            let Ok(metadata) = fs_err::metadata(&candidate) else {
                continue;
            };
            if metadata.is_dir() && !(one_word && kind == Kind::Input) {
                self.folder(&candidate, &candidate)?;
            } else if metadata.is_file() {
                self.found.insert(candidate);
            }
        }
        Ok(())
    }

    /// Everything below a folder but what git keeps there; links to folders are not followed.
    fn folder(&mut self, dir: &Path, named: &Path) -> Result<(), ClosureError> {
        let io = |source| ClosureError::Io {
            path: dir.to_owned(),
            source,
        };
        for entry in fs_err::read_dir(dir).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            if entry.file_type().map_err(io)?.is_dir() {
                if entry.file_name() != ".git" {
                    self.folder(&path, named)?;
                }
            } else if path.is_file() {
                self.found.insert(path);
            }
            if self.found.len() > MOST_FILES {
                return Err(ClosureError::TooMany {
                    path: named.to_owned(),
                    limit: MOST_FILES,
                });
            }
        }
        Ok(())
    }
}

/// The path that `text` stands for before it runs: up to the folder before the first part that is only known then,
/// or that is a pattern.
fn static_path(text: &str, known: &Dict) -> Option<String> {
    let mut path = String::new();
    let mut whole = true;
    for piece in pieces(text) {
        match piece.map_err(|key| known.get(key)) {
            Ok(text) => path.push_str(text),
            Err(Some(value)) => path.push_str(&str_form(value)),
            Err(None) => {
                whole = false;
                break;
            }
        }
    }
    let path = path.strip_prefix("file://").unwrap_or(&path);
    let end = path.find(['*', '?', '[', '%']).unwrap_or(path.len());
    let (fixed, pattern) = path.split_at_checked(end)?;
    let fixed = if whole && pattern.is_empty() {
        fixed
    } else {
        fixed.rsplit_once('/').map(|(dir, _)| dir)?
    };
    let fine = !fixed.is_empty()
        && fixed.len() <= LONGEST_PATH
        && !fixed.contains(['\n', '\0'])
        && Path::new(fixed)
            .components()
            .any(|part| part != Component::CurDir);
    fine.then(|| fixed.to_owned())
}
