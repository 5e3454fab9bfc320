//! `audit --resolve-all`: what every recipe becomes.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use recipe::{Library, absolute};

use super::super::resolved;
use crate::{exit::ExitStatus, house::House, printer::Printer};

/// Puts every recipe file below `root` together and prints each on a line.
pub(super) fn run(root: &Path, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let root = absolute(root);
    let (library, files) = library_below(&root, house)?;
    let lines = library.resolve_each(&files, |file, resolved| {
        let line = match resolved {
            Ok(recipe) => resolved::as_json(&recipe, Some(&root)),
            Err(error) => serde_json::json!({
                "path": resolved::shown(file, Some(&root)),
                "error": model::chain(&error),
            }),
        };
        line.to_string()
    });
    for line in lines {
        printer.data(line)?;
    }
    Ok(ExitStatus::Done)
}

/// A library of the folders in `root`, and every recipe file below it.
pub(super) fn library_below(root: &Path, house: &House) -> anyhow::Result<(Library, Vec<PathBuf>)> {
    let mut files = Vec::new();
    let folders = recipe_files(root, &mut files)
        .with_context(|| format!("cannot list the recipes below `{}`", root.display()))?;
    let search_dirs: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let library = house.library(&[], &[])?;
    Ok((library.of_other_dirs(&search_dirs, &[]), files))
}

/// Puts every recipe file below `dir` into `files`, in order, and gives the folders that lie in it.
fn recipe_files(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs_err::read_dir(dir)? {
        entries.push(entry?.path());
    }
    entries.sort();
    let mut folders = Vec::new();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A link to a folder could lead in a circle.
        if path.is_dir() && !path.is_symlink() {
            if name != ".git" {
                recipe_files(&path, files)?;
                folders.push(path.clone());
            }
        } else if recipe::EXTENSIONS
            .iter()
            .any(|extension| name.ends_with(extension))
        {
            files.push(path.clone());
        }
    }
    Ok(folders)
}
