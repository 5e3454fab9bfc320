//! Metadata that says what the repository holds now.

use std::{collections::BTreeMap, io::Read as _, num::NonZeroU64, path::Path, time::Duration};

use evidence::PrivateKey;
use model::Timestamp;
use serde::de::DeserializeOwned;
use tough::schema::{Role, Root, Signed as SignedFile};
use unicode_normalization::is_nfc;

use super::{
    FOLDER, Online, Tuf, TufError,
    digests::Digests,
    keys::Versions,
    metadata::{self, Named},
};
use crate::{Backend, Held, Kind, Repository, RepositoryError, catalogs::ICON_HASHES};

/// The largest metadata that is read, in bytes.
pub(super) const LARGEST: u64 = 64 << 20;

/// What a role has signed last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Signed {
    /// Its version.
    pub version: u64,
    /// When its word expires.
    pub expires: Timestamp,
}

/// What refreshing the metadata did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refreshed {
    /// The files that were written, relative to the repository; none if everything was as it should be.
    pub written: Vec<String>,
    /// Files that Munki can ask for, but that cannot be named in metadata, and why.
    pub skipped: Vec<(String, &'static str)>,
    /// How many files the metadata names.
    pub targets: usize,
    /// The last root.
    pub root: Signed,
    /// Whether the root is about to expire, and somebody must sign the next one, because its key is not here.
    pub root_is_due: bool,
    /// What else was signed last.
    pub online: BTreeMap<Online, Signed>,
}

impl Tuf {
    /// Writes what the repository holds now, as far as it is not written yet, and signs anew what is about to expire.
    ///
    /// It waits while another process writes. It is for a thread that may block.
    ///
    /// # Errors
    /// If there is no root, a key is not here, or something cannot be read or written.
    pub fn refresh(&self, repository: &dyn Backend, now: Timestamp) -> Result<Refreshed, TufError> {
        self.renew_root(now)?;
        let held = repository.lock()?;
        self.refresh_locked(repository, &*held, now)
    }

    fn refresh_locked(
        &self,
        repository: &dyn Backend,
        held: &dyn Held,
        now: Timestamp,
    ) -> Result<Refreshed, TufError> {
        let root = self.root()?.ok_or(TufError::NoRoot)?.signed;
        let expires = metadata::expires_at(&root);
        if expires <= now {
            return Err(TufError::RootExpired {
                expired: expires.to_string(),
            });
        }
        let mut round = Round {
            tuf: self,
            repository,
            held,
            root: &root,
            now,
            versions: self.keys.versions()?,
            pending: Vec::new(),
            online: BTreeMap::new(),
        };
        let (files, skipped) = files(repository)?;
        let targets = round.targets(&files)?;
        let snapshot = round.snapshot(targets)?;
        round.timestamp(snapshot)?;
        let online = round.online.clone();
        Ok(Refreshed {
            written: round.write()?,
            skipped,
            targets: files.len(),
            root: Signed {
                version: root.version.get(),
                expires,
            },
            root_is_due: expires.since(now) < self.lifetimes.root / 6,
            online,
        })
    }
}

impl Tuf {
    /// What the roles that sign by themselves have signed last, as far as it is there and signed by the right keys.
    ///
    /// # Errors
    /// If there is no root, or something cannot be read.
    pub fn signed(
        &self,
        repository: &dyn Repository,
    ) -> Result<BTreeMap<Online, Signed>, TufError> {
        let root = self.root()?.ok_or(TufError::NoRoot)?.signed;
        let mut found = BTreeMap::new();
        let targets = there::<tough::schema::Targets>(repository, &root, "targets.json")?;
        found.extend(targets.and_then(|(role, _)| online(&role)));
        let snapshot = there::<tough::schema::Snapshot>(repository, &root, "snapshot.json")?;
        found.extend(snapshot.and_then(|(role, _)| online(&role)));
        let timestamp = there::<tough::schema::Timestamp>(repository, &root, "timestamp.json")?;
        found.extend(timestamp.and_then(|(role, _)| online(&role)));
        Ok(found)
    }
}

/// What a role has signed and how the file is named, if it is there and signed by whom the root names.
fn there<T: Role + DeserializeOwned>(
    repository: &dyn Repository,
    root: &Root,
    name: &str,
) -> Result<Option<(T, Named)>, TufError> {
    Ok(read(repository, name)?.and_then(|bytes| {
        let signed: SignedFile<T> = metadata::from_bytes(name, &bytes).ok()?;
        root.verify_role(&signed).ok()?;
        Some((signed.signed, Named::of(&bytes)))
    }))
}

