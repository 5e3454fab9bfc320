//! A folder of the host as a tree.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

use model::Timestamp;
use rustix::{
    fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};
use wire::{FileSource, ReadAt};
use xattr::FileExt as _;

use crate::{Entry, Kind, MediaError, Tree, Xattr, path};

/// Extended attributes of Mac software lie in this name space of Linux, where alone an ordinary user may set them.
pub(crate) const XATTR_PREFIX: &str = "user.";

/// To be read; of something that is waited for when it is opened, such as a pipe, at once.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);

/// A folder of the host.
///
/// Links are never followed, not even on the way to a path, and whoever exchanges a folder for a link in the meantime
/// gains nothing: the kernel looks every path up from the open folder (openat2(2)).
#[derive(Clone, Debug)]
pub struct HostTree {
    /// For messages.
    root: PathBuf,
    folder: Arc<OwnedFd>,
}

impl HostTree {
    /// The folder at `root`, which links may lead to.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(root: &Path) -> Result<Self, MediaError> {
        let root = fs_err::canonicalize(root).map_err(MediaError::host(root))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match fs::openat(CWD, &root, flags, Mode::empty()) {
            Ok(folder) => Ok(Self {
                root,
                folder: Arc::new(folder),
            }),
            Err(Errno::NOTDIR) => Err(wrong_kind(&root.to_string_lossy(), "folder")),
            Err(error) => Err(MediaError::host(&root)(error.into())),
        }
    }

    /// The folder at `path` in it, as a tree of its own.
    ///
    /// # Errors
    /// As [`Tree::children`].
    pub fn within(&self, path: &str) -> Result<Self, MediaError> {
        let folder = self.open_as(path, OFlags::PATH | OFlags::DIRECTORY, "folder")?;
        Ok(Self {
            root: self.root.join(relative(path)?),
            folder: Arc::new(folder),
        })
    }

    /// Opens what is at `path`; a link itself, if it is one.
    fn open_at(&self, path: &str, flags: OFlags) -> Result<OwnedFd, MediaError> {
        let relative = relative(path)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened = match fs::openat2(&self.folder, relative, flags, Mode::empty(), resolve) {
            // Kernels and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => self.open_by_names(relative, flags),
            opened => opened,
        };
        opened.map_err(|error| self.failed(path)(error))
    }

    /// What [`Self::open_at`] does, one name after the other.
    fn open_by_names(&self, relative: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let (folders, last) = relative.rsplit_once('/').unwrap_or((".", relative));
        let on_the_way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = None;
        for name in folders.split('/').filter(|name| !name.is_empty()) {
            let above: BorrowedFd<'_> = folder.as_ref().map_or(self.folder.as_fd(), OwnedFd::as_fd);
            folder = Some(fs::openat(above, name, on_the_way, Mode::empty())?);
        }
        let above = folder.as_ref().map_or(self.folder.as_fd(), OwnedFd::as_fd);
        fs::openat(above, last, flags, Mode::empty())
    }

    /// Opens what is at `path` if it is what `flags` demand; `expected` names that in messages.
    fn open_as(
        &self,
        path: &str,
        flags: OFlags,
        expected: &'static str,
    ) -> Result<OwnedFd, MediaError> {
        self.open_at(path, flags).map_err(|error| {
            let is_there = || self.open_at(path, OFlags::PATH).is_ok();
            match error {
                MediaError::NotFound { .. } if is_there() => wrong_kind(path, expected),
                other => other,
            }
        })
    }

    fn file(&self, path: &str) -> Result<File, MediaError> {
        let file = self.open_as(path, READ, "file")?;
        let stat = fs::fstat(&file).map_err(self.failed(path))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(wrong_kind(path, "file"));
        }
        Ok(file.into())
    }

    /// The entry for what `stat` tells of; none for sockets, devices and the like. `name` in `folder` is where it is.
    fn entry_of(
        &self,
        path: String,
        stat: &Stat,
        folder: impl AsFd,
        name: impl rustix::path::Arg,
    ) -> Result<Option<Entry>, MediaError> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Kind::Folder,
            FileType::RegularFile => Kind::File {
                len_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            },
            FileType::Symlink => {
                let target = fs::readlinkat(folder, name, Vec::new());
                let target = target.map_err(self.failed(&path))?;
                Kind::Link {
                    target: target.to_string_lossy().into_owned(),
                }
            }
            _ => return Ok(None),
        };
        let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or_default();
        let micros = stat.st_mtime.saturating_mul(1_000_000);
        Ok(Some(Entry {
            path,
            kind,
            mode: stat.st_mode & 0o7777,
            modified: Some(Timestamp::from_micros(
                micros.saturating_add(nanos.div_euclid(1000)),
            )),
            uid: Some(stat.st_uid),
            gid: Some(stat.st_gid),
        }))
    }

    /// What the kernel's refusal means.
    fn failed(&self, path: &str) -> impl Fn(Errno) -> MediaError {
        move |error| match error {
            // A folder that is none, a link on the way, a socket that is opened.
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO => not_found(path),
            other => MediaError::host(&self.root.join(path))(other.into()),
        }
    }
}

