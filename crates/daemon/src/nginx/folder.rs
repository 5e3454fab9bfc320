//! The folder that NGINX serves: written beside its place and renamed, so that whoever reads meanwhile sees the old or the
//! new, and readable for the group of its workers only.

use std::{
    collections::HashSet,
    fs::{FileTimes, Permissions},
    io::{self, Write as _},
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use fs_err as fs;

const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

/// What nobody but us writes to: whoever has locked it writes to the folder.
const LOCK: &str = ".lock";

/// What is written here until it is whole. No path of a view begins with a full stop.
const NEXT: &str = ".next";

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
    group: Option<u32>,
}

/// The folder while nobody else writes to it.
#[derive(Debug)]
pub(super) struct Locked {
    _lock: std::fs::File,
}

impl Folder {
    /// The folder, made if it is missing.
    ///
    /// # Errors
    /// If there is no such group, or it cannot be made.
    pub(super) fn open(root: &Path, group: Option<&str>) -> io::Result<Self> {
        let group = group.map(group_id).transpose()?;
        let folder = Self {
            root: root.to_owned(),
            group,
        };
        folder.make_folders(root)?;
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Waits until nobody else writes. Blocks.
    ///
    /// # Errors
    /// If it cannot be locked.
    pub(super) fn lock(&self) -> io::Result<Locked> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(self.root.join(LOCK))?;
        lock.lock()?;
        Ok(Locked { _lock: lock })
    }

    /// Makes `name` say this; answers whether it said something else.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub(super) fn write(&self, name: &str, contents: &[u8]) -> io::Result<bool> {
        let path = self.root.join(name);
        let before = match fs::symlink_metadata(&path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // Another name of a file of the repository must not be written through: it is replaced like everything else.
        let is_ours = before
            .as_ref()
            .is_some_and(|it| it.is_file() && it.nlink() == 1);
        if is_ours && fs::read(&path)? == contents {
            return Ok(false);
        }
        let next = self.beside(&path)?;
        let mut options = fs::OpenOptions::new();
        fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
        let mut file = options.write(true).create_new(true).open(&next)?;
        file.write_all(contents)?;
        if let Some(before) = before {
            later(&file, &before)?;
        }
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        self.give(&next)?;
        fs::rename(&next, &path)?;
        Ok(true)
    }

    /// Makes `name` another name of the file `source`.
    ///
    /// # Errors
    /// If that is no file, or lies on another file system.
    pub(super) fn link(&self, source: &Path, name: &str) -> io::Result<()> {
        let path = self.root.join(name);
        let wanted = fs::symlink_metadata(source)?;
        if !wanted.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let is_it = fs::symlink_metadata(&path)
            .is_ok_and(|it| (it.dev(), it.ino()) == (wanted.dev(), wanted.ino()));
        if is_it {
            return Ok(());
        }
        let next = self.beside(&path)?;
        fs::hard_link(source, &next)?;
        fs::rename(&next, &path)
    }

    /// Removes what is below `folder` and not among `kept`, whose names are relative to it.
    ///
    /// # Errors
    /// If it cannot be read or removed.
    pub(super) fn keep_only(&self, folder: &str, kept: &HashSet<&str>) -> io::Result<()> {
        let root = self.root.join(folder);
        let mut open = vec![(root.clone(), String::new())];
        let mut folders = Vec::new();
        while let Some((path, inside)) = open.pop() {
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                let name = format!("{inside}{}", entry.file_name().to_string_lossy());
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                    open.push((entry.path(), format!("{name}/")));
                } else if !kept.contains(name.as_str()) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        for emptied in folders.into_iter().rev() {
            match fs::remove_dir(&emptied) {
                Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The names directly in `folder`, without those that are nobody's.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let path = self.root.join(folder);
        self.make_folders(&path)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(&path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend((!name.starts_with('.')).then_some(name));
        }
        Ok(names)
    }

    /// Removes a file or a folder with all that is in it.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.root.join(name);
        if fs::symlink_metadata(&path)?.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        }
    }

