//! An object store, as publishing needs it.

use std::{
    fs::File,
    io::{Read, Write as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use evidence::{Log, LogError};
use model::{Sha256, Sha256Writer};
use munki::listing_order;
use object_store::UpdateVersion;

use super::{ObjectRepository, store::LARGE};
use crate::{
    Backend, Each, Held, Kind, Look, Part, PublishError, Repository, RepositoryError, StagedFile,
    repository::checked,
};

/// The corner of the house's own.
const STATE: &str = ".auto-update";

impl Repository for ObjectRepository {
    fn list(&self, kind: Kind) -> Result<Vec<String>, RepositoryError> {
        let below = format!("{kind}/");
        let mut found = Vec::new();
        for (name, _) in self.store.list(kind.as_str())? {
            let location = name.strip_prefix(&below).unwrap_or_default();
            // Others may have put there what Munki would not see either.
            if checked(location).is_ok() {
                found.push(location.to_owned());
            }
        }
        found.sort_by(|left, right| listing_order(left, right));
        Ok(found)
    }

    fn open(&self, kind: Kind, location: &str) -> Result<Box<dyn Read + Send>, RepositoryError> {
        match self.store.open(&name(kind, location)?)? {
            Some((_, reader)) => Ok(Box::new(reader)),
            None => Err(not_found(kind, location)),
        }
    }

    fn get(&self, kind: Kind, location: &str) -> Result<Vec<u8>, RepositoryError> {
        match self.store.get(&name(kind, location)?)? {
            Some(contents) => Ok(contents.into()),
            None => Err(not_found(kind, location)),
        }
    }

    fn put(&self, kind: Kind, location: &str, contents: &[u8]) -> Result<(), RepositoryError> {
        let held = self.lock()?;
        held.check()?;
        self.store
            .put(&name(kind, location)?, Bytes::copy_from_slice(contents))
    }

    fn put_file(&self, kind: Kind, location: &str, from: &Path) -> Result<(), RepositoryError> {
        let held = self.lock()?;
        let name = name(kind, location)?;
        let (sha256, len_bytes, contents) = read(from, from)?;
        held.check()?;
        match contents {
            Some(contents) => self.store.put(&name, contents),
            None if self.store.digest(&name)? == Some(sha256) => Ok(()),
            None => {
                tracing::debug!(name, len_bytes, "writing over an object");
                self.store.delete(&name)?;
                self.store.upload(&name, from, sha256)
            }
        }
    }

    fn delete(&self, kind: Kind, location: &str) -> Result<(), RepositoryError> {
        let held = self.lock()?;
        let name = name(kind, location)?;
        if self.store.head(&name)?.is_none() {
            return Err(not_found(kind, location));
        }
        held.check()?;
        self.store.delete(&name)
    }

    fn path_for(&self, _kind: Kind, _location: &str) -> Option<PathBuf> {
        None
    }
}

impl Backend for ObjectRepository {
    fn lock(&self) -> Result<Box<dyn Held + '_>, RepositoryError> {
        self.locks.wait()
    }

    fn digest_and_len(
        &self,
        kind: Kind,
        location: &str,
    ) -> Result<Option<(Sha256, u64)>, RepositoryError> {
        self.store.digest_and_len(&name(kind, location)?)
    }

    fn each<'a>(
        &'a self,
        kind: Kind,
        locations: &'a [String],
    ) -> Result<Each<'a, Vec<u8>>, RepositoryError> {
        let mut all = self.store.all(kind.as_str())?;
        let contents = locations.iter().map(move |location| {
            let seen = all.remove(&name(kind, location)?);
            match seen.and_then(|seen| seen.contents) {
                Some(contents) => Ok(contents.into()),
                None => self.get(kind, location),
            }
        });
        Ok(Box::new(contents))
    }

    fn each_digest<'a>(
        &'a self,
        kind: Kind,
        locations: &'a [String],
    ) -> Result<Each<'a, Sha256>, RepositoryError> {
        let mut all = self.store.all(kind.as_str())?;
        let digests = locations.iter().map(move |location| {
            if let Some(seen) = all.remove(&name(kind, location)?) {
                return Ok(seen.sha256);
            }
            let digest = self.digest(kind, location)?;
            digest.ok_or_else(|| not_found(kind, location))
        });
        Ok(Box::new(digests))
    }

    fn look(&self, kind: Kind, location: &str) -> Result<Option<Look>, RepositoryError> {
        self.store.look(&name(kind, location)?)
    }

    fn read_from(
        &self,
        kind: Kind,
        location: &str,
        look: &Look,
        from: u64,
    ) -> Result<Box<dyn Read + Send>, RepositoryError> {
        match self.store.open_from(&name(kind, location)?, look, from)? {
            Some(reader) => Ok(Box::new(reader)),
            None => Err(not_found(kind, location)),
        }
    }

    fn missing_folders(&self, kind: Kind, location: &str) -> Result<Vec<String>, RepositoryError> {
        // There are no folders, but there are locations that are none.
        name(kind, location).map(|_| Vec::new())
    }

    fn remove_folder(&self, _folder: &str) -> Result<(), RepositoryError> {
        Ok(())
    }

    fn prepare_file(&self, file: &StagedFile) -> Result<Box<dyn Part + '_>, PublishError> {
        let body = if file.source.is_relative() {
            self.kept_body(file)?
        } else {
            staged_body(file)?
        };
        let name = name(file.kind, &file.location)?;
        let version = self.store.version(&name)?;
        Ok(Box::new(Object {
            repository: self,
            name,
            version,
            body,
        }))
    }

    fn holds(&self, kind: Kind, location: &str, pieces: &[&[u8]]) -> Result<bool, RepositoryError> {
        let Some(there) = self.store.digest(&name(kind, location)?)? else {
            return Ok(false);
        };
        let mut digest = Sha256Writer::new(std::io::sink());
        let hashed = pieces.iter().try_for_each(|piece| digest.write_all(piece));
        hashed.map_err(RepositoryError::store(location))?;
        Ok(digest.finish().1 == there)
    }

    fn prepare_pieces(
        &self,
        kind: Kind,
        location: &str,
        pieces: &[&[u8]],
    ) -> Result<Box<dyn Part + '_>, RepositoryError> {
        let name = name(kind, location)?;
        let version = self.store.version(&name)?;
        Ok(Box::new(Object {
            repository: self,
            name,
            version,
            body: Body::Bytes(Bytes::from(pieces.concat())),
        }))
    }

    fn remove(&self, kind: Kind, location: &str) -> Result<(), RepositoryError> {
        self.store.delete(&name(kind, location)?)
    }

    fn unfinished(&self) -> Result<Vec<String>, RepositoryError> {
        // What is not whole is no object. The store itself forgets parts that were never made one.
        Ok(Vec::new())
    }

    fn remove_unfinished(&self) -> Result<(), RepositoryError> {
        Ok(())
    }

    fn own(&self, name: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        Ok(self.store.get(&own(name))?.map(Into::into))
    }

    fn own_names(&self, folder: &str) -> Result<Vec<String>, RepositoryError> {
        let folder = own(folder);
        let mut names = Vec::new();
        for (name, _) in self.store.list(&folder)? {
            let below = name.strip_prefix(&folder).unwrap_or_default();
            if below.matches('/').count() == 1 {
                let below_state = name.strip_prefix(STATE).unwrap_or(&name);
                names.push(below_state.trim_start_matches('/').to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn put_own(&self, name: &str, contents: &[u8]) -> Result<(), RepositoryError> {
        self.store.put(&own(name), Bytes::copy_from_slice(contents))
    }

    fn remove_own(&self, name: &str) -> Result<(), RepositoryError> {
        let name = own(name);
        for (below, _) in self.store.list(&name)? {
            self.store.delete(&below)?;
        }
        self.store.delete(&name)
    }

    fn keep(
        &self,
        kind: Kind,
        location: &str,
        kept: &str,
    ) -> Result<Option<Sha256>, RepositoryError> {
        let kept = own(kept);
        if self.store.head(&kept)?.is_none() {
            let Some(there) = self.store.head(&name(kind, location)?)? else {
                return Ok(None);
            };
            self.store.copy(&there, &kept)?;
        }
        self.store.digest(&kept)
    }

    fn restore(&self, kept: &str, kind: Kind, location: &str) -> Result<bool, RepositoryError> {
        let Some(kept) = self.store.head(&own(kept))? else {
            return Ok(false);
        };
        self.store.copy(&kept, &name(kind, location)?)?;
        Ok(true)
    }

    fn kept_source(&self, name: &str) -> Result<Option<(PathBuf, u64)>, RepositoryError> {
        let meta = self.store.head(&own(name))?;
        Ok(meta.map(|meta| (PathBuf::from(name), meta.size)))
    }

    fn with_log(
        &self,
        work: &mut dyn FnMut(&Log) -> Result<(), LogError>,
    ) -> Result<(), PublishError> {
        let held = self.lock()?;
        let failed = |source| RepositoryError::io(&std::env::temp_dir(), source);
        let folder = tempfile::tempdir().map_err(failed)?;
        let log = Log::new(folder.path(), &folder.path().join("lock"));
        // The log goes first in each direction: an entry that its checkpoint does not know yet is mended, a
        // checkpoint of an entry that is not there is not.
        let files = [log.path(), log.checkpoint_path()];
        let mut before = Vec::new();
        for path in files.iter().rev() {
            let contents = self.store.get(&evidence_name(path)?)?;
            if let Some(contents) = &contents {
                fs_err::write(path, contents).map_err(failed)?;
            }
            before.push(contents);
        }
        work(&log)?;
        for (path, before) in files.iter().zip(before.into_iter().rev()) {
            let now = fs_err::read(path).ok().map(Bytes::from);
            if let Some(now) = now.filter(|now| Some(now) != before.as_ref()) {
                held.check()?;
                let name = evidence_name(path)?;
                let version = self.store.version(&name)?;
                self.store.replace(&name, now, version)?;
            }
        }
        Ok(())
    }
}

impl ObjectRepository {
    /// What this repository keeps itself, as the body of a staged file.
    fn kept_body(&self, file: &StagedFile) -> Result<Body, PublishError> {
        let unreadable = |why: &str| PublishError::Staged {
            path: file.source.clone(),
            source: std::io::Error::new(std::io::ErrorKind::NotFound, why.to_owned()),
        };
        let kept = file.source.to_str().map(own);
        let kept = kept.ok_or_else(|| unreadable("it is no name of what is kept"))?;
        match self.store.digest(&kept)? {
            Some(found) if found == file.sha256 => {}
            Some(found) => {
                return Err(PublishError::Altered {
                    path: file.source.clone(),
                    expected: file.sha256,
                    found,
                });
            }
            None => return Err(unreadable("it is not kept any more")),
        }
        if file.len_bytes >= LARGE {
            return Ok(Body::Kept(kept, file.sha256));
        }
        let contents = self.store.get(&kept)?;
        contents
            .map(Body::Bytes)
            .ok_or_else(|| unreadable("it is not kept any more"))
    }
}

/// An object that is not written yet.
struct Object<'a> {
    repository: &'a ObjectRepository,
    name: String,
    /// What was there when it was made ready.
    version: Option<UpdateVersion>,
    body: Body,
}

enum Body {
    Bytes(Bytes),
    File(PathBuf, Sha256),
    /// An object of the house's own.
    Kept(String, Sha256),
}

impl Part for Object<'_> {
    fn contents(&self) -> Result<Vec<u8>, RepositoryError> {
        match &self.body {
            Body::Bytes(contents) => Ok(contents.to_vec()),
            Body::File(path, _) => {
                std::fs::read(path).map_err(|source| RepositoryError::io(path, source))
            }
            Body::Kept(name, _) => {
                let contents = self.repository.store.get(name)?;
                Ok(contents.unwrap_or_default().into())
            }
        }
    }

    fn place(self: Box<Self>) -> Result<(), RepositoryError> {
        let store = &self.repository.store;
        match self.body {
            Body::Bytes(contents) => store.create(&self.name, contents),
            Body::File(path, sha256) => store.upload(&self.name, &path, sha256),
            Body::Kept(kept, sha256) => {
                let conflict = || RepositoryError::Conflict {
                    name: self.name.clone(),
                };
                match store.digest(&self.name)? {
                    None => {}
                    Some(found) if found == sha256 => return Ok(()),
                    Some(_) => return Err(conflict()),
                }
                let kept = store.head(&kept)?.ok_or_else(conflict)?;
                store.copy(&kept, &self.name)
            }
        }
    }

    fn replace(self: Box<Self>) -> Result<(), RepositoryError> {
        let contents = Bytes::from(self.contents()?);
        let store = &self.repository.store;
        store.replace(&self.name, contents, self.version)
    }
}

fn staged_body(file: &StagedFile) -> Result<Body, PublishError> {
    let unreadable = |error| match error {
        RepositoryError::Io { path, source }
        | RepositoryError::ReadOnly { path, source }
        | RepositoryError::DiskFull { path, source } => PublishError::Staged { path, source },
        other => other.into(),
    };
    let (found, len_bytes, contents) = read(&file.source, &file.source).map_err(unreadable)?;
    if found != file.sha256 || len_bytes != file.len_bytes {
        return Err(PublishError::Altered {
            path: file.source.clone(),
            expected: file.sha256,
            found,
        });
    }
    Ok(contents.map_or_else(|| Body::File(file.source.clone(), found), Body::Bytes))
}

/// Digest and length of a file, and what is in it unless it is large.
fn read(path: &Path, named: &Path) -> Result<(Sha256, u64, Option<Bytes>), RepositoryError> {
    let failed = |source| RepositoryError::io(named, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut start = Vec::new();
    (&mut file)
        .take(LARGE)
        .read_to_end(&mut start)
        .map_err(failed)?;
    if (start.len() as u64) < LARGE {
        return Ok((
            Sha256::of(&start),
            start.len() as u64,
            Some(Bytes::from(start)),
        ));
    }
    let mut digest = Sha256Writer::new(std::io::sink());
    let len_bytes = std::io::copy(&mut start.as_slice(), &mut digest)
        .and_then(|len| Ok(len.saturating_add(std::io::copy(&mut file, &mut digest)?)))
        .map_err(failed)?;
    Ok((digest.finish().1, len_bytes, None))
}

fn name(kind: Kind, location: &str) -> Result<String, RepositoryError> {
    Ok(format!("{kind}/{}", checked(location)?))
}

fn own(name: &str) -> String {
    format!("{STATE}/{name}")
}

fn evidence_name(path: &Path) -> Result<String, RepositoryError> {
    let file = path.file_name().unwrap_or_default();
    name(Kind::Evidence, &file.to_string_lossy())
}

fn not_found(kind: Kind, location: &str) -> RepositoryError {
    RepositoryError::NotFound {
        kind,
        location: location.to_owned(),
    }
}