impl Tree for HostTree {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        let found = self.open_at(path, OFlags::PATH)?;
        let stat = fs::fstat(&found).map_err(self.failed(path))?;
        let entry = self.entry_of(path.to_owned(), &stat, &found, c"")?;
        entry.ok_or_else(|| not_found(path))
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        let folder = self.open_as(path, READ | OFlags::DIRECTORY, "folder")?;
        let mut children = Vec::new();
        for item in Dir::read_from(&folder).map_err(self.failed(path))? {
            let item = item.map_err(self.failed(path))?;
            let name = item.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = path::join(path, &name.to_string_lossy());
            let stat = fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
            let stat = stat.map_err(self.failed(&path))?;
            children.extend(self.entry_of(path, &stat, &folder, name)?);
        }
        children.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(children)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        Ok(Box::new(self.file(path)?))
    }

    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        let source = FileSource::of(self.file(path)?);
        let source = source.map_err(MediaError::host(&self.root.join(path)))?;
        Ok(Arc::new(source))
    }

    /// Of files and folders: Linux lets nobody set those of links.
    fn xattrs(&self, path: &str) -> Result<Vec<Xattr>, MediaError> {
        if !matches!(self.entry(path)?.kind, Kind::File { .. } | Kind::Folder) {
            return Ok(Vec::new());
        }
        let file: File = self.open_at(path, READ)?.into();
        let host = self.root.join(path);
        let failed = MediaError::host(&host);
        let names = match file.list_xattr() {
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
            if let Some(value) = file.get_xattr(&stored).map_err(&failed)? {
                let name = name.to_owned();
                xattrs.push(Xattr { name, value });
            }
        }
        xattrs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(xattrs)
    }
}

/// Where the last name of a path of the host leads, which a person gave: unlike in a tree, a link there is followed, as
/// every other program does it.
///
/// # Errors
/// If there is nothing, or something that is neither a file nor a folder.
pub(crate) fn followed(path: &Path) -> Result<PathBuf, MediaError> {
    let shown = std::path::absolute(path).unwrap_or_else(|_empty| path.to_owned());
    let refused = |kind, why: &str| MediaError::host(&shown)(io::Error::new(kind, why));
    let absent = |why| refused(io::ErrorKind::NotFound, why);
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            return Err(match Errno::from_io_error(&error) {
                Some(Errno::LOOP) => absent("it is a link that leads in a circle"),
                Some(Errno::NOENT) if path.is_symlink() => {
                    absent("it is a link that leads to nothing")
                }
                Some(Errno::NOENT) => absent("there is no such file or folder"),
                _ => MediaError::host(&shown)(error),
            });
        }
    };
    if !metadata.is_file() && !metadata.is_dir() {
        let why = "it is a device, a pipe or a socket, which is not read";
        return Err(refused(io::ErrorKind::Unsupported, why));
    }
    if path.is_symlink() {
        return fs_err::canonicalize(path).map_err(MediaError::host(&shown));
    }
    Ok(path.to_owned())
}

/// The path as the kernel is asked for it.
fn relative(path: &str) -> Result<&str, MediaError> {
    if path.contains('\0') || path.split('/').any(|name| matches!(name, "." | "..")) {
        return Err(not_found(path));
    }
    match path.trim_matches('/') {
        "" => Ok("."),
        path => Ok(path),
    }
}

fn not_found(path: &str) -> MediaError {
    MediaError::NotFound {
        path: path.to_owned(),
    }
}

