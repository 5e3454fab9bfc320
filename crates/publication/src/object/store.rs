//! Objects by their keys: one request, or one transfer, each.

use std::{collections::HashMap, fs::File, io::Read as _, path::Path as FilePath, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use model::{Sha256, Sha256Writer};
use object_store::{
    Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    UpdateVersion, WriteMultipart, path::Path,
};

use super::{
    bridge::Bridge,
    known::{Known, Looked, Seen, version_of},
    reader::Reader,
};
use crate::RepositoryError;

/// Larger objects are sent in parts, and not kept in memory.
pub(super) const LARGE: u64 = 8 << 20;
/// S3 takes 10,000 parts: 160 GB.
const PART_LEN: usize = 16 << 20;
/// Parts that are under way at once.
const PARTS_AT_ONCE: usize = 4;
/// Requests that are under way at once.
const AT_ONCE: usize = 16;
/// S3 copies no more than this by itself.
const LARGEST_COPY: u64 = 5 << 30;

/// The objects of one repository.
#[derive(Debug)]
pub(super) struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: String,
    bridge: Arc<Bridge>,
    known: Known,
}

impl Store {
    pub(super) fn new(
        objects: Arc<dyn ObjectStore>,
        prefix: &str,
    ) -> Result<Self, RepositoryError> {
        Ok(Self {
            objects,
            prefix: prefix.trim_matches('/').to_owned(),
            bridge: Arc::new(Bridge::new()?),
            known: Known::default(),
        })
    }

