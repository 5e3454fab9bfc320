//! Files of metadata: made, signed, written as bytes, and read back.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU64,
    time::Duration,
};

use evidence::{PrivateKey, PublicKey};
use model::{Sha256, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use tough::{
    TargetName,
    schema::{
        Hashes, Metafile, Role, Root, Signature, Signed, Snapshot, Target, Targets,
        Timestamp as TimestampRole,
        decoded::{Decoded, Hex},
        key::{Ed25519Key, Ed25519Scheme, Key},
    },
};

use super::TufError;

/// The version of the specification that the files name; its three numbers are what clients of 1.x ask for.
pub(super) const SPEC_VERSION: &str = "1.0.0";

/// A file that is named by its digest and length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Named {
    pub(super) sha256: Sha256,
    pub(super) len_bytes: u64,
}

impl Named {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            sha256: Sha256::of(bytes),
            len_bytes: bytes.len() as u64,
        }
    }

    fn hashes(self) -> Hashes {
        Hashes {
            sha256: self.sha256.as_bytes().to_vec().into(),
            _extra: HashMap::new(),
        }
    }

    pub(super) fn target(self) -> Target {
        Target {
            length: self.len_bytes,
            hashes: self.hashes(),
            custom: HashMap::new(),
            _extra: HashMap::new(),
        }
    }

    fn metafile(self, version: NonZeroU64) -> Metafile {
        Metafile {
            length: Some(self.len_bytes),
            hashes: Some(self.hashes()),
            version,
            _extra: HashMap::new(),
        }
    }
}

/// A role's file that names another one.
pub(super) fn meta(name: &str, version: NonZeroU64, file: Named) -> HashMap<String, Metafile> {
    HashMap::from([(name.to_owned(), file.metafile(version))])
}

/// Files as `targets.json` names them.
pub(super) fn target_list(
    files: &BTreeMap<String, Named>,
) -> Result<HashMap<TargetName, Target>, TufError> {
    let named = |(name, file): (&String, &Named)| {
        let parsed = name.parse();
        parsed
            .map(|parsed| (parsed, file.target()))
            .map_err(|error: tough::error::Error| TufError::metadata(name, &error))
    };
    files.iter().map(named).collect()
}

/// What `targets.json` says.
pub(super) fn targets(
    version: NonZeroU64,
    expires: &str,
    files: HashMap<TargetName, Target>,
) -> Result<Targets, TufError> {
    let mut targets = Targets::new(SPEC_VERSION.to_owned(), version, parse_time(expires)?);
    targets.delegations = None;
    targets.targets = files;
    Ok(targets)
}

/// What `snapshot.json` says.
pub(super) fn snapshot(
    version: NonZeroU64,
    expires: &str,
    (targets_version, targets): (NonZeroU64, Named),
) -> Result<Snapshot, TufError> {
    let mut snapshot = Snapshot::new(SPEC_VERSION.to_owned(), version, parse_time(expires)?);
    snapshot.meta = meta("targets.json", targets_version, targets);
    Ok(snapshot)
}

/// What `timestamp.json` says.
pub(super) fn timestamp(
    version: NonZeroU64,
    expires: &str,
    (snapshot_version, snapshot): (NonZeroU64, Named),
) -> Result<TimestampRole, TufError> {
    let mut timestamp = TimestampRole::new(SPEC_VERSION.to_owned(), version, parse_time(expires)?);
    timestamp.meta = meta("snapshot.json", snapshot_version, snapshot);
    Ok(timestamp)
}

/// Signs what a role says.
pub(super) fn sign<T: Role>(role: T, keys: &[PrivateKey]) -> Result<Signed<T>, TufError> {
    let mut signed = Signed {
        signed: role,
        signatures: Vec::new(),
    };
    for key in keys {
        add_signature(&mut signed, key)?;
    }
    Ok(signed)
}

/// Adds a signature in place of one that the same key made before.
pub(super) fn add_signature<T: Role>(
    signed: &mut Signed<T>,
    key: &PrivateKey,
) -> Result<(), TufError> {
    let message = signed
        .signed
        .canonical_form()
        .map_err(|error| TufError::metadata(&signed.signed.filename(false), &error))?;
    let keyid = key_id(&tuf_key(key.public()))?;
    signed
        .signatures
        .retain(|signature| signature.keyid != keyid);
    signed.signatures.push(Signature {
        keyid,
        sig: key.sign(&message).to_vec().into(),
    });
    Ok(())
}

/// A key as metadata holds it.
pub(super) fn tuf_key(key: &PublicKey) -> Key {
    Key::Ed25519 {
        keyval: Ed25519Key {
            public: key.as_bytes().to_vec().into(),
            _extra: HashMap::new(),
        },
        scheme: Ed25519Scheme::Ed25519,
        _extra: HashMap::new(),
    }
}

/// The name of a key in metadata.
pub(super) fn key_id(key: &Key) -> Result<Decoded<Hex>, TufError> {
    key.key_id()
        .map_err(|error| TufError::metadata("key", &error))
}

/// The bytes of a file; the same for the same contents.
pub(super) fn to_bytes<T: Role>(signed: &Signed<T>) -> Result<Vec<u8>, TufError> {
    let failed = |error| TufError::metadata(&signed.signed.filename(false), &error);
    let mut value = serde_json::to_value(signed).map_err(failed)?;
    value.sort_all_objects();
    let mut bytes = serde_json::to_vec_pretty(&value).map_err(failed)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a file. Nothing of it is believed before its signatures are checked.
pub(super) fn from_bytes<T: Serialize + DeserializeOwned>(
    name: &str,
    bytes: &[u8],
) -> Result<Signed<T>, TufError> {
    serde_json::from_slice(bytes).map_err(|error| TufError::metadata(name, &error))
}

/// Reads a root that its own keys have signed.
pub(super) fn root_from_bytes(name: &str, bytes: &[u8]) -> Result<Signed<Root>, TufError> {
    let root: Signed<Root> = from_bytes(name, bytes)?;
    root.signed
        .verify_role(&root)
        .map_err(|error| TufError::metadata(name, &error))?;
    Ok(root)
}

/// When something that is signed now expires, as the files tell it: with whole seconds, which some clients insist on.
pub(super) fn expiry(now: Timestamp, lifetime: Duration) -> String {
    now.plus(lifetime).to_string()
}

/// When a role's word expires.
pub(super) fn expires_at(role: &impl Role) -> Timestamp {
    Timestamp::from_secs(role.expires().as_second())
}

/// The metadata's own type of time, which nothing else here names.
pub(super) fn parse_time<T: std::str::FromStr>(text: &str) -> Result<T, TufError> {
    text.parse()
        .map_err(|_out_of_range| TufError::metadata(text, &"this is no time"))
}

/// The version behind `version`.
pub(super) fn next(version: u64) -> Result<NonZeroU64, TufError> {
    version
        .checked_add(1)
        .and_then(NonZeroU64::new)
        .ok_or_else(|| TufError::metadata("version", &"there is none behind this one"))
}