fn wrong_kind(path: &str, expected: &'static str) -> MediaError {
    MediaError::WrongKind {
        path: path.to_owned(),
        expected,
    }
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
        for (path, expected) in [
            ("link", "file"),
            ("folder", "file"),
            ("folder/file", "folder"),
        ] {
            let error = match expected {
                "file" => tree.open(path).err(),
                _ => tree.children(path).err(),
            };
            let error = error.unwrap().to_string();
            assert!(error.contains(expected), "{path}: {error}");
        }
        let link = tree.entry("link").unwrap();
        assert!(matches!(link.kind, Kind::Link { target } if target == "folder"));
        assert_eq!(
            tree.within("folder").unwrap().children("").unwrap().len(),
            1
        );
        assert!(tree.within("link").is_err());
        assert!(tree.xattrs("link").unwrap().is_empty());
        assert!(HostTree::new(&house.path().join("folder/file")).is_err());
    }

    #[test]
    fn where_the_kernel_cannot_look_a_path_up_it_is_done_name_by_name() {
        let house = TempDir::new().unwrap();
        fs_err::create_dir_all(house.path().join("a/b")).unwrap();
        fs_err::write(house.path().join("a/b/file"), "text").unwrap();
        symlink("a", house.path().join("link")).unwrap();
        symlink("file", house.path().join("a/b/last")).unwrap();
        let tree = HostTree::new(house.path()).unwrap();
        for (path, is_there) in [
            (".", true),
            ("a", true),
            ("a/b/file", true),
            ("a/b/last", true),
            ("link", true),
            ("link/b", false),
            ("a/b/last/x", false),
            ("a/b/file/x", false),
            ("a/c/file", false),
        ] {
            let flags = OFlags::PATH | OFlags::NOFOLLOW;
            let found = tree
                .open_by_names(path, flags)
                .map(|found| fs::fstat(found).unwrap().st_ino);
            assert_eq!(found.is_ok(), is_there, "{path}");
            if path != "." {
                let at_once = tree.open_at(path, OFlags::PATH);
                let at_once = at_once.map(|found| fs::fstat(found).unwrap().st_ino);
                assert_eq!(at_once.ok(), found.ok(), "{path}");
            }
        }
    }

    #[test]
    fn what_a_person_names_is_followed_or_said_not_to_be_there() {
        let house = TempDir::new().unwrap();
        let root = house.path().canonicalize().unwrap();
        fs_err::write(root.join("file"), "text").unwrap();
        symlink("file", root.join("link")).unwrap();
        symlink("nothing", root.join("lost")).unwrap();
        symlink("round", root.join("round")).unwrap();
        assert_eq!(followed(&root.join("file")).unwrap(), root.join("file"));
        assert_eq!(followed(&root.join("link")).unwrap(), root.join("file"));
        assert_eq!(followed(Path::new(".")).unwrap(), Path::new("."));
        for (path, why) in [
            (root.join("nothing"), "no such file"),
            (root.join("lost"), "leads to nothing"),
            (root.join("round"), "in a circle"),
            (PathBuf::from("/dev/null"), "a device"),
        ] {
            let error = followed(&path).unwrap_err();
            let shown = path.display().to_string();
            assert!(error.to_string().contains(&shown), "{error}");
            let error = model::chain(&error);
            assert!(error.contains(why), "{shown}: {error}");
        }
        let error = followed(Path::new("no-such-name")).unwrap_err().to_string();
        assert!(error.contains("/no-such-name"), "{error}");
    }

    #[test]
    fn pipes_and_sockets_are_not_there_and_nobody_waits_for_them() {
        let house = TempDir::new().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(house.path().join("socket")).unwrap();
        fs::mknodat(
            CWD,
            house.path().join("pipe"),
            FileType::Fifo,
            Mode::RUSR,
            0,
        )
        .unwrap();
        let tree = HostTree::new(house.path()).unwrap();
        assert!(tree.children("").unwrap().is_empty());
        for path in ["socket", "pipe"] {
            assert!(matches!(tree.entry(path), Err(MediaError::NotFound { .. })));
            let error = tree.source(path).unwrap_err();
            assert!(
                matches!(error, MediaError::WrongKind { .. }),
                "{path}: {error}"
            );
        }
    }
}
