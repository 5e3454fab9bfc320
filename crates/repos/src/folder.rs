//! The folders that repositories are kept in: they appear whole and disappear whole.

use std::path::{Path, PathBuf};

use git2::build::{CheckoutBuilder, CloneLocal, RepoBuilder};

use crate::{
    Limits, RepoAddress, RepoError, Update,
    transfer::{self, Watch},
    update,
};

/// What begins the names of folders that are being made or removed. Recipes are not sought in hidden folders.
const COMING: &str = ".coming-";
const GOING: &str = ".going-";

/// Brings the repository at `address` into its folder in `repo_dir`, and says where that is: clones it, or updates it
/// if it is there already. `~` in an address that is a path is the `home` folder.
///
/// The folder appears when everything is in it. What an earlier process left half done is removed.
///
/// # Errors
/// If it cannot be reached or read, is too large or too slow, or if something else lies in its place.
pub fn add(
    address: &RepoAddress,
    repo_dir: &Path,
    home: Option<&Path>,
    limits: Limits,
) -> Result<(PathBuf, Option<Update>), RepoError> {
    let folder = repo_dir.join(address.folder_name()?);
    if folder.symlink_metadata().is_ok() {
        if !folder.join(".git").is_dir() {
            return Err(RepoError::Exists { folder });
        }
        let update = update(&folder, limits)?;
        return Ok((folder, Some(update)));
    }
    fs_err::create_dir_all(repo_dir).map_err(|source| RepoError::File {
        path: repo_dir.to_owned(),
        source,
    })?;
    sweep(repo_dir);
    let coming = beside(&folder, COMING);
    let cloned = clone(address, &coming, home, limits);
    let placed = cloned.and_then(|()| {
        fs_err::rename(&coming, &folder).map_err(|source| RepoError::File {
            path: folder.clone(),
            source,
        })
    });
    if placed.is_err() {
        // The first failure is the one to tell of; the next `add` sweeps what is left.
        fs_err::remove_dir_all(&coming).unwrap_or_default();
    }
    placed.map(|()| (folder, None))
}

/// Removes the repository in `folder`. One that is gone already is removed.
///
/// # Errors
/// If the folder holds something that is no repository, or cannot be removed.
pub fn delete(folder: &Path) -> Result<(), RepoError> {
    let file = |source| RepoError::File {
        path: folder.to_owned(),
        source,
    };
    match folder.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file(error)),
        Ok(_) if folder.join(".git").symlink_metadata().is_err() => {
            return Err(RepoError::NotARepository {
                folder: folder.to_owned(),
            });
        }
        Ok(_) => {}
    }
    let going = beside(folder, GOING);
    fs_err::rename(folder, &going).map_err(file)?;
    if going.is_symlink() {
        fs_err::remove_file(&going).map_err(file)
    } else {
        fs_err::remove_dir_all(&going).map_err(file)
    }
}

fn clone(
    address: &RepoAddress,
    into: &Path,
    home: Option<&Path>,
    limits: Limits,
) -> Result<(), RepoError> {
    let from = if address.is_path() {
        recipe::expand_user(address.expose(), home)
            .display()
            .to_string()
    } else {
        address.expose().to_owned()
    };
    let (theirs, folder) = (address.clone(), into.to_owned());
    transfer::watched(address, limits, move |watch| {
        let cloned = clone_now(&theirs, &from, &folder, limits, watch);
        if !watch.alive() {
            // Nobody waits any more, so nobody else removes it.
            fs_err::remove_dir_all(&folder).unwrap_or_default();
        }
        cloned
    })
}

fn clone_now(
    address: &RepoAddress,
    from: &str,
    into: &Path,
    limits: Limits,
    watch: &Watch,
) -> Result<(), RepoError> {
    let mut checkout = CheckoutBuilder::new();
    checkout.progress(|_, _, _| {
        watch.alive();
    });
    let mut builder = RepoBuilder::new();
    // A local repository is read like a remote one: hard links would tie the two together.
    builder
        .clone_local(CloneLocal::None)
        .with_checkout(checkout)
        .fetch_options(transfer::options(address, limits, watch));
    let repository = builder
        .clone(from, into)
        .map_err(|error| transfer::transfer_error(&error, address, limits, watch))?;
    if repository.is_empty().unwrap_or(true) {
        return Err(RepoError::Empty {
            address: address.clone(),
        });
    }
    Ok(())
}

/// A hidden name of this process beside `folder`.
fn beside(folder: &Path, prefix: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!("{prefix}{}-{name}", std::process::id()))
}

/// Removes what processes that are no more left half done.
fn sweep(repo_dir: &Path) {
    let Ok(entries) = fs_err::read_dir(repo_dir) else {
        return; // Cloning will say why.
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let process = [COMING, GOING]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(process, _)| process.parse::<u32>().ok());
        if let Some(process) = process
            && !Path::new("/proc").join(process.to_string()).exists()
        {
            tracing::info!(folder = %entry.path().display(), "removing what an earlier process left");
            fs_err::remove_dir_all(entry.path()).unwrap_or_default();
        }
    }
}