/// One refreshing: what is there, and what is to be written.
struct Round<'a> {
    tuf: &'a Tuf,
    repository: &'a dyn Backend,
    held: &'a dyn Held,
    root: &'a Root,
    now: Timestamp,
    versions: Versions,
    /// In the order in which it is written.
    pending: Vec<(&'static str, Vec<u8>)>,
    online: BTreeMap<Online, Signed>,
}

impl Round<'_> {
    fn targets(
        &mut self,
        files: &BTreeMap<String, Named>,
    ) -> Result<(NonZeroU64, Named), TufError> {
        let lifetime = self.tuf.lifetimes.targets;
        let wanted = metadata::target_list(files)?;
        let recorded = self.versions.targets;
        let same = |there: &tough::schema::Targets| there.targets == wanted;
        let (version, file) = match self.keep("targets.json", lifetime, recorded, same)? {
            Ok(kept) => kept,
            Err(version) => {
                let role = metadata::targets(version, &self.expiry(lifetime), wanted)?;
                self.sign("targets.json", Online::Targets, role)?
            }
        };
        self.versions.targets = version.get();
        Ok((version, file))
    }

    fn snapshot(&mut self, targets: (NonZeroU64, Named)) -> Result<(NonZeroU64, Named), TufError> {
        let lifetime = self.tuf.lifetimes.snapshot;
        let meta = metadata::meta("targets.json", targets.0, targets.1);
        let recorded = self.versions.snapshot;
        let same = |there: &tough::schema::Snapshot| there.meta == meta;
        let (version, file) = match self.keep("snapshot.json", lifetime, recorded, same)? {
            Ok(kept) => kept,
            Err(version) => {
                let role = metadata::snapshot(version, &self.expiry(lifetime), targets)?;
                self.sign("snapshot.json", Online::Snapshot, role)?
            }
        };
        self.versions.snapshot = version.get();
        Ok((version, file))
    }

    fn timestamp(&mut self, snapshot: (NonZeroU64, Named)) -> Result<(), TufError> {
        let lifetime = self.tuf.lifetimes.timestamp;
        let meta = metadata::meta("snapshot.json", snapshot.0, snapshot.1);
        let recorded = self.versions.timestamp;
        let same = |there: &tough::schema::Timestamp| there.meta == meta;
        let (version, _) = match self.keep("timestamp.json", lifetime, recorded, same)? {
            Ok(kept) => kept,
            Err(version) => {
                let role = metadata::timestamp(version, &self.expiry(lifetime), snapshot)?;
                self.sign("timestamp.json", Online::Timestamp, role)?
            }
        };
        self.versions.timestamp = version.get();
        Ok(())
    }

    /// The file that is there, if it says what it should, for long enough; otherwise the version of the next one.
    ///
    /// What nobody signed whom the root names, or was signed before what is recorded, is as good as not there.
    fn keep<T: Role + DeserializeOwned>(
        &mut self,
        name: &str,
        lifetime: Duration,
        recorded: u64,
        says_the_same: impl Fn(&T) -> bool,
    ) -> Result<Result<(NonZeroU64, Named), NonZeroU64>, TufError> {
        let Some((role, file)) = there::<T>(self.repository, self.root, name)? else {
            return Ok(Err(metadata::next(recorded)?));
        };
        let version = role.version();
        let left = metadata::expires_at(&role).since(self.now);
        let is_fresh = left >= lifetime / 2 && left <= lifetime;
        if version.get() < recorded || !is_fresh || !says_the_same(&role) {
            return Ok(Err(metadata::next(recorded.max(version.get()))?));
        }
        self.online.extend(online(&role));
        Ok(Ok((version, file)))
    }

    fn sign<T: Role>(
        &mut self,
        name: &'static str,
        by: Online,
        role: T,
    ) -> Result<(NonZeroU64, Named), TufError> {
        let version = role.version();
        self.online.extend(online(&role));
        let signed = metadata::sign(role, &[self.tuf.signer(self.root, by)?])?;
        let bytes = metadata::to_bytes(&signed)?;
        let file = Named::of(&bytes);
        self.pending.push((name, bytes));
        Ok((version, file))
    }

    fn expiry(&self, lifetime: Duration) -> String {
        metadata::expiry(self.now, lifetime)
    }

    /// Notes the versions, and then writes what names nothing before what names it.
    fn write(self) -> Result<Vec<String>, TufError> {
        let mut written = Vec::new();
        for version in 1..=self.root.version.get() {
            let bytes = self.tuf.keys.root_file(version)?.ok_or(TufError::NoRoot)?;
            let name = format!("{version}.root.json");
            if read(self.repository, &name)?.as_deref() != Some(&bytes) {
                put(self.repository, &name, &bytes, &mut written)?;
            }
        }
        self.held.check()?;
        if !self.pending.is_empty() {
            self.tuf.keys.note(&self.versions)?;
        }
        for (name, bytes) in &self.pending {
            put(self.repository, name, bytes, &mut written)?;
        }
        Ok(written)
    }
}

