//! Removes what is in the way.

use std::{ffi::CString, fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use rustix::{
    fd::{AsFd, AsRawFd as _, OwnedFd},
    fs::{CWD, Dir, FileType, Mode, OFlags, openat},
    io::Errno,
    path::Arg,
};

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

/// Lets us write the folder and all in it. Folders are held open on the way: whoever swaps one for a link meanwhile has
/// no mode changed elsewhere.
fn make_writable(path: &Path) -> io::Result<()> {
    let mut on_the_way = vec![opened(held(CWD, path)?)?];
    while let Some((folder, inner)) = on_the_way.last_mut() {
        let Some(name) = inner.pop() else {
            on_the_way.pop();
            continue;
        };
        match held(&folder, name.as_c_str()) {
            Ok(folder) => on_the_way.push(opened(folder)?),
            // No folder, or not there any more.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The folder `name` in `at`, and no link there; it need not be one that may be read.
fn held(at: impl AsFd, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(at, name, flags, Mode::empty())
}

/// The folder, now writable, with the names of what may be folders in it.
fn opened(folder: OwnedFd) -> io::Result<(OwnedFd, Vec<CString>)> {
    // `fchmod` does not take what is held so.
    let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
    fs::set_permissions(itself, fs::Permissions::from_mode(0o700))?;
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut names = Vec::new();
    for entry in Dir::new(openat(&folder, c".", flags, Mode::empty())?)? {
        let entry = entry?;
        let may_be_one = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if may_be_one && ![c".", c".."].contains(&entry.file_name()) {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok((folder, names))
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
        // As one is that was a folder when the names were read.
        held(CWD, tree.join("link").as_path()).unwrap_err();
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