    /// Where something is written before it comes to `path`; its folder is made.
    fn beside(&self, path: &Path) -> io::Result<PathBuf> {
        let folder = path.parent().unwrap_or(&self.root);
        self.make_folders(folder)?;
        let next = folder.join(NEXT);
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(next),
        }
    }

    fn make_folders(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        // What is above the folder is not ours to make for others.
        match path.parent() {
            Some(above) if path != self.root => self.make_folders(above)?,
            Some(above) => fs::create_dir_all(above)?,
            None => {}
        }
        let made = std::fs::DirBuilder::new().mode(FOLDER_MODE).create(path);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            made => made?,
        }
        self.give(path)
    }

    /// Gives it to the group.
    fn give(&self, path: &Path) -> io::Result<()> {
        match self.group {
            Some(group) => std::os::unix::fs::chown(path, None, Some(group)),
            None => Ok(()),
        }
    }
}

/// What is written over something of the same length within a second would look the same to who asks whether it has
/// changed: NGINX tells them apart by length and second.
fn later(file: &fs::File, before: &std::fs::Metadata) -> io::Result<()> {
    let (now, then) = (file.metadata()?.modified()?, before.modified()?);
    if seconds(now) <= seconds(then) {
        let times = FileTimes::new().set_modified(then + Duration::from_secs(1));
        file.file().set_times(times)?;
    }
    Ok(())
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The number of a group.
fn group_id(name: &str) -> io::Result<u32> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let groups = fs::read_to_string("/etc/group")?;
    let found = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    });
    found.ok_or_else(|| {
        let text = format!("there is no group `{}`", name.escape_debug());
        io::Error::new(io::ErrorKind::NotFound, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(&temporary.path().join("pods"), None).unwrap();
        (temporary, folder)
    }

    #[test]
    fn what_is_written_is_for_the_group_and_looks_new_each_time() {
        let (_temporary, folder) = folder();
        assert!(folder.write("a/b", b"one").unwrap());
        assert!(!folder.write("a/b", b"one").unwrap());
        let path = folder.root().join("a/b");
        let mut before = fs::metadata(&path).unwrap().mtime();
        for text in ["two", "six", "ten"] {
            assert!(folder.write("a/b", text.as_bytes()).unwrap());
            let metadata = fs::metadata(&path).unwrap();
            assert!(metadata.mtime() > before);
            assert_eq!(metadata.mode() & 0o7777, 0o640);
            before = metadata.mtime();
        }
        let mode = fs::metadata(folder.root()).unwrap().mode();
        assert_eq!(mode & 0o7, 0);
    }

    #[test]
    fn a_link_follows_its_source_and_is_not_written_through() {
        let (temporary, folder) = folder();
        let source = temporary.path().join("source");
        fs::write(&source, "one").unwrap();
        for _ in 0..2 {
            folder.link(&source, "x").unwrap();
        }
        fs::remove_file(&source).unwrap();
        fs::write(&source, "two").unwrap();
        folder.link(&source, "x").unwrap();
        let shown = folder.root().join("x");
        assert_eq!(fs::read_to_string(&shown).unwrap(), "two");
        folder.write("x", b"made").unwrap();
        assert_eq!(fs::read_to_string(&source).unwrap(), "two");
        fs_err::os::unix::fs::symlink(&source, temporary.path().join("link")).unwrap();
        folder
            .link(&temporary.path().join("link"), "x")
            .unwrap_err();
    }

    #[test]
    fn only_what_is_kept_stays() {
        let (_temporary, folder) = folder();
        for name in ["v/pkgs/a/b", "v/pkgs/c", "v/icons/d", "w/e"] {
            folder.write(name, b"x").unwrap();
        }
        folder.keep_only("v", &HashSet::from(["pkgs/c"])).unwrap();
        let exists = |name: &str| folder.root().join(name).exists();
        assert!(exists("v/pkgs/c") && exists("w/e"));
        assert!(!exists("v/pkgs/a") && !exists("v/icons"));
        folder.remove("w").unwrap();
        assert!(!exists("w"));
    }

    #[test]
    fn groups_are_known_by_name_and_number() {
        assert_eq!(group_id("root").unwrap(), 0);
        assert_eq!(group_id("65534").unwrap(), 65_534);
        group_id("no such group").unwrap_err();
    }
}
