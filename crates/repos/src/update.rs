//! Bringing a repository forward.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use git2::{
    AutotagOption, CheckoutNotificationType, ErrorCode, ObjectType, Oid, Repository,
    RepositoryOpenFlags, Tree, build::CheckoutBuilder,
};

use crate::{
    Limits, RepoAddress, RepoError,
    transfer::{self, Watch, folder_error},
};

/// At most this many files are named in an error.
const MOST_NAMED: usize = 10;

/// What an update did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Update {
    /// It moved from one commit to a later one.
    Forward {
        /// The commit before, as 40 hexadecimal digits.
        from: String,
        /// The commit now.
        to: String,
        /// How many files changed.
        files: usize,
    },
    /// There was nothing new.
    UpToDate,
}

/// Brings the repository in `folder` forward to the branch that it follows, as a fast-forward.
///
/// # Errors
/// If it is no repository, cannot be reached, follows nothing, has diverged, or has changes that would be lost. In
/// each case no file of it was changed.
pub fn update(folder: &Path, limits: Limits) -> Result<Update, RepoError> {
    let address = upstream_of(&open(folder)?, folder)?.address;
    let folder = folder.to_owned();
    transfer::watched(&address, limits, move |watch| {
        update_now(&folder, limits, watch)
    })
}

/// The repository in exactly this folder.
fn open(folder: &Path) -> Result<Repository, RepoError> {
    let nowhere_else: [&Path; 0] = [];
    Repository::open_ext(folder, RepositoryOpenFlags::NO_SEARCH, nowhere_else)
        .map_err(|error| folder_error(&error, folder))
}

struct Upstream {
    /// `refs/heads/main`
    branch: String,
    remote: String,
    /// `refs/remotes/origin/main`
    tracking: String,
    address: RepoAddress,
}

fn upstream_of(repository: &Repository, folder: &Path) -> Result<Upstream, RepoError> {
    let nothing = || RepoError::NoUpstream {
        folder: folder.to_owned(),
    };
    let failed = |error: git2::Error| folder_error(&error, folder);
    let head = repository.find_reference("HEAD").map_err(failed)?;
    let branch = match head.symbolic_target() {
        Ok(Some(branch)) => branch.to_owned(),
        Ok(None) | Err(_) => return Err(nothing()),
    };
    let text = |buffer: Result<git2::Buf, git2::Error>| match buffer {
        Ok(buffer) => std::str::from_utf8(&buffer)
            .map(str::to_owned)
            .map_err(|_not_text| nothing()),
        Err(error) if error.code() == ErrorCode::NotFound => Err(nothing()),
        Err(error) => Err(folder_error(&error, folder)),
    };
    let remote = text(repository.branch_upstream_remote(&branch))?;
    let tracking = text(repository.branch_upstream_name(&branch))?;
    let address = repository
        .find_remote(&remote)
        .and_then(|remote| remote.url().map(str::to_owned))
        .map_err(failed)?;
    Ok(Upstream {
        branch,
        remote,
        tracking,
        address: RepoAddress::parse(&address)?,
    })
}

fn update_now(folder: &Path, limits: Limits, watch: &Arc<Watch>) -> Result<Update, RepoError> {
    let repository = open(folder)?;
    let upstream = upstream_of(&repository, folder)?;
    let failed = |error: git2::Error| folder_error(&error, folder);
    fetch(&repository, &upstream, limits, watch)?;
    if !watch.alive() {
        // Nobody waits any more, and nobody shall find files changed after being told that nothing was.
        return Err(RepoError::TimedOut {
            address: upstream.address,
            waited: limits.total,
        });
    }
    let commit_of = |reference: &str| match repository.refname_to_id(reference) {
        Ok(commit) => Ok(commit),
        Err(error) if error.code() == ErrorCode::NotFound => Err(RepoError::NoUpstream {
            folder: folder.to_owned(),
        }),
        Err(error) => Err(failed(error)),
    };
    let (ours, theirs) = (commit_of(&upstream.branch)?, commit_of(&upstream.tracking)?);
    let (ahead, behind) = repository
        .graph_ahead_behind(ours, theirs)
        .map_err(failed)?;
    match (ahead, behind) {
        (_, 0) => return Ok(Update::UpToDate),
        (0, _) => {}
        _ => {
            return Err(RepoError::Diverged {
                folder: folder.to_owned(),
                ahead,
                behind,
            });
        }
    }
    check_out(&repository, theirs, folder, watch)?;
    repository
        .reference(&upstream.branch, theirs, true, "pull: Fast-forward")
        .map_err(failed)?;
    Ok(Update::Forward {
        from: ours.to_string(),
        to: theirs.to_string(),
        files: changed_files(&repository, ours, theirs).map_err(failed)?,
    })
}

