//! Removes what is in the way.

use std::{
    ffi::{CStr, CString},
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::{
    fd::{AsFd, AsRawFd as _, OwnedFd},
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, renameat, statat, unlinkat},
    io::Errno,
    path::Arg,
};

/// The mode of a folder that we may read and write.
const OURS: u32 = 0o700;

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

/// Removes a folder, however deeply folders are nested in it, and with those that nobody may write, as applications have,
/// or processors leave.
///
/// What is in a folder is moved up before that is removed, so that few are open at a time, and nothing calls itself: the
/// one of the standard library does, and whoever nests folders deeply enough ends the process. Links are not followed;
/// folders are held open, and whoever swaps one for a link meanwhile has nothing changed elsewhere.
fn remove_folder(path: &Path) -> io::Result<()> {
    let top = opened(CWD, path)?;
    let mut moved = 0_u64;
    loop {
        let folders = unlink_files(&top)?;
        if folders.is_empty() {
            return fs::remove_dir(path);
        }
        for name in folders {
            let folder = opened(&top, name.as_c_str())?;
            for inner in unlink_files(&folder)? {
                lift(&folder, &inner, &top, &mut moved)?;
            }
            unlinkat(&top, name.as_c_str(), AtFlags::REMOVEDIR)?;
        }
    }
}

/// The folder `name` in `at`, and no link there, opened and made one that we may read and write.
fn opened(at: impl AsFd, name: impl Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = openat(at, name, flags, Mode::empty())?;
    if fstat(&held)?.st_mode & OURS != OURS {
        // `fchmod` does not take what is held so.
        let itself = format!("/proc/self/fd/{}", held.as_raw_fd());
        fs::set_permissions(itself, fs::Permissions::from_mode(OURS))?;
    }
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(&held, c".", flags, Mode::empty())?)
}

/// Removes what is no folder in `folder`; answers the names of the folders.
fn unlink_files(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folders = Vec::new();
    for entry in Dir::new(openat(folder, c".", flags, Mode::empty())?)? {
        let entry = entry?;
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(found.st_mode)
            }
            known => known,
        };
        if kind == FileType::Directory {
            folders.push(name.to_owned());
        } else {
            unlinkat(folder, name, AtFlags::empty())?;
        }
    }
    Ok(folders)
}

/// Moves the folder `inner` from `folder` up to `top`; `moved` counts names that were tried there.
fn lift(folder: &OwnedFd, inner: &CStr, top: &OwnedFd, moved: &mut u64) -> io::Result<()> {
    // Whoever moves a folder writes what is above it, in the folder itself.
    drop(opened(folder, inner)?);
    loop {
        *moved = moved.saturating_add(1);
        match renameat(folder, inner, top, format!(".removed-{moved}")) {
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            done => return Ok(done?),
        }
    }
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
    use rustix::fs::mkdirat;

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
        // As one is that was a folder when the names were read.
        opened(CWD, tree.join("link").as_path()).unwrap_err();
        clear(&tree).unwrap();
        clear(&tree).unwrap();
        assert!(!tree.exists());
        assert_eq!(
            apart.metadata().unwrap().permissions().mode() & 0o777,
            0o555
        );
    }

    #[test]
    fn folders_are_nested_as_deeply_as_they_like() {
        let house = tempfile::tempdir().unwrap();
        let tree = house.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let mut folder = opened(CWD, tree.as_path()).unwrap();
        for _ in 0..20_000 {
            mkdirat(&folder, c"n", Mode::from_raw_mode(0o700)).unwrap();
            mkdirat(&folder, c".removed-7", Mode::from_raw_mode(0o700)).unwrap();
            folder = opened(&folder, c"n").unwrap();
        }
        clear(&tree).unwrap();
        assert!(!tree.exists());
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
