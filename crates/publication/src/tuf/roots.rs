//! Roots: which keys sign what. Drafted here, signed here or elsewhere, and taken here.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    num::NonZeroU64,
};

use evidence::{PrivateKey, PublicKey};
use model::Timestamp;
use tough::schema::{RoleKeys, RoleType, Root, Signed};

use super::{
    Online, Refreshed, Tuf, TufError,
    keys::LARGEST_ROOT,
    metadata::{self, SPEC_VERSION, add_signature, key_id, to_bytes, tuf_key},
};
use crate::Backend;

/// The name of a root that was not taken yet, in what is said of it.
const DRAFT: &str = "root.json";

/// What the next root is to say.
#[derive(Clone, Debug, Default)]
pub struct RootPlan {
    /// Whose keys sign roots from then on; those of the last root if empty, or one that is made here for the first.
    pub root_keys: Vec<PublicKey>,
    /// How many of them must sign; as in the last root if not given, or one.
    pub threshold: Option<NonZeroU64>,
    /// Roles that get a new key.
    pub rotate: BTreeSet<Online>,
    /// Whether the key of the root that is here gets a successor.
    pub rotate_root: bool,
}

/// A root that was not taken yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    /// Its version.
    pub version: u64,
    /// Its bytes, with the signatures of those keys that are here.
    pub bytes: Vec<u8>,
    /// Whether enough keys have signed.
    pub is_complete: bool,
}

/// A root with one signature more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedRoot {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it says.
    pub description: RootDescription,
}

/// What a root says, and who says so. Nothing of it is proved but the signatures that are counted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RootDescription {
    /// Its version.
    pub version: u64,
    /// When it expires.
    pub expires: Timestamp,
    /// The names of the keys that sign roots.
    pub root_keys: Vec<String>,
    /// How many of them must sign.
    pub threshold: u64,
    /// The names of those that have signed.
    pub signed_by: Vec<String>,
    /// The names of the keys of the other roles.
    pub online_keys: Vec<(Online, Vec<String>)>,
}

/// A root that was taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Adopted {
    /// Its version.
    pub version: u64,
    /// What was signed anew because of it.
    pub refreshed: Refreshed,
}

impl Tuf {
    /// Whether there is a root.
    ///
    /// # Errors
    /// If the last one cannot be read.
    pub fn is_set_up(&self) -> Result<bool, TufError> {
        Ok(self.keys.last_root()?.is_some())
    }