fn fetch(
    repository: &Repository,
    upstream: &Upstream,
    limits: Limits,
    watch: &Arc<Watch>,
) -> Result<(), RepoError> {
    let failed =
        |error: git2::Error| transfer::transfer_error(&error, &upstream.address, limits, watch);
    let mut options = transfer::options(&upstream.address, limits, watch);
    options.download_tags(AutotagOption::Auto);
    let mut remote = repository.find_remote(&upstream.remote).map_err(failed)?;
    remote
        .fetch(&[] as &[&str], Some(&mut options), None)
        .map_err(failed)
}

/// Puts the files of `commit` in place, unless that overwrites a change. The branch is moved afterwards: should the
/// process end in between, the next update finds files that are already as they shall be.
fn check_out(
    repository: &Repository,
    commit: Oid,
    folder: &Path,
    watch: &Watch,
) -> Result<(), RepoError> {
    let failed = |error: git2::Error| folder_error(&error, folder);
    let commit = repository.find_commit(commit).map_err(failed)?;
    let tree = commit.tree().map_err(failed)?;
    let conflicts = match check_out_safely(repository, &tree, watch) {
        (Err(error), conflicts) if conflicts.is_empty() => return Err(failed(error)),
        (Err(_), conflicts) => conflicts,
        (Ok(()), _) => return Ok(()),
    };
    // Git takes an untracked file for a change even if it is what would be written.
    let (same, changed): (Vec<PathBuf>, Vec<PathBuf>) = conflicts
        .into_iter()
        .partition(|path| is_as_in(&tree, folder, path));
    if !changed.is_empty() {
        return Err(RepoError::LocalChanges {
            folder: folder.to_owned(),
            files: changed
                .iter()
                .take(MOST_NAMED)
                .map(|path| path.display().to_string())
                .collect(),
        });
    }
    for path in same {
        let path = folder.join(path);
        fs_err::remove_file(&path).map_err(|source| RepoError::File { path, source })?;
    }
    check_out_safely(repository, &tree, watch).0.map_err(failed)
}

/// Puts the files of `tree` in place if no change is in the way, and says what is.
fn check_out_safely(
    repository: &Repository,
    tree: &Tree<'_>,
    watch: &Watch,
) -> (Result<(), git2::Error>, Vec<PathBuf>) {
    let mut conflicts = Vec::new();
    let mut checkout = CheckoutBuilder::new();
    checkout
        .safe()
        .recreate_missing(true)
        .progress(|_, _, _| {
            watch.alive();
        })
        .notify_on(CheckoutNotificationType::CONFLICT)
        .notify(|_, path, _, _, _| {
            conflicts.extend(path.map(Path::to_owned));
            true
        });
    let result = repository.checkout_tree(tree.as_object(), Some(&mut checkout));
    drop(checkout);
    (result, conflicts)
}

/// Whether the file holds the very bytes that `tree` has for it.
fn is_as_in(tree: &Tree<'_>, folder: &Path, path: &Path) -> bool {
    let file = folder.join(path);
    let is_file = file.symlink_metadata().is_ok_and(|file| file.is_file());
    match (tree.get_path(path), Oid::hash_file(ObjectType::Blob, &file)) {
        (Ok(entry), Ok(own)) => is_file && entry.id() == own,
        _ => false,
    }
}

fn changed_files(repository: &Repository, from: Oid, to: Oid) -> Result<usize, git2::Error> {
    let tree = |commit: Oid| repository.find_commit(commit)?.tree();
    let diff = repository.diff_tree_to_tree(Some(&tree(from)?), Some(&tree(to)?), None)?;
    Ok(diff.deltas().len())
}
