//! A folder of the host as a tree.

use std::{
    fs::Metadata,
    io::{self, Read},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use model::Timestamp;
use wire::{FileSource, ReadAt};

use crate::{Entry, Kind, MediaError, Tree, Xattr, path};

/// Extended attributes of Mac software lie in this name space of Linux, where alone an ordinary user may set them.
pub(crate) const XATTR_PREFIX: &str = "user.";

/// A folder of the host.
///
/// Links are never followed, not even on the way to a path: it is looked up name by name.
#[derive(Clone, Debug)]
pub struct HostTree {
    root: PathBuf,
}

impl HostTree {
    /// The folder at `root`, which links may lead to.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(root: &Path) -> Result<Self, MediaError> {
        let root = fs_err::canonicalize(root).map_err(MediaError::host(root))?;
        let metadata = fs_err::metadata(&root).map_err(MediaError::host(&root))?;
        if !metadata.is_dir() {
            return Err(MediaError::WrongKind {
                path: root.display().to_string(),
                expected: "folder",
            });
        }
        Ok(Self { root })
    }

    /// The path on the host of what is at `path`.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] if a name on the way is not a folder.
    pub fn host_path(&self, path: &str) -> Result<PathBuf, MediaError> {
        let not_found = || MediaError::NotFound {
            path: path.to_owned(),
        };
        let mut host = self.root.clone();
        let mut names = path.split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            if matches!(name, "." | "..") || name.contains('\0') {
                return Err(not_found());
            }
            host.push(name);
            if names.peek().is_some() && !metadata(&host, path)?.is_dir() {
                return Err(not_found());
            }
        }
        Ok(host)
    }

    fn file(&self, path: &str) -> Result<PathBuf, MediaError> {
        let host = self.host_path(path)?;
        if !metadata(&host, path)?.is_file() {
            return Err(MediaError::WrongKind {
                path: path.to_owned(),
                expected: "file",
            });
        }
        Ok(host)
    }
}

impl Tree for HostTree {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        let host = self.host_path(path)?;
        let metadata = metadata(&host, path)?;
        entry(path.to_owned(), &host, &metadata)?.ok_or_else(|| MediaError::NotFound {
            path: path.to_owned(),
        })
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        let host = self.host_path(path)?;
        if !metadata(&host, path)?.is_dir() {
            return Err(MediaError::WrongKind {
                path: path.to_owned(),
                expected: "folder",
            });
        }
        let mut children = Vec::new();
        for item in fs_err::read_dir(&host).map_err(MediaError::host(&host))? {
            let item = item.map_err(MediaError::host(&host))?;
            let path = path::join(path, &item.file_name().to_string_lossy());
            let metadata = metadata(&item.path(), &path)?;
            children.extend(entry(path, &item.path(), &metadata)?);
        }
        children.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(children)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        let host = self.file(path)?;
        let file = fs_err::File::open(&host).map_err(MediaError::host(&host))?;
        Ok(Box::new(file))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        let host = self.file(path)?;
        let source = FileSource::open(&host).map_err(MediaError::host(&host))?;
        Ok(Arc::new(source))
    }

    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        let host = self.host_path(path)?;
        let failed = MediaError::host(&host);
        let names = match xattr::list(&host) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut xattrs = Vec::new();
        for stored in names {
            let Some(name) = stored
                .to_str()
                .and_then(|name| name.strip_prefix(XATTR_PREFIX))
            else {
                continue;
            };
            if let Some(value) = xattr::get(&host, &stored).map_err(&failed)? {
                let name = name.to_owned();
                xattrs.push(Xattr { name, value });
            }
        }
        xattrs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(xattrs)
    }
}

fn metadata(host: &Path, path: &str) -> Result<Metadata, MediaError> {
    fs_err::symlink_metadata(host).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => MediaError::NotFound {
            path: path.to_owned(),
        },
        _ => MediaError::host(host)(source),
    })
}

/// The entry for what is at `host`; none for sockets, devices and the like.
fn entry(path: String, host: &Path, metadata: &Metadata) -> Result<Option<Entry>, MediaError> {
    let kind = if metadata.is_dir() {
        Kind::Folder
    } else if metadata.is_file() {
        Kind::File {
            len_bytes: metadata.len(),
        }
    } else if metadata.is_symlink() {
        let target = fs_err::read_link(host).map_err(MediaError::host(host))?;
        Kind::Link {
            target: target.to_string_lossy().into_owned(),
        }
    } else {
        return Ok(None);
    };
    let micros = metadata
        .mtime()
        .saturating_mul(1_000_000)
        .saturating_add(metadata.mtime_nsec().div_euclid(1000));
    Ok(Some(Entry {
        path,
        kind,
        mode: metadata.mode() & 0o7777,
        modified: Some(Timestamp::from_micros(micros)),
        uid: Some(metadata.uid()),
        gid: Some(metadata.gid()),
    }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_folder_of_the_host_is_read_without_following_links() {
        let house = TempDir::new().unwrap();
        fs_err::create_dir(house.path().join("folder")).unwrap();
        fs_err::write(house.path().join("folder/file"), "text").unwrap();
        symlink("folder", house.path().join("link")).unwrap();
        let tree = HostTree::new(house.path()).unwrap();
        let names: Vec<_> = tree.children("").unwrap();
        let names: Vec<_> = names.iter().map(Entry::name).collect();
        assert_eq!(names, ["folder", "link"]);
        assert_eq!(tree.entry("folder/file").unwrap().len_bytes(), Some(4));
        assert_eq!(tree.source("folder/file").unwrap().len(), 4);
        for path in ["link/file", "folder/../folder", "folder/file/x", "nothing"] {
            let error = tree.entry(path).unwrap_err();
            assert!(matches!(error, MediaError::NotFound { .. }), "{path}");
        }
        assert!(tree.open("link").is_err());
        assert!(tree.children("folder/file").is_err());
        assert!(HostTree::new(&house.path().join("folder/file")).is_err());
    }
}
