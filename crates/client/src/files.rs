//! Files below the root folder, opened so that nobody but its owner can have had a hand in them.
//!
//! Every folder on the way is opened by itself, without following links, and looked at: it belongs to the owner of the
//! system (or to root), and nobody else may write into it, except where the sticky bit keeps people's files apart. What
//! is read is a regular file of the owner's; what is written is written beside its place, synced, and renamed.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, Stat, fchmod, flock, fstat,
        fsync, mkdirat, openat, renameat, statat, unlinkat,
    },
    io::Errno,
};

use crate::{
    Access, Fault,
    access::{everyone_runs, is_sticky, narrow, others_can_write},
};

/// The files of a Mac, or of a folder that stands for one.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    handle: OwnedFd,
    owner: u32,
}

/// The last folder on a path, opened, and the name in it.
struct Place<'a> {
    folder: OwnedFd,
    name: &'a str,
}

impl Files {
    /// The files below `root`.
    ///
    /// # Errors
    /// [`Fault::File`] if it cannot be opened.
    pub fn below(root: &Path) -> Result<Self, Fault> {
        let shown = root.display().to_string();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle =
            openat(CWD, root, flags, Mode::empty()).map_err(|e| failed(&shown, "opened", e))?;
        let stat = fstat(&handle).map_err(|e| failed(&shown, "opened", e))?;
        Ok(Self {
            root: root.to_owned(),
            handle,
            owner: stat.st_uid,
        })
    }

    /// Who owns the system: root on a Mac.
    pub const fn owner(&self) -> u32 {
        self.owner
    }

    /// Whether this process is the owner of the system.
    pub fn are_ours(&self) -> bool {
        rustix::process::geteuid().as_raw() == self.owner
    }

    /// Where `path` really is.
    pub fn real(&self, path: &str) -> PathBuf {
        let mut real = self.root.clone();
        real.extend(parts(path));
        real
    }

    /// The bytes of a file, none if it is not there.
    ///
    /// # Errors
    /// [`Fault::Unsafe`] if others could have written it, [`Fault::Form`] if it is longer than `limit`,
    /// [`Fault::File`] if it cannot be read.
    pub fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Fault> {
        let Some(file) = self.open_to_read(path)? else {
            return Ok(None);
        };
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        file.take(most)
            .read_to_end(&mut bytes)
            .map_err(|source| io_failed(path, "read", source))?;
        if bytes.len() > limit {
            return Err(Fault::Form {
                path: path.to_owned(),
                why: format!("is longer than {limit} bytes"),
            });
        }
        Ok(Some(bytes))
    }

