//! A folder, as publishing needs it.

use std::{
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use evidence::{Log, LogError};
use model::{Sha256, Timestamp};

use super::{
    FolderRepository, STATE,
    listing::{self, Wanted},
    reading::{Files, ReadAhead},
    unfinished::unfinished,
};
use crate::{
    Backend, Each, Held, Kind, Look, Part, PublishError, Reader as _, Readers, RepositoryError,
    StagedFile, Stamp,
    write::{self, CopyError, PartFile},
};

impl Backend for FolderRepository {
    fn lock(&self) -> Result<Box<dyn Held + '_>, RepositoryError> {
        Ok(Box::new(self.wait_for_lock()?))
    }

    fn digest_and_len(
        &self,
        kind: Kind,
        location: &str,
    ) -> Result<Option<(Sha256, u64)>, RepositoryError> {
        let Some(mut file) = self.open_file(kind, location)? else {
            return Ok(None);
        };
        Sha256::of_reader(&mut file)
            .map(Some)
            .map_err(|source| RepositoryError::io(&self.path(kind, location), source))
    }

    fn each<'a>(
        &'a self,
        kind: Kind,
        locations: &'a [String],
    ) -> Result<Each<'a, Vec<u8>>, RepositoryError> {
        if ReadAhead::is_worth_it(locations)
            && let Ok(read) = ReadAhead::new(self, kind, locations)
        {
            return Ok(Box::new(read));
        }
        let mut files = Files::new(self, kind);
        let contents = locations.iter().map(move |location| files.get(location));
        Ok(Box::new(contents))
    }

    fn each_digest<'a>(
        &'a self,
        kind: Kind,
        locations: &'a [String],
    ) -> Result<Each<'a, Sha256>, RepositoryError> {
        let mut files = Files::new(self, kind);
        let digests = locations
            .iter()
            .map(move |location| Ok(files.digest(location)?.0));
        Ok(Box::new(digests))
    }

    fn readers(&self, kind: Kind) -> Option<Readers<'_>> {
        Some(Box::new(move || Box::new(Files::new(self, kind))))
    }

    fn look(&self, kind: Kind, location: &str) -> Result<Option<Look>, RepositoryError> {
        let path = self.resolve(kind, location)?;
        match fs::metadata(&path) {
            Ok(metadata) => Ok(look(&metadata)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(source) => Err(RepositoryError::io(&path, source)),
        }
    }

    fn read_from(
        &self,
        kind: Kind,
        location: &str,
        seen: &Look,
        from: u64,
    ) -> Result<Box<dyn Read + Send>, RepositoryError> {
        let path = self.path(kind, location);
        let failed = |source| RepositoryError::io(&path, source);
        let opened = self.open_file(kind, location)?;
        if let Some(mut file) = opened {
            // Of the very file that was opened: one of that name may be another one by now.
            let metadata = file.metadata().map_err(failed)?;
            if look(&metadata).as_ref() == Some(seen) {
                file.seek(SeekFrom::Start(from)).map_err(failed)?;
                return Ok(Box::new(file));
            }
        }
        Err(RepositoryError::NotFound {
            kind,
            location: location.to_owned(),
        })
    }

    fn list_stamped(&self, kind: Kind) -> Result<Vec<(String, Option<Stamp>)>, RepositoryError> {
        listing::list(self, kind, Wanted::Stamps)
    }

    fn own_stamp(&self, name: &str) -> Option<Stamp> {
        listing::stamp(&self.own_path(name))
    }

    fn holds(&self, kind: Kind, location: &str, pieces: &[&[u8]]) -> Result<bool, RepositoryError> {
        let Some(file) = self.open_file(kind, location)? else {
            return Ok(false);
        };
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let path = self.path(kind, location);
        let failed = |source| RepositoryError::io(&path, source);
        let metadata = file.metadata().map_err(failed)?;
        Ok(metadata.len() == len as u64 && write::is_made_of(file, pieces).map_err(failed)?)
    }

    fn missing_folders(&self, kind: Kind, location: &str) -> Result<Vec<String>, RepositoryError> {
        self.resolve(kind, location)?;
        let path = format!("{kind}/{location}");
        let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        Ok(above
            .filter(|folder| !self.root().join(folder).exists())
            .map(str::to_owned)
            .collect())
    }

    fn remove_folder(&self, folder: &str) -> Result<(), RepositoryError> {
        let path = self.root().join(folder);
        // A folder that is not empty has got something that is not ours.
        match fs::remove_dir(&path) {
            Ok(()) => write::sync_parent(&path),
            Err(_) => Ok(()),
        }
    }

    fn prepare_file(&self, file: &StagedFile) -> Result<Box<dyn Part + '_>, PublishError> {
        let unreadable = |source| PublishError::Staged {
            path: file.source.clone(),
            source,
        };
        let target = self.resolve(file.kind, &file.location)?;
        let mut source = File::open(&file.source).map_err(unreadable)?;
        let (part, found, len_bytes) = match PartFile::copy(&mut source, &target) {
            Ok(copied) => copied,
            Err(CopyError::Read(source)) => return Err(unreadable(source)),
            Err(CopyError::Write(error)) => return Err(error.into()),
        };
        if found != file.sha256 || len_bytes != file.len_bytes {
            return Err(PublishError::Altered {
                path: file.source.clone(),
                expected: file.sha256,
                found,
            });
        }
        Ok(Box::new(part))
    }

    fn prepare_pieces(
        &self,
        kind: Kind,
        location: &str,
        pieces: &[&[u8]],
    ) -> Result<Box<dyn Part + '_>, RepositoryError> {
        let target = self.resolve(kind, location)?;
        Ok(Box::new(PartFile::of_pieces(&target, pieces)?))
    }

    fn remove(&self, kind: Kind, location: &str) -> Result<(), RepositoryError> {
        write::remove(&self.resolve(kind, location)?)
    }

    fn unfinished(&self) -> Result<Vec<String>, RepositoryError> {
        let relative = |path: &PathBuf| {
            let below = path.strip_prefix(self.root()).unwrap_or(path);
            below.to_string_lossy().into_owned()
        };
        Ok(unfinished(self)?.iter().map(relative).collect())
    }

    fn remove_unfinished(&self) -> Result<(), RepositoryError> {
        for path in unfinished(self)? {
            write::remove(&path)?;
        }
        Ok(())
    }

    fn own(&self, name: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        let path = self.own_path(name);
        match fs::read(&path) {
            Ok(contents) => Ok(Some(contents)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(RepositoryError::io(&path, source)),
        }
    }

    fn own_names(&self, folder: &str) -> Result<Vec<String>, RepositoryError> {
        let path = self.own_path(folder);
        let failed = |source| RepositoryError::io(&path, source);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_file() {
                names.push(format!("{folder}/{}", entry.file_name().to_string_lossy()));
            }
        }
        names.sort();
        Ok(names)
    }

    fn put_own(&self, name: &str, contents: &[u8]) -> Result<(), RepositoryError> {
        PartFile::of_bytes(&self.own_path(name), contents)?.replace()
    }

    fn note_own(&self, name: &str, contents: &[u8]) -> Result<(), RepositoryError> {
        write::note(&self.own_path(name), contents)
    }

    fn remove_own(&self, name: &str) -> Result<(), RepositoryError> {
        let path = self.own_path(name);
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        if !is_folder {
            return write::remove(&path);
        }
        fs::remove_dir_all(&path)
            .map_err(|source| RepositoryError::io(&path, source))
            .and_then(|()| write::sync_parent(&path))
    }

    fn keep(
        &self,
        kind: Kind,
        location: &str,
        name: &str,
    ) -> Result<Option<Sha256>, RepositoryError> {
        let source = self.resolve(kind, location)?;
        let kept = self.own_path(name);
        if fs::symlink_metadata(&kept).is_err() {
            let Some(file) = self.open_file(kind, location)? else {
                return Ok(None);
            };
            PartFile::link_or_copy(&source, file, &kept)?.place()?;
        }
        let failed = |source| RepositoryError::io(&kept, source);
        let mut file = File::open(&kept).map_err(failed)?;
        let (sha256, _) = Sha256::of_reader(&mut file).map_err(failed)?;
        Ok(Some(sha256))
    }

    fn restore(&self, name: &str, kind: Kind, location: &str) -> Result<bool, RepositoryError> {
        let kept = self.own_path(name);
        let target = self.resolve(kind, location)?;
        match File::open(&kept) {
            Ok(file) => {
                PartFile::link_or_copy(&kept, file, &target)?.replace()?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(RepositoryError::io(&kept, source)),
        }
    }

    fn kept_source(&self, name: &str) -> Result<Option<(PathBuf, u64)>, RepositoryError> {
        let path = self.own_path(name);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some((path, metadata.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(RepositoryError::io(&path, source)),
        }
    }

    fn with_log(
        &self,
        work: &mut dyn FnMut(&Log) -> Result<(), LogError>,
    ) -> Result<(), PublishError> {
        Ok(work(&self.log())?)
    }
}

/// How a file looks to who fetches it; nothing else than a file does.
fn look(metadata: &fs::Metadata) -> Option<Look> {
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    let (len_bytes, file) = (metadata.len(), metadata.ino());
    metadata.is_file().then(|| Look {
        len_bytes,
        modified: Timestamp::from_secs(seconds),
        tag: format!("{seconds:x}-{nanoseconds:x}-{len_bytes:x}-{file:x}"),
    })
}

/// Whether the error only says that nothing is there.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

impl FolderRepository {
    pub(super) fn path(&self, kind: Kind, location: &str) -> PathBuf {
        self.root().join(kind.as_str()).join(location)
    }

    fn own_path(&self, name: &str) -> PathBuf {
        Path::new(self.root()).join(STATE).join(name)
    }
}