    /// What the last root says, and its bytes, which clients are given once.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn last_root(&self) -> Result<Option<(RootDescription, Vec<u8>)>, TufError> {
        match self.keys.last_root()? {
            None => Ok(None),
            Some((_, bytes)) => Ok(Some((describe_root(&bytes)?, bytes))),
        }
    }

    /// Makes the keys and the first root here, if there is none yet; answers whether there was none.
    ///
    /// # Errors
    /// If they cannot be made.
    pub fn begin(&self, now: Timestamp) -> Result<bool, TufError> {
        if self.is_set_up()? {
            return Ok(false);
        }
        let draft = self.draft(&RootPlan::default(), now)?;
        match self.take(&draft.bytes, now) {
            Ok(_) => Ok(true),
            // Another process was faster.
            Err(_) if self.is_set_up()? => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The next root, signed by those keys that are here. Nothing is taken yet; drafting again uses the same
    /// keys.
    ///
    /// # Errors
    /// If the last root cannot be read, a key cannot be made, or the plan cannot be.
    pub fn draft(&self, plan: &RootPlan, now: Timestamp) -> Result<Draft, TufError> {
        let last = self.root()?.map(|root| root.signed);
        let root = self.next_root(plan, last.as_ref(), now)?;
        let mut signed = metadata::sign(root, &[])?;
        for key in self.keys.root_signers()? {
            if signs(&signed.signed, &key)? || last_signs(last.as_ref(), &key)? {
                add_signature(&mut signed, &key)?;
            }
        }
        Ok(Draft {
            version: signed.signed.version.get(),
            is_complete: succeeds(last.as_ref(), &signed).is_ok(),
            bytes: to_bytes(&signed)?,
        })
    }

    /// Takes a root that enough keys have signed, those of the last one and its own, and has everything signed anew
    /// that it changes.
    ///
    /// # Errors
    /// [`TufError::Root`] for a root that clients would not take, or that this service could not work with.
    pub fn adopt(
        &self,
        repository: &dyn Backend,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Adopted, TufError> {
        let version = self.take(bytes, now)?;
        let refreshed = self.refresh(repository, now)?;
        Ok(Adopted { version, refreshed })
    }

    /// Has the key that is here sign the next root when half of the life of the last one is over. Without that key it is
    /// left to those who have it.
    pub(super) fn renew_root(&self, now: Timestamp) -> Result<(), TufError> {
        let Some(root) = self.root()? else {
            return Ok(());
        };
        self.finish_changes(&root.signed)?;
        let left = metadata::expires_at(&root.signed).since(now);
        if left >= self.lifetimes.root / 2 || self.keys.root_signers()?.is_empty() {
            return Ok(());
        }
        let draft = self.draft(&RootPlan::default(), now)?;
        if draft.is_complete {
            let version = self.take(&draft.bytes, now)?;
            tracing::info!(
                root.version = version,
                "the root of the update metadata was renewed"
            );
        }
        Ok(())
    }

    fn next_root(
        &self,
        plan: &RootPlan,
        last: Option<&Root>,
        now: Timestamp,
    ) -> Result<Root, TufError> {
        let mut keys = HashMap::new();
        let mut roles = HashMap::new();
        let root_keys = self.root_keys(plan, last)?;
        let threshold = plan
            .threshold
            .or_else(|| {
                last.and_then(|last| last.roles.get(&RoleType::Root))
                    .map(|keys| keys.threshold)
            })
            .unwrap_or(NonZeroU64::MIN);
        let mut add = |role, members: Vec<tough::schema::key::Key>, threshold| {
            let mut keyids = Vec::new();
            for key in members {
                let keyid = key_id(&key)?;
                keyids.push(keyid.clone());
                keys.insert(keyid, key);
            }
            let extra = HashMap::new();
            roles.insert(
                role,
                RoleKeys {
                    keyids,
                    threshold,
                    _extra: extra,
                },
            );
            Ok::<_, TufError>(())
        };
        add(RoleType::Root, root_keys, threshold)?;
        for role in Online::ALL {
            let key = self.online_key(role, plan, last)?;
            add(role.role(), vec![tuf_key(key.public())], NonZeroU64::MIN)?;
        }
        let root = Root {
            spec_version: SPEC_VERSION.to_owned(),
            consistent_snapshot: false,
            version: metadata::next(last.map_or(0, |last| last.version.get()))?,
            expires: metadata::parse_time(&metadata::expiry(now, self.lifetimes.root))?,
            keys,
            roles,
            _extra: HashMap::new(),
        };
        is_workable(&root, now)?;
        Ok(root)
    }

    /// The keys that sign roots from the next one on.
    fn root_keys(
        &self,
        plan: &RootPlan,
        last: Option<&Root>,
    ) -> Result<Vec<tough::schema::key::Key>, TufError> {
        let given = plan.root_keys.iter().map(tuf_key).collect::<Vec<_>>();
        let mut keys = match (given.is_empty(), last) {
            (false, _) => given,
            (true, Some(last)) => last.keys(RoleType::Root).cloned().collect(),
            (true, None) => vec![tuf_key(self.keys.root().signer()?.public())],
        };
        if plan.rotate_root {
            let keyring = self.keys.root();
            let old = keyring.present()?.ok_or_else(|| {
                TufError::root("the key of the root is not here, and so cannot be changed here")
            })?;
            let old = tuf_key(old.public());
            keys.retain(|key| *key != old);
            keys.push(tuf_key(keyring.next()?.public()));
        }
        Ok(keys)
    }

    fn online_key(
        &self,
        role: Online,
        plan: &RootPlan,
        last: Option<&Root>,
    ) -> Result<PrivateKey, TufError> {
        let keyring = self.keys.online(role);
        match last {
            _ if plan.rotate.contains(&role) && last.is_some() => Ok(keyring.next()?),
            Some(last) => self.signer(last, role),
            None => Ok(keyring.signer()?),
        }
    }

    /// Keeps a root for ever, if it is one that follows the last; answers its version.
    fn take(&self, bytes: &[u8], now: Timestamp) -> Result<u64, TufError> {
        let root = parse(bytes)?;
        let last = self.root()?.map(|root| root.signed);
        succeeds(last.as_ref(), &root)?;
        is_workable(&root.signed, now)?;
        for role in Online::ALL {
            self.signer(&root.signed, role)?;
        }
        let version = root.signed.version.get();
        self.keys.keep_root(version, bytes)?;
        self.finish_changes(&root.signed)?;
        Ok(version)
    }

    /// Lets a key that was made to be the next one be the present one, if the root names it.
    fn finish_changes(&self, root: &Root) -> Result<(), TufError> {
        let online = Online::ALL.map(|role| (role.role(), self.keys.online(role)));
        for (role, keyring) in online
            .into_iter()
            .chain([(RoleType::Root, self.keys.root())])
        {
            let Some(next) = keyring.prepared()? else {
                continue;
            };
            let next = key_id(&tuf_key(next.public()))?;
            let is_named = root
                .roles
                .get(&role)
                .is_some_and(|keys| keys.keyids.contains(&next));
            if is_named {
                keyring.change()?;
            }
        }
        Ok(())
    }
}

/// Signs a root that may have been drafted elsewhere. Whoever does this should have looked at [`describe_root`] before.
///
/// # Errors
/// If it is no root, or the key is none that could sign it.
pub fn sign_root(
    bytes: &[u8],
    last: Option<&[u8]>,
    key: &PrivateKey,
) -> Result<SignedRoot, TufError> {
    let mut root = parse(bytes)?;
    let last = last.map(parse).transpose()?.map(|last| last.signed);
    if !signs(&root.signed, key)? && !last_signs(last.as_ref(), key)? {
        return Err(TufError::root(format!(
            "it does not name key {} as one that signs roots",
            hex::encode(key_id(&tuf_key(key.public()))?.into_vec())
        )));
    }
    add_signature(&mut root, key)?;
    let bytes = to_bytes(&root)?;
    let description = describe_root(&bytes)?;
    Ok(SignedRoot { bytes, description })
}

/// What a root says.
///
/// # Errors
/// If it is none.
pub fn describe_root(bytes: &[u8]) -> Result<RootDescription, TufError> {
    let root = parse(bytes)?;
    let names = |role| -> Vec<String> {
        let keys = root.signed.roles.get(&role);
        let keyids = keys.map(|keys| keys.keyids.clone()).unwrap_or_default();
        keyids
            .into_iter()
            .map(|keyid| hex::encode(keyid.into_vec()))
            .collect()
    };
    let threshold = root.signed.roles.get(&RoleType::Root);
    Ok(RootDescription {
        version: root.signed.version.get(),
        expires: metadata::expires_at(&root.signed),
        root_keys: names(RoleType::Root),
        threshold: threshold.map_or(0, |keys| keys.threshold.get()),
        signed_by: signed_by(&root),
        online_keys: Online::ALL
            .into_iter()
            .map(|role| (role, names(role.role())))
            .collect(),
    })
}

/// The names of the keys in the root whose signatures on it hold, each once.
fn signed_by(root: &Signed<Root>) -> Vec<String> {
    let mut names = Vec::new();
    for signature in &root.signatures {
        let Some(key) = root.signed.keys.get(&signature.keyid) else {
            continue;
        };
        // The library answers whether a threshold is met: ask it about a root with one key and this signature.
        let keyid = signature.keyid.clone();
        let mut one = root.signed.clone();
        one.keys = HashMap::from([(keyid.clone(), key.clone())]);
        let role = RoleKeys {
            keyids: vec![keyid.clone()],
            threshold: NonZeroU64::MIN,
            _extra: HashMap::new(),
        };
        one.roles = HashMap::from([(RoleType::Root, role)]);
        let alone = Signed {
            signed: root.signed.clone(),
            signatures: vec![signature.clone()],
        };
        let name = hex::encode(keyid.into_vec());
        if one.verify_role(&alone).is_ok() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn parse(bytes: &[u8]) -> Result<Signed<Root>, TufError> {
    if bytes.len() as u64 > LARGEST_ROOT {
        return Err(TufError::root("it is larger than any root"));
    }
    let root: Signed<Root> = metadata::from_bytes(DRAFT, bytes)?;
    // The library takes any JSON that has the members of a root.
    let tag = serde_json::from_slice::<serde_json::Value>(bytes)
        .ok()
        .and_then(|value| Some(value.get("signed")?.get("_type")?.as_str()? == "root"));
    if tag != Some(true) {
        return Err(TufError::root("it is metadata of another role"));
    }
    Ok(root)
}

/// Whether the key is one that signs roots, as `root` itself says.
fn signs(root: &Root, key: &PrivateKey) -> Result<bool, TufError> {
    let keyid = key_id(&tuf_key(key.public()))?;
    let keys = root.roles.get(&RoleType::Root);
    Ok(keys.is_some_and(|keys| keys.keyids.contains(&keyid)))
}

fn last_signs(last: Option<&Root>, key: &PrivateKey) -> Result<bool, TufError> {
    last.map_or(Ok(false), |last| signs(last, key))
}

/// Whether a client that trusts `last` would take `root` (section 5.3 of the specification).
fn succeeds(last: Option<&Root>, root: &Signed<Root>) -> Result<(), TufError> {
    let version = root.signed.version.get();
    let expected = metadata::next(last.map_or(0, |last| last.version.get()))?.get();
    if version != expected {
        return Err(TufError::root(format!(
            "its version is {version}, and the next one is {expected}"
        )));
    }
    if let Some(last) = last {
        last.verify_role(root)
            .map_err(|error| TufError::root(format!("the keys of the last root: {error}")))?;
    }
    root.signed
        .verify_role(root)
        .map_err(|error| TufError::root(format!("its own keys: {error}")))
}

/// Whether this service could work with the root.
fn is_workable(root: &Root, now: Timestamp) -> Result<(), TufError> {
    if metadata::expires_at(root) <= now {
        return Err(TufError::root("it has expired"));
    }
    if root.consistent_snapshot {
        return Err(TufError::root(
            "it asks for consistent snapshots, under whose names Munki would find nothing",
        ));
    }
    for role in [RoleType::Root]
        .into_iter()
        .chain(Online::ALL.map(Online::role))
    {
        let Some(keys) = root.roles.get(&role) else {
            return Err(TufError::root(format!("it names no keys for `{role}`")));
        };
        let distinct: HashSet<_> = keys.keyids.iter().collect();
        let usable = distinct.len() as u64;
        if role != RoleType::Root && keys.threshold != NonZeroU64::MIN {
            return Err(TufError::root(format!(
                "`{role}` must be signed by several keys, and only one is here"
            )));
        }
        if keys.threshold.get() > usable {
            return Err(TufError::root(format!(
                "`{role}` must be signed by {} keys, and it names {usable}",
                keys.threshold
            )));
        }
    }
    Ok(())
}