    /// What does the work.
    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        self.objects.clone()
    }

    /// What comes of `work`.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.bridge.wait(work)
    }

    /// Reads what comes.
    pub(super) fn reader(&self, stream: BoxStream<'static, object_store::Result<Bytes>>) -> Reader {
        Reader::new(self.bridge.clone(), stream)
    }

    /// Whether the store answers at all.
    pub(super) fn probe(&self) -> Result<(), RepositoryError> {
        let (store, prefix) = (self.objects.clone(), self.key("pkgsinfo")?);
        let first = async move { store.list(Some(&prefix)).next().await.transpose() };
        self.bridge
            .wait(first)?
            .map_err(failed("pkgsinfo/"))
            .map(|_| ())
    }

    /// The object of this name; nothing is escaped in it, since clients ask for it as it is written.
    pub(super) fn key(&self, name: &str) -> Result<Path, RepositoryError> {
        let whole = match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        Path::parse(whole).map_err(|error| failed(name)(error.into()))
    }

    /// The objects below `folder`, by their names.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<(String, ObjectMeta)>, RepositoryError> {
        let (store, key) = (self.objects.clone(), self.key(folder)?);
        let listing = async move { store.list(Some(&key)).try_collect::<Vec<_>>().await };
        let metas = self.bridge.wait(listing)?.map_err(failed(folder))?;
        let name = |meta: ObjectMeta| {
            let name = meta.location.as_ref().strip_prefix(self.prefix.as_str())?;
            Some((name.trim_start_matches('/').to_owned(), meta))
        };
        Ok(metas.into_iter().filter_map(name).collect())
    }

    /// What the store says of an object, if it is there.
    pub(super) fn head(&self, name: &str) -> Result<Option<ObjectMeta>, RepositoryError> {
        let (store, key) = (self.objects.clone(), self.key(name)?);
        match self.bridge.wait(async move { store.head(&key).await })? {
            Ok(meta) => {
                self.known.look(name, &meta);
                Ok(Some(meta))
            }
            Err(Error::NotFound { .. }) => {
                self.known.missing(name);
                Ok(None)
            }
            Err(error) => Err(failed(name)(error)),
        }
    }

    /// All that is in an object, if it is there.
    pub(super) fn get(&self, name: &str) -> Result<Option<Bytes>, RepositoryError> {
        let (store, key) = (self.objects.clone(), self.key(name)?);
        match self.bridge.wait(whole(store, key))? {
            Ok((meta, contents)) => {
                self.known.read(name, &meta, seen(&meta, &contents));
                Ok(Some(contents))
            }
            Err(Error::NotFound { .. }) => {
                self.known.missing(name);
                Ok(None)
            }
            Err(error) => Err(failed(name)(error)),
        }
    }

    /// An object from front to back, if it is there.
    pub(super) fn open(&self, name: &str) -> Result<Option<(ObjectMeta, Reader)>, RepositoryError> {
        let (store, key) = (self.objects.clone(), self.key(name)?);
        let opened = self
            .bridge
            .wait(async move { store.get_opts(&key, GetOptions::default()).await })?;
        match opened {
            Ok(got) => {
                let meta = got.meta.clone();
                let reader = Reader::new(self.bridge.clone(), got.into_stream());
                Ok(Some((meta, reader)))
            }
            Err(Error::NotFound { .. }) => {
                self.known.missing(name);
                Ok(None)
            }
            Err(error) => Err(failed(name)(error)),
        }
    }

    /// The digest of the bytes of an object, if it is there.
    pub(super) fn digest(&self, name: &str) -> Result<Option<Sha256>, RepositoryError> {
        Ok(self.digest_and_len(name)?.map(|(sha256, _)| sha256))
    }

    /// The digest and the length of an object, if it is there.
    pub(super) fn digest_and_len(
        &self,
        name: &str,
    ) -> Result<Option<(Sha256, u64)>, RepositoryError> {
        let Some(meta) = self.head(name)? else {
            return Ok(None);
        };
        if let Some(seen) = self.known.seen(name, &meta) {
            return Ok(Some((seen.sha256, meta.size)));
        }
        if meta.size < LARGE {
            let contents = self.get(name)?;
            return Ok(contents.map(|contents| (Sha256::of(&contents), contents.len() as u64)));
        }
        let Some((meta, mut reader)) = self.open(name)? else {
            return Ok(None);
        };
        let (sha256, len_bytes) =
            Sha256::of_reader(&mut reader).map_err(RepositoryError::store(name))?;
        let seen = Seen::new(&meta, sha256, None);
        self.known.read(name, &meta, seen);
        Ok(Some((sha256, len_bytes)))
    }

    /// What small objects below `folder` hold now, by their names; those that are not known in their present version
    /// are read, several at a time. What cannot be read is left out.
    pub(super) fn all(&self, folder: &str) -> Result<HashMap<String, Seen>, RepositoryError> {
        let mut all = HashMap::new();
        let mut wanted = Vec::new();
        for (name, meta) in self.list(folder)? {
            match self.known.seen(&name, &meta) {
                Some(seen) => {
                    all.insert(name, seen);
                }
                None if meta.size < LARGE => wanted.push((name, meta.location)),
                None => {}
            }
        }
        let objects = self.objects.clone();
        let requests = wanted.into_iter().map(move |(name, key)| {
            let objects = objects.clone();
            async move { (name, whole(objects, key).await) }
        });
        let reading = futures_util::stream::iter(requests).buffer_unordered(AT_ONCE);
        for (name, read) in self.bridge.wait(reading.collect::<Vec<_>>())? {
            if let Ok((meta, contents)) = read {
                let seen = seen(&meta, &contents);
                self.known.read(&name, &meta, seen.clone());
                all.insert(name, seen);
            }
        }
        Ok(all)
    }

    /// Writes an object, whatever is there.
    pub(super) fn put(&self, name: &str, contents: Bytes) -> Result<(), RepositoryError> {
        self.put_as(name, contents, PutMode::Overwrite)
    }

    /// Writes an object where nothing is.
    pub(super) fn create(&self, name: &str, contents: Bytes) -> Result<(), RepositoryError> {
        self.put_as(name, contents, PutMode::Create)
    }

    /// Writes an object in the place of what was last looked at there, be it nothing.
    pub(super) fn replace(
        &self,
        name: &str,
        contents: Bytes,
        version: Option<UpdateVersion>,
    ) -> Result<(), RepositoryError> {
        let mode = version.map_or(PutMode::Create, PutMode::Update);
        self.put_as(name, contents, mode)
    }

    fn put_as(&self, name: &str, contents: Bytes, mode: PutMode) -> Result<(), RepositoryError> {
        let (store, key) = (self.objects.clone(), self.key(name)?);
        let sha256 = Sha256::of(&contents);
        let payload = contents.clone().into();
        let put = async move { store.put_opts(&key, payload, PutOptions::from(mode)).await };
        let done = self.bridge.wait(put)?;
        self.known.forget(name);
        match done {
            Ok(answer) => {
                // Whoever asks next what it is need not fetch it.
                let kept = ((contents.len() as u64) < LARGE).then_some(contents);
                self.known.wrote(name, &answer, sha256, kept);
                Ok(())
            }
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) => self.accept_own(name, sha256),
            Err(error) => Err(failed(name)(error)),
        }
    }

    /// A request whose answer was lost is repeated, and then refused since it has been obeyed.
    fn accept_own(&self, name: &str, sha256: Sha256) -> Result<(), RepositoryError> {
        if self.digest(name)? == Some(sha256) {
            return Ok(());
        }
        Err(RepositoryError::Conflict {
            name: name.to_owned(),
        })
    }

    /// Sends a file in parts to where nothing is; answers its digest, under which alone it becomes an object.
    pub(super) fn upload(
        &self,
        name: &str,
        path: &FilePath,
        expected: Sha256,
    ) -> Result<(), RepositoryError> {
        if let Some(found) = self.digest(name)? {
            return if found == expected {
                Ok(())
            } else {
                Err(RepositoryError::Conflict {
                    name: name.to_owned(),
                })
            };
        }
        let (store, key) = (self.objects.clone(), self.key(name)?);
        let mut file = File::open(path).map_err(|source| RepositoryError::io(path, source))?;
        let upload = self
            .bridge
            .wait(async move { store.put_multipart(&key).await })?
            .map_err(failed(name))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_LEN);
        let mut digest = Sha256Writer::new(std::io::sink());
        loop {
            let mut part = Vec::new();
            let read = (&mut file)
                .take(PART_LEN as u64)
                .read_to_end(&mut part)
                .and_then(|_| std::io::copy(&mut part.as_slice(), &mut digest));
            if let Err(source) = read {
                self.bridge.wait(upload.abort())?.map_err(failed(name))?;
                return Err(RepositoryError::io(path, source));
            }
            if part.is_empty() {
                break;
            }
            let sending = async move {
                upload.wait_for_capacity(PARTS_AT_ONCE).await?;
                upload.put(part.into());
                Ok(upload)
            };
            upload = self.bridge.wait(sending)?.map_err(failed(name))?;
        }
        if digest.finish().1 != expected || self.head(name)?.is_some() {
            self.bridge.wait(upload.abort())?.map_err(failed(name))?;
            return Err(RepositoryError::Conflict {
                name: name.to_owned(),
            });
        }
        self.known.forget(name);
        let finished = self.bridge.wait(upload.finish())?;
        finished.map(|_| ()).map_err(failed(name))
    }

    /// Copies an object within the store over whatever is there.
    pub(super) fn copy(&self, from: &ObjectMeta, to: &str) -> Result<(), RepositoryError> {
        let (store, source, target) = (self.objects.clone(), from.location.clone(), self.key(to)?);
        self.known.forget(to);
        let copied = if from.size < LARGEST_COPY {
            self.bridge
                .wait(async move { store.copy(&source, &target).await })?
        } else {
            self.bridge.wait(through(store, source, target))?
        };
        copied.map_err(failed(to))
    }

    /// Removes an object; it is no error if it is not there.
    pub(super) fn delete(&self, name: &str) -> Result<(), RepositoryError> {
        let (store, key) = (self.objects.clone(), self.key(name)?);
        self.known.forget(name);
        match self.bridge.wait(async move { store.delete(&key).await })? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(name)(error)),
        }
    }

    /// The version that was last looked at of an object, be it that it was not there.
    pub(super) fn version(&self, name: &str) -> Result<Option<UpdateVersion>, RepositoryError> {
        match self.known.looked(name) {
            Some(Looked::At(version)) => Ok(Some(version)),
            Some(Looked::Missing) => Ok(None),
            None => Ok(self.head(name)?.as_ref().map(version_of)),
        }
    }
}