impl Tuf {
    /// The last root that was taken.
    pub(super) fn root(&self) -> Result<Option<SignedFile<Root>>, TufError> {
        let Some((version, bytes)) = self.keys.last_root()? else {
            return Ok(None);
        };
        let name = format!("{version}.root.json");
        metadata::root_from_bytes(&name, &bytes).map(Some)
    }

    /// The key that `root` names for a role: the present one, or the next one if a crash kept it from becoming that.
    pub(super) fn signer(&self, root: &Root, role: Online) -> Result<PrivateKey, TufError> {
        let keyring = self.keys.online(role);
        let named: Vec<_> = root
            .roles
            .get(&role.role())
            .map(|keys| keys.keyids.clone())
            .unwrap_or_default();
        for key in [keyring.present()?, keyring.prepared()?]
            .into_iter()
            .flatten()
        {
            if named.contains(&metadata::key_id(&metadata::tuf_key(key.public()))?) {
                return Ok(key);
            }
        }
        let named = named
            .into_iter()
            .map(|keyid| hex::encode(keyid.into_vec()))
            .collect::<Vec<_>>();
        Err(TufError::NoKey {
            role,
            named: named.join(", "),
        })
    }
}

fn online(role: &impl Role) -> Option<(Online, Signed)> {
    let name = role.filename(false);
    let by = name.strip_suffix(".json")?.parse().ok()?;
    Some((
        by,
        Signed {
            version: role.version().get(),
            expires: metadata::expires_at(role),
        },
    ))
}

type Files = BTreeMap<String, Named>;
type Skipped = Vec<(String, &'static str)>;

/// Everything that Munki asks for by name and believes without a digest.
fn files(repository: &dyn Backend) -> Result<(Files, Skipped), RepositoryError> {
    let mut found = Files::new();
    let mut skipped = Skipped::new();
    let mut digests = Digests::of(repository);
    for kind in [Kind::Catalogs, Kind::ClientResources, Kind::Manifests] {
        for (location, seen) in repository.list_stamped(kind)? {
            let name = format!("{kind}/{location}");
            // Canonical JSON composes what is signed in one library, and leaves it as it is in another.
            if !is_nfc(&name) {
                skipped.push((name, "its name is written with combining marks (not NFC)"));
                continue;
            }
            match digests.digest((kind, &location), seen) {
                Ok(Some(named)) => {
                    found.insert(name, named);
                }
                Ok(None) | Err(RepositoryError::Location { .. }) => {
                    skipped.push((name, "its name is not text that can stand in metadata"));
                }
                Err(error) => return Err(error),
            }
        }
    }
    if let Some(named) = digests.digest((Kind::Icons, ICON_HASHES), None)? {
        found.insert(format!("{}/{ICON_HASHES}", Kind::Icons), named);
    }
    digests.note();
    Ok((found, skipped))
}

/// A file of metadata; what is larger than anything that is written here is as good as not there.
fn read(repository: &dyn Repository, name: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
    let file = match repository.open(Kind::Tuf, name) {
        Ok(file) => file,
        Err(RepositoryError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut bytes)
        .map_err(|source| RepositoryError::io(&Path::new(FOLDER).join(name), source))?;
    Ok(Some(bytes))
}

fn put(
    repository: &dyn Backend,
    name: &str,
    bytes: &[u8],
    written: &mut Vec<String>,
) -> Result<(), RepositoryError> {
    repository
        .prepare_pieces(Kind::Tuf, name, &[bytes])?
        .replace()?;
    written.push(format!("{FOLDER}/{name}"));
    Ok(())
}