    /// A regular file of the owner's, opened to be read; none if it is not there.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn open_to_read(&self, path: &str) -> Result<Option<File>, Fault> {
        let Some(place) = self.place(path)? else {
            return Ok(None);
        };
        // A FIFO would wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let Some(file) = open_in(&place, path, flags)? else {
            return Ok(None);
        };
        self.look_at(&file, path)?;
        Ok(Some(File::from(file)))
    }

    /// Writes a file: beside its place, synced, renamed.
    ///
    /// # Errors
    /// [`Fault::Unsafe`] if others can write into its folder, [`Fault::File`] if it cannot be written.
    pub fn write(&self, path: &str, bytes: &[u8], access: Access) -> Result<(), Fault> {
        let place = self.place_or_fault(path)?;
        let beside = format!(".{}.{}", place.name, random_name()?);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let written = openat(
            &place.folder,
            beside.as_str(),
            flags | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Access::OwnerOnly.mode(),
        )
        .map_err(|e| failed(path, "written", e))
        .and_then(|handle| {
            let mut file = File::from(handle);
            let done = file
                .write_all(bytes)
                .and_then(|()| Ok(fchmod(&file, access.mode())?))
                .and_then(|()| file.sync_all())
                .and_then(|()| {
                    Ok(renameat(
                        &place.folder,
                        beside.as_str(),
                        &place.folder,
                        place.name,
                    )?)
                });
            done.map_err(|source| io_failed(path, "written", source))
        });
        match written {
            Ok(()) => fsync(&place.folder).map_err(|e| failed(path, "written", e)),
            Err(fault) => {
                // The fault that is told is the first one; what is left behind holds nothing under its final name.
                unlinkat(&place.folder, beside.as_str(), AtFlags::empty()).unwrap_or_default();
                Err(fault)
            }
        }
    }

    /// Writes a file as [`write`](Self::write) does, then overwrites the bytes of the file that was there before.
    ///
    /// On a file system that writes elsewhere what is changed (APFS) the old bytes may stay on the medium all the same.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_over_secret(&self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        let place = self.place_or_fault(path)?;
        let old = open_in(&place, path, OFlags::RDWR | OFlags::NONBLOCK)?;
        if let Some(old) = &old {
            self.look_at(old, path)?;
        }
        self.write(path, bytes, Access::OwnerOnly)?;
        old.map_or(Ok(()), |old| overwrite(old, path))
    }

    /// Removes a file (or the link that is in its place); whether there was one.
    ///
    /// # Errors
    /// [`Fault::Unsafe`] and [`Fault::File`], as for [`write`](Self::write).
    pub fn remove(&self, path: &str) -> Result<bool, Fault> {
        let Some(place) = self.place(path)? else {
            return Ok(false);
        };
        match unlinkat(&place.folder, place.name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(e) => Err(failed(path, "removed", e)),
        }
    }

    /// Makes an empty file in the place of whatever is there, without following a link.
    ///
    /// # Errors
    /// [`Fault::File`] if what is there cannot be removed or the file cannot be made.
    pub fn plant(&self, path: &str) -> Result<(), Fault> {
        let place = self.place_or_fault(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let make = || {
            openat(
                &place.folder,
                place.name,
                flags | OFlags::CLOEXEC,
                Access::EveryoneReads.mode(),
            )
        };
        let planted = match make() {
            Err(Errno::EXIST) => {
                unlinkat(&place.folder, place.name, AtFlags::empty())
                    .map_err(|e| failed(path, "removed", e))?;
                make()
            }
            other => other,
        };
        planted.map(drop).map_err(|e| failed(path, "written", e))
    }

    /// Whether there is something at `path`, be it a link that leads nowhere.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn has(&self, path: &str) -> Result<bool, Fault> {
        let Some(place) = self.place(path)? else {
            return Ok(false);
        };
        match statat(&place.folder, place.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(e) => Err(failed(path, "read", e)),
        }
    }

    /// Where a program that may be run really is; none if it is not there.
    ///
    /// # Errors
    /// [`Fault::Unsafe`] if others could have written it, or if not everyone may run it.
    pub fn program(&self, path: &str) -> Result<Option<PathBuf>, Fault> {
        let Some(place) = self.place(path)? else {
            return Ok(None);
        };
        let Some(file) = open_in(&place, path, OFlags::RDONLY | OFlags::NONBLOCK)? else {
            return Ok(None);
        };
        let stat = self.look_at(&file, path)?;
        if !everyone_runs(&stat) {
            return Err(unsafe_(path, "cannot be run by everyone"));
        }
        Ok(Some(self.real(path)))
    }

    /// Who owns what is at `path` (or where a link there leads), if it is there.
    pub fn owner_of(&self, path: &str) -> Option<u32> {
        let stat = statat(CWD, self.real(path), AtFlags::empty()).ok()?;
        Some(stat.st_uid)
    }

    /// The names in a folder, sorted; none if it is not there.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn names(&self, path: &str) -> Result<Vec<String>, Fault> {
        let Some(folder) = self.folder(path)? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(|e| failed(path, "read", e))? {
            let entry = entry.map_err(|e| failed(path, "read", e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes a folder, and those above it, where they are missing.
    ///
    /// # Errors
    /// [`Fault::File`] if one cannot be made, [`Fault::Unsafe`] as for [`read`](Self::read).
    pub fn make_folder(&self, path: &str, bits: u32) -> Result<(), Fault> {
        let mut so_far = String::new();
        for part in checked(path)? {
            so_far.push('/');
            so_far.push_str(part);
            if self.folder(&so_far)?.is_some() {
                continue;
            }
            let above = self.place_or_fault(&so_far)?;
            let mode = Mode::from_raw_mode(narrow(bits));
            mkdirat(&above.folder, above.name, mode).map_err(|e| failed(&so_far, "made", e))?;
            // The file mode creation mask of whoever started us has no say.
            let folder = self.folder(&so_far)?.ok_or_else(|| gone(&so_far))?;
            fchmod(&folder, mode).map_err(|e| failed(&so_far, "made", e))?;
        }
        Ok(())
    }

    /// Holds a folder until what is returned is dropped; none if it is not to be had in time.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn lock_folder(&self, path: &str) -> Result<Option<OwnedFd>, Fault> {
        let Some(folder) = self.folder(path)? else {
            return Ok(None);
        };
        Ok(lock(&folder).then_some(folder))
    }

    /// Opens a file of the owner's to add to it, made where it is missing.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn open_to_add(&self, path: &str) -> Result<File, Fault> {
        let place = self.place_or_fault(path)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::NONBLOCK;
        let file = openat(
            &place.folder,
            place.name,
            flags | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Access::OwnerOnly.mode(),
        )
        .map_err(|e| not_followed(path, "written", e))?;
        self.look_at(&file, path)?;
        Ok(File::from(file))
    }

    /// Whether `file` is still what is found at `path`.
    pub fn is_at(&self, file: &File, path: &str) -> bool {
        let (Ok(Some(place)), Ok(ours)) = (self.place(path), fstat(file)) else {
            return false;
        };
        statat(&place.folder, place.name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|there| there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
    }

    fn place_or_fault<'a>(&self, path: &'a str) -> Result<Place<'a>, Fault> {
        self.place(path)?.ok_or_else(|| gone(path))
    }

    /// The folder that `path` is in, and its name there; none if there is no such folder.
    fn place<'a>(&self, path: &'a str) -> Result<Option<Place<'a>>, Fault> {
        let mut names = checked(path)?;
        let Some(name) = names.pop() else {
            return Err(unsafe_(path, "is no path to a file"));
        };
        let folder = self.walk(&names, path)?;
        Ok(folder.map(|folder| Place { folder, name }))
    }

    fn folder(&self, path: &str) -> Result<Option<OwnedFd>, Fault> {
        self.walk(&checked(path)?, path)
    }

    fn walk(&self, names: &[&str], path: &str) -> Result<Option<OwnedFd>, Fault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let again = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut folder = openat(&self.handle, ".", again, Mode::empty())
            .map_err(|e| failed(path, "opened", e))?;
        for name in names {
            folder = match openat(&folder, *name, flags, Mode::empty()) {
                Ok(next) => next,
                Err(Errno::NOENT) => return Ok(None),
                // Of a link some systems say that it is no folder, others that it is one link too many.
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    return Err(unsafe_(path, "is reached over something that is no folder"));
                }
                Err(e) => return Err(failed(path, "opened", e)),
            };
            let stat = fstat(&folder).map_err(|e| failed(path, "opened", e))?;
            if stat.st_uid != self.owner && stat.st_uid != 0 {
                return Err(unsafe_(path, "is in a folder of another user's"));
            }
            if !is_sticky(&stat) && others_can_write(&stat) {
                return Err(unsafe_(path, "is in a folder that others can write into"));
            }
        }
        Ok(Some(folder))
    }

    /// That an opened file is a regular one that only the owner can have written.
    fn look_at(&self, file: &OwnedFd, path: &str) -> Result<Stat, Fault> {
        let stat = fstat(file).map_err(|e| failed(path, "read", e))?;
        let why = if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            "is no regular file"
        } else if stat.st_uid != self.owner && stat.st_uid != 0 {
            "belongs to another user"
        } else if others_can_write(&stat) {
            "can be written by others"
        } else {
            return Ok(stat);
        };
        Err(unsafe_(path, why))
    }
}

