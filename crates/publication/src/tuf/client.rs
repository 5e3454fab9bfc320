//! What a client does: from one root that it trusts to files that it may believe.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use futures_util::stream;
use model::{Sha256, Timestamp};
use tough::{
    ExpirationEnforcement, Limits, Repository, RepositoryLoader, Transport, TransportError,
    TransportErrorKind, TransportStream,
    schema::{Role, Signed as SignedFile, Target},
};
use url::Url;

use super::{FOLDER, Online, Signed, metadata, refresh::LARGEST};

/// How large `timestamp.json`, `snapshot.json` and roots may be, in bytes.
const SMALL: u64 = 1 << 20;

/// How many roots are followed from the one that is trusted.
const MOST_ROOTS: u64 = 1024;

/// Stands for wherever the repository is: the client asks for addresses, and no host has this one (RFC 6761 §6.4).
const SOMEWHERE: &str = "https://repository.invalid/";

/// A repository, as far as clients can see it.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// The first `limit` bytes of what is at a path in the repository; nothing if nothing is there.
    ///
    /// # Errors
    /// If it cannot be told.
    async fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>>;
}

/// A folder of this machine.
#[derive(Clone, Debug)]
pub struct FolderSource {
    root: PathBuf,
}

impl FolderSource {
    /// The repository in `root`.
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

#[async_trait]
impl Source for FolderSource {
    async fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let path = self.root.join(path);
        let read = move || match std::fs::File::open(path) {
            Ok(file) => {
                let mut bytes = Vec::new();
                file.take(limit).read_to_end(&mut bytes)?;
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)?
    }
}

/// Why nothing of a repository can be believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The metadata does not lead from the trusted root to anything.
    #[error("the update metadata (TUF) cannot be believed: {0}")]
    Metadata(String),
    /// Names that are not a folder and a file in it.
    #[error("`{name}` cannot be the name of a file in a repository")]
    Name {
        /// The name.
        name: String,
    },
}

/// What can be believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// The last root.
    pub root: Signed,
    /// What the other roles signed.
    pub online: BTreeMap<Online, Signed>,
    /// Files that are what the metadata says, with their digests.
    pub files: BTreeMap<String, Sha256>,
    /// Files that are not.
    pub problems: BTreeMap<String, Problem>,
}

/// Why a file cannot be believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// It is not there.
    Missing,
    /// It has other bytes.
    OtherBytes,
    /// It cannot be read.
    Unreadable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is not there"),
            Self::OtherBytes => f.write_str("it has other bytes than what was signed"),
            Self::Unreadable(why) => write!(f, "it cannot be read: {why}"),
        }
    }
}

/// Does what a client does: goes from `trusted`, a root that was got in some other way, to the last one; checks
/// signatures, versions, expiry and digests; and holds every file that is named against its digest.
///
/// In `state`, a folder that is there, is kept what was seen last, so that nothing older is believed the next time. The
/// time is the machine's.
///
/// # Errors
/// If the metadata cannot be believed. Files that cannot are told in the answer.
pub async fn verify(
    trusted: &[u8],
    source: Arc<dyn Source>,
    state: Option<&Path>,
) -> Result<Verified, VerifyError> {
    let repository = load(trusted, Arc::clone(&source), state).await?;
    let mut verified = Verified {
        root: signed(repository.root()),
        online: BTreeMap::from([
            (Online::Snapshot, signed(repository.snapshot())),
            (Online::Targets, signed(repository.targets())),
            (Online::Timestamp, signed(repository.timestamp())),
        ]),
        files: BTreeMap::new(),
        problems: BTreeMap::new(),
    };
    for (name, target) in &repository.targets().signed.targets {
        let name = checked(name.raw())?;
        match compare(&*source, name, target).await {
            Ok(sha256) => verified.files.insert(name.to_owned(), sha256).map(drop),
            Err(problem) => verified.problems.insert(name.to_owned(), problem).map(drop),
        };
    }
    Ok(verified)
}

async fn load(
    trusted: &[u8],
    source: Arc<dyn Source>,
    state: Option<&Path>,
) -> Result<Repository, VerifyError> {
    let unbelievable = |error: &dyn std::error::Error| VerifyError::Metadata(chain(error));
    let somewhere = Url::parse(SOMEWHERE).map_err(|error| unbelievable(&error))?;
    let folder = somewhere
        .join(&format!("{FOLDER}/"))
        .map_err(|error| unbelievable(&error))?;
    let mut loader = RepositoryLoader::new(&trusted, folder, somewhere)
        .transport(Reader { source })
        .limits(Limits {
            max_root_size: SMALL,
            max_targets_size: LARGEST,
            max_timestamp_size: SMALL,
            max_snapshot_size: SMALL,
            max_root_updates: MOST_ROOTS,
        })
        .expiration_enforcement(ExpirationEnforcement::Safe);
    if let Some(state) = state {
        loader = loader.datastore(state);
    }
    loader.load().await.map_err(|error| unbelievable(&error))
}

/// The name, if it stays in the repository. A client would write the file under it.
pub(super) fn checked(name: &str) -> Result<&str, VerifyError> {
    crate::repository::checked(name).map_err(|_error| VerifyError::Name {
        name: name.escape_debug().to_string(),
    })
}

async fn compare(source: &dyn Source, name: &str, target: &Target) -> Result<Sha256, Problem> {
    // One byte more than there may be tells that there are too many.
    let limit = target.length.saturating_add(1);
    let read = source.read(name, limit).await;
    let bytes = read
        .map_err(|error| Problem::Unreadable(error.to_string()))?
        .ok_or(Problem::Missing)?;
    let sha256 = Sha256::of(&bytes);
    let is_named = target.hashes.sha256.clone().into_vec() == sha256.as_bytes();
    if bytes.len() as u64 == target.length && is_named {
        Ok(sha256)
    } else {
        Err(Problem::OtherBytes)
    }
}

fn signed<T: Role>(file: &SignedFile<T>) -> Signed {
    Signed {
        version: file.signed.version().get(),
        expires: metadata::expires_at(&file.signed),
    }
}

/// An error and what is underneath it, in one line. Some of these repeat in their own words what is underneath.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text.push_str(": ");
            text.push_str(&inner);
        }
        source = error.source();
    }
    text
}

/// Gives the client what it asks for.
#[derive(Clone, Debug)]
struct Reader {
    source: Arc<dyn Source>,
}

#[async_trait]
impl Transport for Reader {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let path = url.path().trim_start_matches('/');
        // The client stops reading where a file has to end, so that nothing is gained by asking for less.
        match self.source.read(path, LARGEST).await {
            Ok(Some(bytes)) => {
                let whole = std::future::ready(Ok(tough::Bytes::from(bytes)));
                Ok(Box::pin(stream::once(whole)))
            }
            Ok(None) => Err(TransportError::new(TransportErrorKind::FileNotFound, url)),
            Err(error) => Err(TransportError::new_with_cause(
                TransportErrorKind::Other,
                url,
                error,
            )),
        }
    }
}

impl Verified {
    /// When the first of what was signed expires.
    pub fn expires(&self) -> Timestamp {
        let online = self.online.values().map(|signed| signed.expires);
        online.fold(self.root.expires, Timestamp::min)
    }

    /// Whether everything that is named can be believed.
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }
}
