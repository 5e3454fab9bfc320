//! What a version control system knows of a file.

use std::path::Path;

/// The history of files, so that git stays outside of this room.
///
/// Everything is answered as well as it can be: no answer means that there is no history to speak of.
pub trait History {
    /// The commit that last touched the file, as 40 hexadecimal digits; none if the file lies in no repository, is
    /// untracked, or is not as that commit has it.
    fn last_commit(&self, file: &Path) -> Option<String>;

    /// What changed in the file between `commit` and now, as `git diff` prints it; empty if nothing can be said.
    fn diff_since(&self, file: &Path, commit: &str) -> String;

    /// The commits after `commit` that touched the file, newest first, as `git log` prints them; empty if nothing
    /// can be said.
    fn log_since(&self, file: &Path, commit: &str) -> String;
}

/// No file has a history.
#[derive(Clone, Copy, Debug)]
pub struct NoHistory;

impl History for NoHistory {
    fn last_commit(&self, _file: &Path) -> Option<String> {
        None
    }

    fn diff_since(&self, _file: &Path, _commit: &str) -> String {
        String::new()
    }

    fn log_since(&self, _file: &Path, _commit: &str) -> String {
        String::new()
    }
}
