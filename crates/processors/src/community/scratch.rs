//! The `/tmp` that community processors of one run share, as they do on a Mac: some leave there what a later step goes on
//! with.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::links;
use crate::removal;

/// Where it lies in the workspace.
pub(super) const FOLDER: &str = ".tmp";

/// The folder, made if this is the first step that needs it, with room for what else is to be `seen_at` places in it.
/// Blocking.
///
/// # Errors
/// If it cannot be made.
pub(super) fn make<'a>(
    workspace: &Path,
    seen_at: impl Iterator<Item = &'a Path>,
) -> io::Result<PathBuf> {
    let place = workspace.join(FOLDER);
    // What is no folder was put there by somebody who wants us to open another one.
    remove_link(&place)?;
    if !place.is_dir() {
        DirBuilder::new().mode(0o700).create(&place)?;
    }
    // A house in `/tmp` is seen there too, and no link may lead what is made for it elsewhere.
    for inner in seen_at.filter_map(|path| path.strip_prefix("/tmp").ok()) {
        let mut on_the_way = place.clone();
        for part in inner {
            on_the_way.push(part);
            remove_link(&on_the_way)?;
        }
    }
    Ok(place)
}

fn remove_link(path: &Path) -> io::Result<()> {
    if path.is_symlink() {
        fs_err::remove_file(path)?;
    }
    Ok(())
}

/// Removes it with all that is in it, tokens and the like too, and links that a step left that did not come to its end.
/// Blocking.
///
/// # Errors
/// If it cannot be removed.
pub fn clear_scratch(workspace: &Path) -> io::Result<()> {
    removal::clear(&workspace.join(FOLDER))?;
    links::recover(workspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_its_place_is_not_opened() {
        let workspace = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let file = elsewhere.path().join("kept");
        fs_err::write(&file, "").unwrap();
        let place = workspace.path().join(FOLDER);
        for clear in [false, true] {
            fs_err::os::unix::fs::symlink(elsewhere.path(), &place).unwrap();
            if clear {
                clear_scratch(workspace.path()).unwrap();
                assert!(place.symlink_metadata().is_err());
            }
            let seen_at = [Path::new("/tmp/house/var"), Path::new("/var/house")];
            assert_eq!(make(workspace.path(), seen_at.into_iter()).unwrap(), place);
            assert!(place.symlink_metadata().unwrap().is_dir());
            fs_err::write(place.join("token"), "").unwrap();
            let link = place.join("house");
            fs_err::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
            assert_eq!(make(workspace.path(), seen_at.into_iter()).unwrap(), place);
            assert!(place.join("token").is_file() && link.symlink_metadata().is_err());
            clear_scratch(workspace.path()).unwrap();
            clear_scratch(workspace.path()).unwrap();
        }
        assert!(file.is_file());
    }
}
