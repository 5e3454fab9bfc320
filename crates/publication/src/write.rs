//! Files that are written whole or not at all.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, IoSlice, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use model::{Sha256, Sha256Writer};
use tempfile::{NamedTempFile, TempPath};

use crate::{Part, RepositoryError};

/// How the names of unfinished files begin. Munki sees nothing that begins with a full stop.
pub(crate) const PART_PREFIX: &str = ".auto-update-part-";

const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;
const BUFFER_LEN: usize = 1 << 20;
const PIECES_LEN: usize = 1 << 17;

/// A file that is complete, on the disk, and waits beside its place; it is removed when dropped.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: TempPath,
    target: PathBuf,
}

impl PartFile {
    /// Writes `contents` beside `target`.
    pub(crate) fn of_bytes(target: &Path, contents: &[u8]) -> Result<Self, RepositoryError> {
        Self::of_pieces(target, &[contents])
    }

    /// Writes what `pieces` make beside `target`.
    pub(crate) fn of_pieces(target: &Path, pieces: &[&[u8]]) -> Result<Self, RepositoryError> {
        let mut file = Self::begin(target)?;
        write_pieces(file.as_file_mut(), pieces)
            .map_err(|source| RepositoryError::io(target, source))?;
        Self::end(file, target)
    }

    /// Copies `source` beside `target`, and tells the digest and length of what was copied.
    ///
    /// Where the file system can share the blocks of both files, nothing is written; in either case the bytes
    /// are read once.
    pub(crate) fn copy(source: &mut File, target: &Path) -> Result<(Self, Sha256, u64), CopyError> {
        let mut file = Self::begin(target).map_err(CopyError::Write)?;
        let (sha256, len_bytes) = if rustix::fs::ioctl_ficlone(file.as_file(), &*source).is_ok() {
            hash(file.as_file_mut(), io::sink(), target)?
        } else {
            hash(source, file.as_file_mut(), target)?
        };
        let part = Self::end(file, target).map_err(CopyError::Write)?;
        Ok((part, sha256, len_bytes))
    }

    /// Puts it in its place, where nothing may be.
    pub(crate) fn place(self) -> Result<(), RepositoryError> {
        self.file
            .persist_noclobber(&self.target)
            .map_err(|error| RepositoryError::io(&self.target, error.error))?;
        sync_parent(&self.target)
    }

    /// Puts it in its place instead of what is there.
    pub(crate) fn replace(self) -> Result<(), RepositoryError> {
        self.file
            .persist(&self.target)
            .map_err(|error| RepositoryError::io(&self.target, error.error))?;
        sync_parent(&self.target)
    }

    /// The file at `from`, which is open as `source`, beside `target` as well: a second name of the same file where
    /// the file system can, else a copy.
    pub(crate) fn link_or_copy(
        from: &Path,
        mut source: File,
        target: &Path,
    ) -> Result<Self, RepositoryError> {
        let folder = target.parent().unwrap_or(target);
        create_folders(folder)?;
        // A second name of a link would lead elsewhere.
        let is_file = fs::symlink_metadata(from).is_ok_and(|metadata| metadata.is_file());
        let linked = is_file
            .then(|| {
                tempfile::Builder::new()
                    .prefix(PART_PREFIX)
                    .make_in(folder, |path| fs::hard_link(from, path))
                    .ok()
            })
            .flatten();
        if let Some(linked) = linked {
            return Ok(Self {
                file: linked.into_temp_path(),
                target: target.to_owned(),
            });
        }
        match Self::copy(&mut source, target) {
            Ok((part, ..)) => Ok(part),
            Err(CopyError::Read(source)) => Err(RepositoryError::io(from, source)),
            Err(CopyError::Write(error)) => Err(error),
        }
    }

    fn begin(target: &Path) -> Result<NamedTempFile, RepositoryError> {
        let folder = target.parent().unwrap_or(target);
        create_folders(folder)?;
        tempfile::Builder::new()
            .prefix(PART_PREFIX)
            .tempfile_in(folder)
            .map_err(|source| RepositoryError::io(target, source))
    }