/// What was read; large objects are not kept in memory.
fn seen(meta: &ObjectMeta, contents: &Bytes) -> Seen {
    let kept = ((contents.len() as u64) < LARGE).then(|| contents.clone());
    Seen::new(meta, Sha256::of(contents), kept)
}

async fn whole(
    store: Arc<dyn ObjectStore>,
    key: Path,
) -> object_store::Result<(ObjectMeta, Bytes)> {
    let got = store.get(&key).await?;
    let meta = got.meta.clone();
    Ok((meta, got.bytes().await?))
}

/// Copies what the store does not copy by itself.
async fn through(store: Arc<dyn ObjectStore>, from: Path, to: Path) -> object_store::Result<()> {
    let mut stream = store.get(&from).await?.into_stream();
    let upload = store.put_multipart(&to).await?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_LEN);
    while let Some(bytes) = stream.try_next().await? {
        upload.wait_for_capacity(PARTS_AT_ONCE).await?;
        upload.put(bytes);
    }
    upload.finish().await.map(|_| ())
}

/// The error for what the store said of `name`.
pub(super) fn failed(name: &str) -> impl FnOnce(Error) -> RepositoryError + use<> {
    let name = name.to_owned();
    move |error| match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => RepositoryError::Denied {
            name,
            source: Box::new(error),
        },
        error => RepositoryError::Store {
            name,
            source: Box::new(error),
        },
    }
}
