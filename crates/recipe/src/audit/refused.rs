//! Recipes that could not be put together.

use std::path::{Path, PathBuf};

use proplist::Part;

use super::{Finding, Rule, chain, rules};
use crate::{Library, ReadError, ResolveError, Scope, YamlError};

/// What is to be said of the recipe `name`, which could not be put together because of `error`.
pub(super) fn finding(library: &Library, name: &str, error: &ResolveError) -> Finding {
    let asked = PathBuf::from(name);
    match error {
        ResolveError::Cycle { chain, .. } => found(
            &rules::PARENT_CIRCLE,
            &asked,
            line(&asked, "ParentRecipe"),
            format!(
                "its parents lead back to themselves: {}",
                chain.join(" -> ")
            ),
            "Let one of them name another parent, or none.",
        ),
        ResolveError::Malformed { path, what } => found(
            &rules::MALFORMED,
            path,
            line(path, malformed_key(what)),
            what.clone(),
            "Give it the form that recipes have.",
        ),
        ResolveError::NotFound {
            name: sought,
            seekers,
        } => match seekers.first() {
            Some(seeker) => {
                let file = library
                    .locate(seeker, Scope::Overrides, &[])
                    .unwrap_or(asked);
                found(
                    &rules::MISSING_PARENT,
                    &file,
                    line(&file, "ParentRecipe"),
                    format!("its parent `{sought}` is in none of the folders that are searched"),
                    "Add the repository that has it (`auto-update repo-add`), or correct the name.",
                )
            }
            None => not_a_recipe(library, &asked),
        },
        ResolveError::Read { source, .. } => unreadable(&asked, source),
    }
}

/// A path that is nobody's recipe: it cannot be read, or lacks what every recipe has.
fn not_a_recipe(library: &Library, path: &Path) -> Finding {
    match library.read(path) {
        Err(error) => unreadable(path, &error),
        Ok(_) => found(
            &rules::MALFORMED,
            path,
            1,
            "it has no Input, or neither Process nor ParentRecipe".to_owned(),
            "Give it what it lacks; where there is nothing to say, an empty one.",
        ),
    }
}

fn unreadable(asked: &Path, error: &ReadError) -> Finding {
    let (path, line) = match error {
        ReadError::Yaml { path, source } => (path.as_path(), yaml_line(source)),
        ReadError::Plist { path, source } => (path.as_path(), source.line().unwrap_or(1)),
        ReadError::Io { path, .. }
        | ReadError::NotADictionary { path }
        | ReadError::TooLarge { path, .. } => (path.as_path(), 1),
    };
    let path = if path.as_os_str().is_empty() {
        asked
    } else {
        path
    };
    let source = std::error::Error::source(error).map(ToString::to_string);
    found(
        &rules::UNREADABLE,
        path,
        line,
        source.unwrap_or_else(|| error.to_string()),
        "Correct the file; a property list is checked by `plutil -lint` on a Mac.",
    )
}

const fn yaml_line(error: &YamlError) -> usize {
    match error {
        YamlError::Refused { line, .. } | YamlError::Syntax { line, .. } => *line,
        YamlError::Control { .. } | YamlError::NotUtf16(_) | YamlError::NotUtf8(_) => 1,
    }
}

/// Merging says in words what it objects to; the first word or so is the key.
fn malformed_key(what: &str) -> &'static str {
    if what.contains("Input") {
        "Input"
    } else {
        "Process"
    }
}

fn line(file: &Path, key: &str) -> usize {
    let lines = chain::lines(file);
    lines
        .get([Part::from(key)].as_slice())
        .copied()
        .unwrap_or(1)
}

fn found(rule: &'static Rule, file: &Path, line: usize, message: String, mend: &str) -> Finding {
    Finding {
        rule,
        severity: rule.severity,
        file: file.to_owned(),
        line,
        message,
        mend: mend.to_owned(),
    }
}
