//! `audit --resolve-all`: what every recipe becomes.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use recipe::{Library, ResolveError, absolute};

use super::super::{lookup, resolved};
use crate::{exit::ExitStatus, house::House, printer::Printer};

/// Puts every recipe file below `root` together and prints each on a line.
pub(super) fn run(root: &Path, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let root = absolute(root);
    let (library, files) = library_below(&root, house, printer)?;
    let lines = library.resolve_each(&files, |file, resolved| {
        let line = match resolved {
            Ok(recipe) => resolved::as_json(&recipe, Some(&root)),
            Err(error) => serde_json::json!({
                "path": resolved::shown(file, Some(&root)),
                "error": relative(&why(file, &error), &root),
            }),
        };
        line.to_string()
    });
    for line in lines {
        printer.data(line)?;
    }
    Ok(ExitStatus::Done)
}

/// Why a file does not resolve. A search passes over what is no recipe; here the file itself was asked for, so what is
/// wrong with it is told.
fn why(file: &Path, error: &ResolveError) -> String {
    if matches!(error, ResolveError::NotFound { seekers, .. } if seekers.is_empty())
        && let Some(why) = lookup::why_no_recipe(file)
    {
        return format!("no valid recipe found: {why}");
    }
    model::chain(error)
}

/// The text with paths below `root` relative to it, where they begin a word.
fn relative(text: &str, root: &Path) -> String {
    let root = root.display();
    text.replace(&format!("`{root}/"), "`")
        .replace(&format!(" {root}/"), " ")
}

/// A library of the folders in `root`, and every recipe file below it. A folder of `root` may be a link to where its
/// recipes are; below that, links to folders are not followed, as they could lead in a circle.
pub(super) fn library_below(
    root: &Path,
    house: &House,
    printer: Printer,
) -> anyhow::Result<(Library, Vec<PathBuf>)> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    let listed = entries(root)
        .with_context(|| format!("cannot list the recipes below `{}`", root.display()))?;
    for path in listed {
        if path.is_dir() {
            if !is_git(&path) && !leads_around(&path, root) {
                recipe_files(&path, &mut files, printer);
                folders.push(path.display().to_string());
            }
        } else if is_named_like_a_recipe(&path) {
            files.push(path);
        }
    }
    let library = house.library(&[], &[])?;
    Ok((library.of_other_dirs(&folders, &[]), files))
}

/// Puts every recipe file below `dir` into `files`, in order. A folder that cannot be read is told of and left out.
fn recipe_files(dir: &Path, files: &mut Vec<PathBuf>, printer: Printer) {
    let listed = match entries(dir) {
        Ok(listed) => listed,
        Err(error) => {
            printer.warning(format!(
                "the recipes below `{}` are left out: {error}",
                dir.display()
            ));
            return;
        }
    };
    for path in listed {
        if path.is_dir() && !path.is_symlink() {
            if !is_git(&path) {
                recipe_files(&path, files, printer);
            }
        } else if is_named_like_a_recipe(&path) {
            files.push(path);
        }
    }
}

/// What lies in `dir`, in order.
fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs_err::read_dir(dir)? {
        entries.push(entry?.path());
    }
    entries.sort();
    Ok(entries)
}

fn is_named_like_a_recipe(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut extensions = recipe::EXTENSIONS.iter();
    extensions.any(|extension| name.ends_with(extension))
}

fn is_git(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ".git")
}

/// Whether a link leads to `root` itself or to what it lies in.
fn leads_around(path: &Path, root: &Path) -> bool {
    path.is_symlink()
        && match (path.canonicalize(), root.canonicalize()) {
            (Ok(target), Ok(root)) => root.starts_with(target),
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_root_become_relative() {
        assert_eq!(
            relative(
                "yaml error for `/r/a/B.recipe.yaml`: /x/r/a",
                Path::new("/r")
            ),
            "yaml error for `a/B.recipe.yaml`: /x/r/a"
        );
        assert_eq!(
            relative("is its own ancestor: /r/a/B.recipe -> b", Path::new("/r")),
            "is its own ancestor: a/B.recipe -> b"
        );
    }
}
