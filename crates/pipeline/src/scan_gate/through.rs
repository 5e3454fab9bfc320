//! Every file of a medium, and of the media in it.

use std::{io, path::Path};

use media::{Entry, Kind, MediaError, Tree};
use wire::Budget;

use crate::payload::is_container;

/// How many media within each other are looked into.
const MOST_LEVELS: usize = 4;

/// Is shown the files of a medium.
pub(super) trait Visitor {
    /// A file, and where it is from the root of the medium.
    ///
    /// # Errors
    /// Ends the look.
    fn file(&mut self, tree: &dyn Tree, entry: &Entry, shown: &str) -> Result<(), MediaError>;

    /// A medium in it that cannot be looked into.
    ///
    /// # Errors
    /// Ends the look, which it does by itself.
    fn closed(&mut self, _shown: &str, error: MediaError) -> Result<(), MediaError> {
        Err(error)
    }
}

/// Shows `visitor` every file of the medium at `path`. Blocking.
///
/// # Errors
/// If it cannot be looked into, or `visitor` ends it.
pub(super) fn each_file(path: &Path, visitor: &mut dyn Visitor) -> Result<(), MediaError> {
    let tree = media::open(path)?;
    let mut walk = Walk {
        visitor,
        budget: Budget::for_medium("files"),
    };
    walk.through(&*tree, "", MOST_LEVELS)
}

struct Walk<'a> {
    visitor: &'a mut dyn Visitor,
    budget: Budget,
}

impl Walk<'_> {
    fn through(&mut self, tree: &dyn Tree, prefix: &str, levels: usize) -> Result<(), MediaError> {
        for entry in media::walk(tree, "")? {
            self.budget.spend_entry()?;
            if !matches!(entry.kind, Kind::File { .. }) || tree.holds_entries(&entry) {
                continue;
            }
            let shown = format!("{prefix}{}", entry.path);
            if !is_container(&entry.path) {
                self.visitor.file(tree, &entry, &shown)?;
            } else if let Err(error) = self.container(tree, &entry, &shown, levels) {
                self.visitor.closed(&shown, error)?;
            }
        }
        Ok(())
    }

    fn container(
        &mut self,
        tree: &dyn Tree,
        entry: &Entry,
        shown: &str,
        levels: usize,
    ) -> Result<(), MediaError> {
        let Some(levels) = levels.checked_sub(1) else {
            // What is not looked into must not be taken for known.
            return Err(unreadable(shown, io::ErrorKind::QuotaExceeded.into()));
        };
        let source = tree.source(&entry.path)?;
        let inner = media::open_source(source, &self.budget)?;
        self.through(&*inner, &format!("{shown}/"), levels)
    }
}

/// It is there, and cannot be read.
pub(super) fn unreadable(path: &str, source: io::Error) -> MediaError {
    MediaError::Content {
        path: path.to_owned(),
        source,
    }
}
