//! Removes what is in the way.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path};

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
    remove_folder(path)
}

/// Removes what lies at `path`, a place of our own, if anything does.
///
/// # Errors
/// If it cannot be removed.
pub(crate) fn clear(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => remove_folder(path),
        Ok(_other) => fs::remove_file(path),
        Err(_nothing) => Ok(()),
    }
}

/// Removes a folder with folders in it that nobody may write, as applications have, or processors leave.
fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path)
        }
        done => done,
    }
}

/// Lets us write the folder and all in it.
fn make_writable(path: &Path) -> io::Result<()> {
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
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
    fn folders_that_nobody_may_write_are_opened_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, apart) = (folder.path().join("tree"), folder.path().join("apart"));
        let inner = tree.join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::create_dir(&apart).unwrap();
        std::os::unix::fs::symlink(&apart, tree.join("link")).unwrap();
        let closed = [&inner, &inner.parent().unwrap().to_owned(), &tree, &apart];
        for place in closed {
            fs::set_permissions(place, fs::Permissions::from_mode(0o555)).unwrap();
        }
        make_writable(&tree).unwrap();
        let modes = closed.map(|place| place.metadata().unwrap().permissions().mode() & 0o777);
        assert_eq!(modes, [0o700, 0o700, 0o700, 0o555]);
        clear(&tree).unwrap();
        clear(&tree).unwrap();
        assert!(!tree.exists() && apart.is_dir());
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
