//! A folder of the host that is written to without ever following a link.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use model::Timestamp;
use rustix::{
    fs::{
        self, AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, XattrFlags,
    },
    io::Errno,
};

use crate::{MediaError, Xattr, host::XATTR_PREFIX};

/// Permissions of a folder while it is written to.
const PRIVATE_FOLDER: Mode = Mode::RWXU;

/// An open folder. Everything in it is reached through its descriptor and by a single name, so that no link, there
/// before or put there meanwhile, leads anywhere else.
#[derive(Debug)]
pub(super) struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder at `path`, and makes it if there is none. Links on the way are followed: the path is the
    /// caller's, not the medium's.
    pub(super) fn create(path: &Path) -> Result<Self, MediaError> {
        fs_err::create_dir_all(path).map_err(MediaError::host(path))?;
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = fs::openat(CWD, path, flags, Mode::empty()).map_err(failed(path))?;
        Ok(Self {
            descriptor,
            path: path.to_owned(),
        })
    }

    /// Opens the folder `name` in this one; makes it if there is none, and removes what else has that name.
    pub(super) fn folder(&self, name: &str) -> Result<Self, MediaError> {
        let path = self.path.join(name);
        let make = || fs::mkdirat(&self.descriptor, name, PRIVATE_FOLDER);
        match make() {
            Err(Errno::EXIST) if self.is_folder(name)? => {}
            result => self.or_in_its_place(name, result, make)?,
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor =
            fs::openat(&self.descriptor, name, flags, Mode::empty()).map_err(failed(&path))?;
        Ok(Self { descriptor, path })
    }

    /// Makes a new, empty file `name`, in the place of any file or link.
    pub(super) fn file(&self, name: &str) -> Result<File, MediaError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let make = || fs::openat(&self.descriptor, name, flags | OFlags::CLOEXEC, mode);
        self.or_in_its_place(name, make(), make).map(File::from)
    }

    /// Makes a link `name`, in the place of any file or link.
    pub(super) fn link(
        &self,
        name: &str,
        target: &str,
        modified: Option<Timestamp>,
    ) -> Result<(), MediaError> {
        let path = self.path.join(name);
        let make = || fs::symlinkat(target, &self.descriptor, name);
        self.or_in_its_place(name, make(), make)?;
        let Some(times) = modified.map(times) else {
            return Ok(());
        };
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        fs::utimensat(&self.descriptor, name, &times, flags).map_err(failed(&path))
    }

    /// Gives the folder its final permissions and time.
    pub(super) fn finish(&self, mode: u32, modified: Option<Timestamp>) -> Result<(), MediaError> {
        finish(&self.descriptor, mode, modified).map_err(failed(&self.path))
    }

    /// The path of `name` in this folder, for messages.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Sets extended attributes of the folder itself; see [`set_xattrs`].
    pub(super) fn set_xattrs(&self, xattrs: &[Xattr]) -> Result<u64, MediaError> {
        set_xattrs(&self.descriptor, xattrs).map_err(failed(&self.path))
    }

    /// What `make` made the first time; where something has that name, that is removed, and it is made once more.
    /// Nothing is there as a rule, so that nobody looks before.
    fn or_in_its_place<T>(
        &self,
        name: &str,
        result: Result<T, Errno>,
        make: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, MediaError> {
        let result = match result {
            Err(Errno::EXIST) => {
                self.unlink(name)?;
                make()
            }
            result => result,
        };
        result.map_err(failed(&self.path.join(name)))
    }

    fn unlink(&self, name: &str) -> Result<(), MediaError> {
        fs::unlinkat(&self.descriptor, name, AtFlags::empty())
            .map_err(failed(&self.path.join(name)))
    }

    /// Whether a folder has that name, and no link to one.
    fn is_folder(&self, name: &str) -> Result<bool, MediaError> {
        let stat = fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(failed(&self.path.join(name)))?;
        Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }
}

/// Gives a file or folder its final permissions and time.
///
/// # Errors
/// If the host refuses.
pub(super) fn finish(
    descriptor: impl AsFd,
    mode: u32,
    modified: Option<Timestamp>,
) -> Result<(), Errno> {
    fs::fchmod(descriptor.as_fd(), Mode::from_raw_mode(mode))?;
    match modified.map(times) {
        Some(times) => fs::futimens(descriptor.as_fd(), &times),
        None => Ok(()),
    }
}

/// Sets extended attributes, and says how many the host has no room or no place for.
///
/// # Errors
/// If the host refuses for another reason.
pub(super) fn set_xattrs(descriptor: impl AsFd, xattrs: &[Xattr]) -> Result<u64, Errno> {
    let mut lost = 0_u64;
    for xattr in xattrs {
        let name = format!("{XATTR_PREFIX}{}", xattr.name);
        match fs::fsetxattr(descriptor.as_fd(), &name, &xattr.value, XattrFlags::empty()) {
            Ok(()) => {}
            Err(
                Errno::OPNOTSUPP
                | Errno::NOSPC
                | Errno::TOOBIG
                | Errno::RANGE
                | Errno::PERM
                | Errno::INVAL
                | Errno::DQUOT,
            ) => lost = lost.saturating_add(1),
            Err(error) => return Err(error),
        }
    }
    Ok(lost)
}

fn times(modified: Timestamp) -> Timestamps {
    let nanoseconds = modified
        .as_micros()
        .rem_euclid(1_000_000)
        .saturating_mul(1000);
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: modified.as_secs(),
            tv_nsec: nanoseconds,
        },
    }
}

fn failed(path: &Path) -> impl Fn(Errno) -> MediaError + '_ {
    move |error| MediaError::host(path)(io::Error::from(error))
}
