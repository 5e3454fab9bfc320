//! What git knows of a file.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use git2::{Commit, Diff, DiffFormat, DiffOptions, Oid, Repository, RepositoryOpenFlags};
use recipe::History;

use crate::log;

/// The largest file that is taken out of a commit; recipes have at most as much.
const MOST_BYTES: usize = 16 << 20;

/// The longest difference that is shown.
const LONGEST_DIFF: usize = 1 << 20;

/// The history of files that lie in git repositories, each asked for as `AutoPkg` asks git.
///
/// What was found for a file stays known as long as the repository's `HEAD` stays where it is.
#[derive(Debug, Default)]
pub struct GitHistory {
    /// By the repository's folder, its `HEAD` and the file's path in it.
    last_commits: Mutex<HashMap<(PathBuf, Oid, PathBuf), Option<Oid>>>,
}

impl GitHistory {
    /// A history that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What `file` held at `commit`; none if git cannot say, or if it was larger than any recipe.
    pub fn file_at(&self, file: &Path, commit: &str) -> Option<Vec<u8>> {
        let place = Place::of(file)?;
        let tree = place.commit(commit)?.tree().ok()?;
        let entry = tree.get_path(&place.path).ok()?;
        let object = entry.to_object(&place.repository).ok()?;
        let blob = object.as_blob()?;
        (blob.size() <= MOST_BYTES).then(|| blob.content().to_vec())
    }

    fn last_touched(&self, place: &Place) -> Option<Oid> {
        let head = place.repository.head().ok()?.peel_to_commit().ok()?;
        let key = (place.folder.clone(), head.id(), place.path.clone());
        let known = self.lock().get(&key).copied();
        if let Some(known) = known {
            return known;
        }
        let found = log::last_touched(head, &place.path).ok().flatten();
        self.lock().insert(key, found);
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(PathBuf, Oid, PathBuf), Option<Oid>>> {
        // A panic elsewhere leaves whole entries only.
        self.last_commits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl History for GitHistory {
    fn last_commit(&self, file: &Path) -> Option<String> {
        let place = Place::of(file)?;
        let commit = self.last_touched(&place)?;
        let found = place.repository.find_commit(commit).ok()?;
        // A commit that took the file away says nothing of one that lies there now.
        found.tree().ok()?.get_path(&place.path).ok()?;
        let diff = place.diff(&found).ok()?;
        (diff.deltas().len() == 0).then(|| commit.to_string())
    }

    fn diff_since(&self, file: &Path, commit: &str) -> String {
        let diff = || {
            // `AutoPkg` gives git the path without `--`, and git takes one that leads nowhere for a mistake.
            file.symlink_metadata().ok()?;
            let place = Place::of(file)?;
            let commit = place.commit(commit)?;
            print(&place.diff(&commit).ok()?)
        };
        diff().unwrap_or_default()
    }

    fn log_since(&self, file: &Path, commit: &str) -> String {
        let log = || {
            let place = Place::of(file)?;
            let commit = place.commit(commit)?;
            log::since(&place.repository, &commit, &place.path).ok()
        };
        log().unwrap_or_default()
    }
}

/// A file in a repository.
struct Place {
    repository: Repository,
    folder: PathBuf,
    /// Relative to `folder`.
    path: PathBuf,
}

impl Place {
    /// None if the file lies in no repository, or in one that git refuses to read.
    fn of(file: &Path) -> Option<Self> {
        let file = recipe::absolute(file);
        // The folder may be a link into a repository; git looks at where it leads, and so do we. It need not exist
        // any more, as its file need not.
        let mut folder = file.parent()?;
        let real = loop {
            match fs_err::canonicalize(folder) {
                Ok(real) => break real.join(file.strip_prefix(folder).ok()?),
                Err(_) => folder = folder.parent()?,
            }
        };
        // To begin with, libgit2 reads all certificates of the system, which takes longer than everything else here.
        let mut above = real.ancestors().skip(1);
        if !above.any(|folder| folder.join(".git").symlink_metadata().is_ok()) {
            return None;
        }
        let no_ceiling: [&Path; 0] = [];
        let repository =
            Repository::open_ext(real.parent()?, RepositoryOpenFlags::empty(), no_ceiling)
                .inspect_err(|error| {
                    if error.code() == git2::ErrorCode::Owner {
                        tracing::warn!(file = %file.display(), "its repository belongs to another user, so its history is not read");
                    }
                })
                .ok()?;
        let folder = fs_err::canonicalize(repository.workdir()?).ok()?;
        let path = real.strip_prefix(&folder).ok()?.to_owned();
        Some(Self {
            repository,
            folder,
            path,
        })
    }

    /// The commit of this id. Names of branches and the like are none: what was recorded is an id.
    fn commit(&self, id: &str) -> Option<Commit<'_>> {
        let id = Oid::from_str((id.len() == 40).then_some(id)?).ok()?;
        self.repository.find_commit(id).ok()
    }

    /// How the file differs from what `commit` has, whether that was committed or not.
    fn diff(&self, commit: &Commit<'_>) -> Result<Diff<'_>, git2::Error> {
        let mut options = DiffOptions::new();
        options
            .pathspec(&self.path)
            .disable_pathspec_match(true)
            .ignore_submodules(true);
        self.repository
            .diff_tree_to_workdir_with_index(Some(&commit.tree()?), Some(&mut options))
    }
}

/// As `git diff` prints it; one that nobody could read is cut.
fn print(diff: &Diff<'_>) -> Option<String> {
    let mut bytes = Vec::new();
    let printed = diff.print(DiffFormat::Patch, |_, _, line| {
        if matches!(line.origin(), '+' | '-' | ' ') {
            bytes.extend_from_slice(line.origin().encode_utf8(&mut [0; 4]).as_bytes());
        }
        bytes.extend_from_slice(line.content());
        bytes.len() <= LONGEST_DIFF
    });
    if printed.is_err() && bytes.len() <= LONGEST_DIFF {
        return None;
    }
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if printed.is_err() {
        text.push_str("\n(The difference goes on.)\n");
    }
    Some(text)
}
