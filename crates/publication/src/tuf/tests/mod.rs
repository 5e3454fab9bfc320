//! Update metadata, as the service writes it and as clients see it.

mod attacks;
mod independent;
mod refreshing;
mod roots;

use std::{path::Path, sync::Arc, time::Duration};

use evidence::PrivateKey;
use model::{Clock as _, SystemClock, Timestamp};
use tempfile::TempDir;
use tough::schema::{Signed as SignedFile, Snapshot, Timestamp as TimestampRole};

use super::{FolderSource, Lifetimes, Refreshed, Tuf, Verified, VerifyError, metadata, verify};
use crate::{FolderRepository, Kind, Repository as _};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A service with a repository and keys, and a client that trusts its first root.
struct House {
    folder: TempDir,
    repository: FolderRepository,
    tuf: Tuf,
    now: Timestamp,
}

impl House {
    /// With two catalogs, a manifest and icons.
    fn new() -> Self {
        let house = Self::empty();
        house.put(Kind::Catalogs, "testing", b"testing 1");
        house.put(Kind::Catalogs, "production", b"production 1");
        house.put(Kind::Manifests, "site_default", b"manifest 1");
        house.put(Kind::Icons, "_icon_hashes.plist", b"icons 1");
        house.tuf.begin(house.now).unwrap();
        house.refresh();
        house
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = FolderRepository::create(&folder.path().join("repo")).unwrap();
        let tuf = Tuf::new(folder.path().join("keys"), Lifetimes::default());
        Self {
            folder,
            repository,
            tuf,
            // The client's library takes the time from the machine.
            now: SystemClock.now(),
        }
    }

    fn put(&self, kind: Kind, location: &str, contents: &[u8]) {
        self.repository.put(kind, location, contents).unwrap();
    }

    fn refresh(&self) -> Refreshed {
        self.tuf.refresh(&self.repository, self.now).unwrap()
    }

    fn root(&self, version: u64) -> Vec<u8> {
        let name = format!("{version}.root.json");
        self.repository.get(Kind::Tuf, &name).unwrap()
    }

    /// What a client finds that trusts the first root and has never been here.
    fn verify(&self) -> Result<Verified, VerifyError> {
        client(&self.root(1), self.repository.root(), None)
    }

    /// What a client finds that remembers.
    fn verify_again(&self, client_: &Client) -> Result<Verified, VerifyError> {
        client(
            &client_.root,
            self.repository.root(),
            Some(client_.state.path()),
        )
    }

    fn client(&self) -> Client {
        Client {
            root: self.root(1),
            state: tempfile::tempdir().unwrap(),
        }
    }

    /// The key of a role, which only the service has, or whoever broke in.
    fn key(&self, role: &str) -> PrivateKey {
        let path = self.folder.path().join("keys").join(format!("{role}.pem"));
        PrivateKey::from_pem(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Signs `change`d metadata as somebody would who has `key`.
    fn forge<T: tough::schema::Role + serde::de::DeserializeOwned>(
        &self,
        name: &str,
        key: &PrivateKey,
        change: impl FnOnce(&mut T),
    ) {
        let bytes = self.repository.get(Kind::Tuf, name).unwrap();
        let mut file: SignedFile<T> = metadata::from_bytes(name, &bytes).unwrap();
        change(&mut file.signed);
        let forged = metadata::sign(file.signed, std::slice::from_ref(key)).unwrap();
        self.put(Kind::Tuf, name, &metadata::to_bytes(&forged).unwrap());
    }

    /// Has `snapshot` and `timestamp` of that version name the `targets` that are there, of theirs; as somebody would
    /// who has the keys of these two.
    fn forge_names(&self, targets: u64, version: u64) {
        let version = version.try_into().unwrap();
        let named = |name| metadata::Named::of(&self.repository.get(Kind::Tuf, name).unwrap());
        let file = named("targets.json");
        self.forge::<Snapshot>("snapshot.json", &self.key("snapshot"), |snapshot| {
            snapshot.version = version;
            snapshot.meta = metadata::meta("targets.json", targets.try_into().unwrap(), file);
        });
        let file = named("snapshot.json");
        self.forge::<TimestampRole>("timestamp.json", &self.key("timestamp"), |timestamp| {
            timestamp.version = version;
            timestamp.meta = metadata::meta("snapshot.json", version, file);
        });
    }

    /// A copy of all metadata, as somebody may keep one and serve it later.
    fn copy(&self) -> Vec<(String, Vec<u8>)> {
        let names = self.repository.list(Kind::Tuf).unwrap();
        names
            .into_iter()
            .map(|name| {
                let bytes = self.repository.get(Kind::Tuf, &name).unwrap();
                (name, bytes)
            })
            .collect()
    }

    fn put_back(&self, copy: &[(String, Vec<u8>)]) {
        for (name, bytes) in copy {
            self.put(Kind::Tuf, name, bytes);
        }
    }
}

/// A client that remembers.
struct Client {
    root: Vec<u8>,
    state: TempDir,
}

fn client(root: &[u8], repository: &Path, state: Option<&Path>) -> Result<Verified, VerifyError> {
    let source = Arc::new(FolderSource::new(repository.to_owned()));
    run(verify(root, source, state))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

fn refused(answer: Result<Verified, VerifyError>) -> String {
    answer.unwrap_err().to_string()
}
