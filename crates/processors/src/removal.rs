//! Removes what is in the way.

use std::{fs, io, path::Path};

/// Folders whose loss no recipe can mean: the root, and what is directly below it.
const SHALLOWEST: usize = 3;

/// Removes the file, link or folder at `path`; a link goes, and what it leads to stays.
///
/// # Errors
/// If it cannot be removed, or is so near the root that an undefined variable must have shortened the path.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let metadata = path.symlink_metadata()?;
    if !metadata.is_dir() {
        return fs::remove_file(path);
    }
    refuse_shallow(path)?;
    fs::remove_dir_all(path)
}

/// Removes what is in the folder at `path`, and not the folder.
///
/// # Errors
/// As [`remove`].
pub(crate) fn empty(path: &Path) -> io::Result<()> {
    refuse_shallow(path)?;
    for entry in fs::read_dir(path)? {
        remove(&entry?.path())?;
    }
    Ok(())
}

fn refuse_shallow(path: &Path) -> io::Result<()> {
    let real = path.canonicalize()?;
    if real.components().count() < SHALLOWEST {
        let text = format!("refusing to delete `{}`", real.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_empties_the_root() {
        for path in ["/", "/usr", "/usr/.."] {
            assert!(remove(Path::new(path)).is_err(), "{path}");
            assert!(empty(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn a_link_goes_without_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::create_dir(&target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        remove(&link).unwrap();
        assert!(target.is_dir() && link.symlink_metadata().is_err());
    }
}