/// Holds `file`, if that can be had within two seconds.
pub(crate) fn lock(file: &OwnedFd) -> bool {
    const TRIES: u32 = 200;
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);
    for _ in 0..TRIES {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return true,
            Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::sleep(PAUSE),
            Err(_) => return false,
        }
    }
    false
}

/// The names on a path; `/var`, `/tmp` and `/etc` are links on a Mac and are replaced by where they lead.
fn parts(path: &str) -> Vec<&str> {
    let mut names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    if matches!(names.first(), Some(&("var" | "tmp" | "etc"))) {
        names.insert(0, "private");
    }
    names
}

fn checked(path: &str) -> Result<Vec<&str>, Fault> {
    let names = parts(path);
    if !path.starts_with('/') || names.iter().any(|name| matches!(*name, "." | "..")) {
        return Err(unsafe_(path, "is no absolute path, or climbs"));
    }
    Ok(names)
}

fn open_in(place: &Place<'_>, path: &str, flags: OFlags) -> Result<Option<OwnedFd>, Fault> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(&place.folder, place.name, flags, Mode::empty()) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(not_followed(path, "read", e)),
    }
}

fn overwrite(old: OwnedFd, path: &str) -> Result<(), Fault> {
    const BLOCK: [u8; 4096] = [0; 4096];
    let mut file = File::from(old);
    let wipe = |file: &mut File| -> io::Result<()> {
        let mut left = file.metadata()?.len();
        while left > 0 {
            let now = usize::try_from(left).map_or(BLOCK.len(), |left| left.min(BLOCK.len()));
            file.write_all(BLOCK.get(..now).unwrap_or_default())?;
            left = left.saturating_sub(u64::try_from(now).unwrap_or(left));
        }
        file.sync_all()
    };
    wipe(&mut file).map_err(|source| io_failed(path, "overwritten", source))
}

/// Sixteen digits that nobody can foresee.
pub(crate) fn random_name() -> Result<String, Fault> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_source| Fault::NoRandomness)?;
    Ok(hex::encode(bytes))
}

fn not_followed(path: &str, verb: &'static str, e: Errno) -> Fault {
    match e {
        Errno::LOOP => unsafe_(path, "is a link, which is not followed"),
        other => failed(path, verb, other),
    }
}

fn unsafe_(path: &str, why: &'static str) -> Fault {
    Fault::Unsafe {
        path: path.to_owned(),
        why,
    }
}

fn gone(path: &str) -> Fault {
    failed(path, "written", Errno::NOENT)
}

fn failed(path: &str, verb: &'static str, e: Errno) -> Fault {
    io_failed(path, verb, e.into())
}

fn io_failed(path: &str, verb: &'static str, source: io::Error) -> Fault {
    Fault::File {
        path: path.to_owned(),
        verb,
        source,
    }
}
