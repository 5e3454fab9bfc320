//! What a path in a recipe leads to: on the host, or inside a medium.

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use media::{HostTree, Kind, MediaError, Tree};
use proplist::{Dict, Value};

use crate::{StepError, output_file};
use model::chain;

/// Larger property lists are not read.
const LARGEST_PLIST: u64 = 32 << 20;

/// Something that is there, links followed.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The path as the recipe has it, by which messages name it and later steps find it.
    shown: String,
    tree: Arc<dyn Tree>,
    inner: String,
    kind: Kind,
}

impl Place {
    /// What `path` leads to; nothing if there is nothing. With a slash at its end, what is in the image.
    pub(crate) fn find(path: &str) -> Result<Option<Self>, StepError> {
        let trimmed = path.trim_end_matches('/');
        let found = if trimmed.len() < path.len() && Path::new(trimmed).is_file() {
            media::open(Path::new(trimmed)).map(|tree| (tree, String::new()))
        } else {
            locate(Path::new(path))
        };
        let (tree, inner) = match found {
            Ok(found) => found,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(unreadable(path, error)),
        };
        Self::at(trimmed, tree, &inner)
    }

    /// What `path` leads to.
    ///
    /// # Errors
    /// `missing` if there is nothing.
    pub(crate) fn expect(
        path: &str,
        missing: impl FnOnce() -> StepError,
    ) -> Result<Self, StepError> {
        Self::find(path)?.ok_or_else(missing)
    }

    /// What is in the container or folder at `path`; nothing if there is none.
    pub(crate) fn enter(path: &str) -> Result<Option<Self>, StepError> {
        let host = Path::new(path);
        let tree = if host.is_dir() {
            HostTree::new(host).map(|tree| Arc::new(tree) as Arc<dyn Tree>)
        } else {
            media::open(host)
        };
        match tree {
            Ok(tree) => Self::at(path.trim_end_matches('/'), tree, ""),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(unreadable(path, error)),
        }
    }

    fn at(shown: &str, tree: Arc<dyn Tree>, inner: &str) -> Result<Option<Self>, StepError> {
        let found = media::follow(&*tree, inner)
            .and_then(|inner| tree.entry(&inner).map(|entry| (inner, entry.kind)));
        match found {
            Ok((inner, kind)) => Ok(Some(Self {
                shown: shown.to_owned(),
                tree,
                inner,
                kind,
            })),
            Err(MediaError::NotFound { .. } | MediaError::LeadsOut { .. }) => Ok(None),
            Err(error) => Err(unreadable(shown, error)),
        }
    }

    /// The path as the recipe has it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The last name of that path.
    pub(crate) fn name(&self) -> &str {
        self.shown.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) const fn is_folder(&self) -> bool {
        matches!(self.kind, Kind::Folder)
    }

    pub(crate) const fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File { .. })
    }

    /// The tree it lies in, and the path there.
    pub(crate) fn in_tree(&self) -> (&dyn Tree, &str) {
        (&*self.tree, &self.inner)
    }

    /// What is below it at `name`, which may be several names.
    pub(crate) fn join(&self, name: &str) -> Result<Option<Self>, StepError> {
        let inner = if self.inner.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.inner)
        };
        let shown = format!("{}/{name}", self.shown);
        Self::at(&shown, Arc::clone(&self.tree), &inner)
    }

    /// The names in the folder, sorted; none if it is no folder.
    pub(crate) fn names(&self) -> Result<Vec<String>, StepError> {
        if !self.is_folder() {
            return Ok(Vec::new());
        }
        let children = self
            .tree
            .children(&self.inner)
            .map_err(|error| unreadable(&self.shown, error))?;
        Ok(children
            .iter()
            .map(|child| child.name().to_owned())
            .collect())
    }

    /// Whether what is below it at `name` is itself a link.
    pub(crate) fn is_link(&self, name: &str) -> bool {
        let inner = if self.inner.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.inner)
        };
        self.tree
            .entry(&inner)
            .is_ok_and(|entry| matches!(entry.kind, Kind::Link { .. }))
    }

    /// The dictionary in the property list file.
    pub(crate) fn plist(&self) -> Result<Dict, StepError> {
        let mut bytes = Vec::new();
        self.tree
            .open(&self.inner)
            .map_err(|error| unreadable(&self.shown, error))?
            .take(LARGEST_PLIST)
            .read_to_end(&mut bytes)
            .map_err(|error| self.io(error))?;
        match proplist::from_bytes(&bytes) {
            Ok(Value::Dict(dict)) => Ok(dict),
            Ok(_) => Err(StepError::package(format!(
                "File {} is no property list with a dictionary.",
                self.shown
            ))),
            Err(error) => {
                let text = format!("File {} cannot be parsed: {error}", self.shown);
                Err(StepError::package(text).caused_by(error))
            }
        }
    }

    /// Makes `destination` a faithful copy, as ditto does.
    pub(crate) fn extract(&self, destination: &Path) -> Result<media::Extracted, StepError> {
        media::extract(&*self.tree, &self.inner, destination)
            .map_err(|error| unreadable(&self.shown, error))
    }

    /// Writes the file's contents, and nothing else of it, to `destination`.
    pub(crate) fn copy_contents(&self, destination: &Path) -> io::Result<()> {
        let mut reader = self
            .tree
            .open(&self.inner)
            .map_err(|error| io::Error::other(chain(&error)))?;
        let mut file = output_file::create(destination)?;
        io::copy(&mut reader, &mut file)?;
        file.flush()
    }

    fn io(&self, error: io::Error) -> StepError {
        StepError::package(format!("`{}` cannot be read: {error}", self.shown)).caused_by(error)
    }
}

/// On the host, links are followed first: they may lead anywhere there.
fn locate(path: &Path) -> Result<(Arc<dyn Tree>, String), MediaError> {
    let path: PathBuf = fs_err::canonicalize(path).unwrap_or_else(|_inside| path.to_owned());
    media::locate(&path).map(|location| (location.tree, location.inner))
}

/// Whether the error says that there is nothing.
fn is_absence(error: &MediaError) -> bool {
    match error {
        MediaError::NotFound { .. } | MediaError::LeadsOut { .. } => true,
        MediaError::Host { source, .. } => matches!(
            source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
        _ => false,
    }
}

fn unreadable(path: &str, error: MediaError) -> StepError {
    StepError::package(format!("`{path}` cannot be read: {}", chain(&error))).caused_by(error)
}

/// `AutoPkg`'s rule: the first of these splits a path into an image and a path inside it.
///
/// # Source
/// AutoPkg's `DmgMounter.parsePathForDMG`.
pub(crate) fn split_image(path: &str) -> Option<(&str, &str)> {
    for suffix in [".dmg/", ".iso/", ".DMG/", ".ISO/"] {
        if let Some(at) = path.find(suffix) {
            let (image, inner) = path.split_at_checked(at + suffix.len() - 1)?;
            return Some((image, inner.trim_start_matches('/')));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_split_as_autopkg_splits_them() {
        for (path, expected) in [
            ("a/F.dmg/X.app", Some(("a/F.dmg", "X.app"))),
            ("F.dmg", None),
            ("F.dmg/", Some(("F.dmg", ""))),
            ("F.Dmg/x", None),
            ("F.iso/a.dmg/b", Some(("F.iso/a.dmg", "b"))),
            ("a.dmg/b.dmg/c", Some(("a.dmg", "b.dmg/c"))),
        ] {
            assert_eq!(split_image(path), expected, "{path}");
        }
    }
}
