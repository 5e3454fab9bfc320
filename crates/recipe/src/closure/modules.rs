//! Which Python files a community processor can load besides its own.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::ClosureError;

/// A package with more files than this is nobody's to look over.
const MOST_FILES: usize = 4096;

/// The other Python files in the folder of a processor, and those of every package there that it imports, itself or through
/// one of these.
///
/// # Errors
/// If a package cannot be read, or holds more than anybody could look over.
pub fn modules_of(processor: &Path) -> Result<BTreeSet<PathBuf>, ClosureError> {
    let Some(dir) = processor.parent() else {
        return Ok(BTreeSet::new());
    };
    let mut found = beside(dir);
    found.remove(processor);
    let mut packages = BTreeSet::new();
    let mut looked_into = BTreeSet::new();
    let mut to_look_into = vec![processor.to_owned()];
    while let Some(file) = to_look_into.pop() {
        let Ok(bytes) = fs_err::read(&file) else {
            continue; // It is told of where it is hashed.
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        looked_into.insert(file);
        for name in text.lines().flat_map(imported_modules) {
            let module = dir.join(format!("{name}.py"));
            if found.contains(&module) && !looked_into.contains(&module) {
                to_look_into.push(module);
            }
            let package = dir.join(name);
            if is_folder(&package) && packages.insert(package.clone()) {
                let files = files_of(&package)?;
                to_look_into.extend(files.iter().cloned());
                found.extend(files);
            }
        }
    }
    Ok(found)
}

/// The modules that a line of Python imports, without what is in them: `from a.b import c` imports `a`.
pub fn imported_modules(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start();
    let (rest, several) = match line.strip_prefix("import ") {
        Some(rest) => (rest, usize::MAX),
        None => (line.strip_prefix("from ").unwrap_or_default(), 1),
    };
    rest.split(',').take(several).filter_map(|module| {
        let name = module.split_whitespace().next()?.split('.').next()?;
        let is_name = |letter: char| letter == '_' || letter.is_alphanumeric();
        (!name.is_empty() && name.chars().all(is_name)).then_some(name)
    })
}

fn beside(dir: &Path) -> BTreeSet<PathBuf> {
    let entries = fs_err::read_dir(dir).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| is_python(path)).collect()
}

/// Every Python file of a package and of those in it; links are nobody's to follow.
fn files_of(package: &Path) -> Result<BTreeSet<PathBuf>, ClosureError> {
    let mut files = BTreeSet::new();
    let mut folders = vec![package.to_owned()];
    while let Some(folder) = folders.pop() {
        let io = |source| ClosureError::Io {
            path: folder.clone(),
            source,
        };
        for entry in fs_err::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let kind = entry.file_type().map_err(io)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && is_python(&entry.path()) {
                files.insert(entry.path());
            }
        }
        if files.len().saturating_add(folders.len()) > MOST_FILES {
            return Err(ClosureError::TooMany {
                path: package.to_owned(),
                limit: MOST_FILES,
            });
        }
    }
    Ok(files)
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}