    fn end(file: NamedTempFile, target: &Path) -> Result<Self, RepositoryError> {
        file.as_file()
            .set_permissions(Permissions::from_mode(FILE_MODE))
            .and_then(|()| file.as_file().sync_all())
            .map_err(|source| RepositoryError::io(target, source))?;
        Ok(Self {
            file: file.into_temp_path(),
            target: target.to_owned(),
        })
    }
}

impl Part for PartFile {
    fn contents(&self) -> Result<Vec<u8>, RepositoryError> {
        fs::read(&self.file).map_err(|source| RepositoryError::io(&self.file, source))
    }

    fn place(self: Box<Self>) -> Result<(), RepositoryError> {
        Self::place(*self)
    }

    fn replace(self: Box<Self>) -> Result<(), RepositoryError> {
        Self::replace(*self)
    }
}

/// Which side of a copy failed.
#[derive(Debug)]
pub(crate) enum CopyError {
    Read(io::Error),
    Write(RepositoryError),
}

fn hash(from: &mut File, to: impl io::Write, target: &Path) -> Result<(Sha256, u64), CopyError> {
    let mut writer = Sha256Writer::new(to);
    let mut buffer = vec![0; BUFFER_LEN];
    let mut len_bytes = 0_u64;
    loop {
        let len = match from.read(&mut buffer) {
            Ok(0) => return Ok((writer.finish().1, len_bytes)),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        writer
            .write_all(buffer.get(..len).unwrap_or_default())
            .map_err(|source| CopyError::Write(RepositoryError::io(target, source)))?;
        len_bytes = len_bytes.saturating_add(len as u64);
    }
}

/// Hands pieces over as they lie, hundreds at once.
fn write_pieces(file: &mut File, pieces: &[&[u8]]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = slices.as_mut_slice();
    // Takes away what is empty.
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => IoSlice::advance_slices(&mut left, len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the file is what `pieces` make, and nothing else.
pub(crate) fn is_made_of(mut file: impl io::Read, pieces: &[&[u8]]) -> io::Result<bool> {
    let mut buffer = vec![0; PIECES_LEN];
    let mut there: &[u8] = &[];
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() {
            if there.is_empty() {
                let len = read_some(&mut file, &mut buffer)?;
                there = buffer.get(..len).unwrap_or_default();
            }
            let len = piece.len().min(there.len());
            let (Some((begins, rest)), Some((wanted, next))) =
                (there.split_at_checked(len), piece.split_at_checked(len))
            else {
                return Ok(false);
            };
            if len == 0 || begins != wanted {
                return Ok(false);
            }
            (there, piece) = (rest, next);
        }
    }
    Ok(there.is_empty() && read_some(&mut file, &mut buffer)? == 0)
}

fn read_some(file: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Writes `contents` to `target`, all at once, but without waiting until they are on the disk.
pub(crate) fn note(target: &Path, contents: &[u8]) -> Result<(), RepositoryError> {
    let failed = |source| RepositoryError::io(target, source);
    let mut file = PartFile::begin(target)?;
    file.write_all(contents).map_err(failed)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(FILE_MODE))
        .map_err(failed)?;
    file.persist(target)
        .map(|_| ())
        .map_err(|error| failed(error.error))
}

/// Makes the folder and those above it that are missing, so that they outlast a crash.
pub(crate) fn create_folders(folder: &Path) -> Result<(), RepositoryError> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        create_folders(parent)?;
    }
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => sync_parent(folder),
        // Another process may have made it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(source) => Err(RepositoryError::io(folder, source)),
    }
}

/// Removes the file; it is no error if it is not there.
pub(crate) fn remove(path: &Path) -> Result<(), RepositoryError> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(RepositoryError::io(path, source)),
    }
}

/// Makes what happened in the folder that holds `path` outlast a crash.
pub(crate) fn sync_parent(path: &Path) -> Result<(), RepositoryError> {
    let folder = path.parent().unwrap_or(path);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| RepositoryError::io(folder, source))
}
