//! Signed files: read, and believed once enough of the right keys have signed them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use evidence::PublicKey;
use model::Sha256;
use serde_json::{Map, Value};

/// How many keys, signatures and key names are looked at.
const MOST: usize = 64;

/// Why update metadata cannot be believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateFault {
    /// It has run out.
    #[error("{file} has expired")]
    Expired {
        /// Which file.
        file: String,
    },
    /// It is not what such a file is.
    #[error("{file} {why}")]
    Form {
        /// Which file.
        file: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A file that is named is not there.
    #[error("{file} is missing")]
    Missing {
        /// Which file.
        file: String,
    },
    /// It is not the file that is named by the one before it.
    #[error("{file} is not the one that was signed for")]
    Other {
        /// Which file.
        file: String,
    },
    /// Too few of the keys that count have signed it.
    #[error("{file} is not signed by those who must sign it")]
    Signature {
        /// Which file.
        file: String,
    },
    /// It is older than what was seen before.
    #[error("{file} is older than what was seen before")]
    Older {
        /// Which file.
        file: String,
    },
}

/// A file whose signatures have not been looked at yet.
#[derive(Debug)]
pub(super) struct Unverified {
    file: String,
    signed: Map<String, Value>,
    signatures: Vec<(String, Vec<u8>)>,
}

/// What a file says once it is believed.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    file: String,
    members: Map<String, Value>,
    pub(super) version: u64,
    expires: DateTime<Utc>,
}

/// Who must sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Role {
    keys: BTreeSet<String>,
    threshold: usize,
}

/// A file as another one names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Named {
    pub(super) version: u64,
    digest: Option<Sha256>,
    len: Option<u64>,
}

/// The root: whose signatures count for what.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) signed: Signed,
    keys: BTreeMap<String, PublicKey>,
    roles: BTreeMap<String, Role>,
}

impl Unverified {
    /// Reads `file`.
    ///
    /// # Errors
    /// [`UpdateFault::Form`].
    pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Self, UpdateFault> {
        let wrong = |why| form(file, why);
        let Ok(Value::Object(mut whole)) = serde_json::from_slice(bytes) else {
            return Err(wrong("is no JSON object"));
        };
        let Some(Value::Object(signed)) = whole.remove("signed") else {
            return Err(wrong("holds nothing that is signed"));
        };
        let signatures = whole.get("signatures").and_then(Value::as_array);
        let signatures = signatures.ok_or_else(|| wrong("has no signatures"))?;
        if signatures.len() > MOST {
            return Err(wrong("has too many signatures"));
        }
        let signature = |value: &Value| {
            let text = |key: &str| value.get(key).and_then(Value::as_str);
            let bytes = hex::decode(text("sig")?).ok()?;
            Some((text("keyid")?.to_owned(), bytes))
        };
        Ok(Self {
            file: file.to_owned(),
            signatures: signatures.iter().filter_map(signature).collect(),
            signed,
        })
    }

    /// What it says, if enough of the keys of `role` in `root` have signed it.
    ///
    /// # Errors
    /// [`UpdateFault::Signature`], or that it is not a file of `role`.
    pub(super) fn believe(self, root: &Root, role: &str) -> Result<Signed, UpdateFault> {
        if !self.is_signed(&root.keys, root.role(role)) {
            return Err(UpdateFault::Signature { file: self.file });
        }
        self.open(role)
    }

    fn is_signed(&self, keys: &BTreeMap<String, PublicKey>, role: Option<&Role>) -> bool {
        let Some(role) = role else {
            return false;
        };
        let message = canonical(&Value::Object(self.signed.clone()));
        let good = self.signatures.iter().filter(|(id, signature)| {
            let key = keys.get(id).filter(|_| role.keys.contains(id));
            key.is_some_and(|key| key.has_signed(&message, signature))
        });
        // One key counts once, however often it has signed.
        let signers: BTreeSet<&String> = good.map(|(id, _)| id).collect();
        signers.len() >= role.threshold
    }

    fn open(self, role: &str) -> Result<Signed, UpdateFault> {
        let wrong = |why| form(&self.file, why);
        let text = |key: &str| self.signed.get(key).and_then(Value::as_str);
        if text("_type") != Some(role) {
            return Err(wrong("is of another kind"));
        }
        if !text("spec_version").is_some_and(|version| version.starts_with("1.")) {
            return Err(wrong("is of another version of the specification"));
        }
        let version = self.signed.get("version").and_then(Value::as_u64);
        let version = version.filter(|version| *version > 0);
        let expires = text("expires").and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        let (Some(version), Some(expires)) = (version, expires) else {
            return Err(wrong("has no version or no end"));
        };
        Ok(Signed {
            version,
            expires: expires.to_utc(),
            file: self.file,
            members: self.signed,
        })
    }
}

impl Signed {
    /// That it still holds at `now`.
    ///
    /// # Errors
    /// [`UpdateFault::Expired`].
    pub(super) fn must_hold(&self, now: DateTime<Utc>) -> Result<(), UpdateFault> {
        if self.expires > now {
            return Ok(());
        }
        Err(UpdateFault::Expired {
            file: self.file.clone(),
        })
    }

    /// That it is not older than `version`.
    ///
    /// # Errors
    /// [`UpdateFault::Older`].
    pub(super) fn must_follow(&self, version: u64) -> Result<(), UpdateFault> {
        if self.version >= version {
            return Ok(());
        }
        Err(UpdateFault::Older {
            file: self.file.clone(),
        })
    }

    /// The file that it names in `meta`.
    ///
    /// # Errors
    /// [`UpdateFault::Form`].
    pub(super) fn names(&self, file: &str) -> Result<Named, UpdateFault> {
        let meta = self.members.get("meta").and_then(|meta| meta.get(file));
        meta.and_then(Named::read)
            .ok_or_else(|| form(&self.file, "does not name the file that it must name"))
    }

    /// The files of the repository that it names, and their digests.
    ///
    /// # Errors
    /// [`UpdateFault::Form`].
    pub(super) fn targets(&self) -> Result<BTreeMap<String, (Sha256, u64)>, UpdateFault> {
        let wrong = || form(&self.file, "names a file without its digest and length");
        let targets = self.members.get("targets").and_then(Value::as_object);
        let read = |(name, target): (&String, &Value)| {
            let len = target.get("length").and_then(Value::as_u64);
            Some((name.clone(), (digest(target)?, len?)))
        };
        let targets = targets.ok_or_else(wrong)?.iter().map(read);
        targets.collect::<Option<_>>().ok_or_else(wrong)
    }
}

impl Named {
    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            version: value.get("version").and_then(Value::as_u64)?,
            digest: digest(value),
            len: value.get("length").and_then(Value::as_u64),
        })
    }

    /// Whether it is the file with these bytes, as far as was said.
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        self.len.is_none_or(|len| len == bytes.len() as u64)
            && self.digest.is_none_or(|digest| digest == Sha256::of(bytes))
    }
}

fn digest(value: &Value) -> Option<Sha256> {
    let text = value.pointer("/hashes/sha256").and_then(Value::as_str)?;
    text.parse().ok()
}

impl Root {
    /// The root in `bytes`, which is trusted because of the way that it came.
    ///
    /// # Errors
    /// That it is none, or not signed by its own keys.
    pub(super) fn trusted(file: &str, bytes: &[u8]) -> Result<Self, UpdateFault> {
        Self::read(Unverified::parse(file, bytes)?)
    }

    /// The root in `bytes` that follows this one.
    ///
    /// # Errors
    /// That it is none, not signed by the keys of both, or not the next.
    pub(super) fn next(&self, file: &str, bytes: &[u8]) -> Result<Self, UpdateFault> {
        let unverified = Unverified::parse(file, bytes)?;
        if !unverified.is_signed(&self.keys, self.role("root")) {
            return Err(UpdateFault::Signature {
                file: file.to_owned(),
            });
        }
        let next = Self::read(unverified)?;
        if Some(next.signed.version) != self.signed.version.checked_add(1) {
            return Err(UpdateFault::Older {
                file: file.to_owned(),
            });
        }
        Ok(next)
    }

    fn read(unverified: Unverified) -> Result<Self, UpdateFault> {
        let file = unverified.file.clone();
        let read = keys(&unverified.signed).zip(roles(&unverified.signed));
        let (keys, roles) = read.ok_or_else(|| form(&file, "names keys that cannot be used"))?;
        if !unverified.is_signed(&keys, roles.get("root")) {
            return Err(UpdateFault::Signature { file });
        }
        Ok(Self {
            signed: unverified.open("root")?,
            keys,
            roles,
        })
    }

    /// Who signs for `role`.
    pub(super) fn role(&self, role: &str) -> Option<&Role> {
        self.roles.get(role)
    }
}

/// The keys of a root. Each is named by the digest of its description, so that no two names can stand for one key.
fn keys(signed: &Map<String, Value>) -> Option<BTreeMap<String, PublicKey>> {
    let written = signed.get("keys")?.as_object()?;
    let mut keys = BTreeMap::new();
    for (id, value) in written.iter().take(MOST) {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        if text("keytype")? != "ed25519" || text("scheme")? != "ed25519" {
            continue;
        }
        if Sha256::of(&canonical(value)).to_string() != *id {
            return None;
        }
        let public = value.pointer("/keyval/public").and_then(Value::as_str)?;
        let bytes = <[u8; 32]>::try_from(hex::decode(public).ok()?).ok()?;
        keys.insert(id.clone(), PublicKey::from_bytes(bytes).ok()?);
    }
    Some(keys)
}

fn roles(signed: &Map<String, Value>) -> Option<BTreeMap<String, Role>> {
    let written = signed.get("roles")?.as_object()?;
    let role = |(name, value): (&String, &Value)| {
        let ids = value.get("keyids")?.as_array()?.iter().take(MOST);
        let keys = ids.map(|id| id.as_str().map(ToOwned::to_owned));
        let threshold = usize::try_from(value.get("threshold")?.as_u64()?).ok()?;
        let role = Role {
            keys: keys.collect::<Option<_>>()?,
            threshold,
        };
        (threshold > 0).then(|| (name.clone(), role))
    };
    written.iter().map(role).collect()
}

fn form(file: &str, why: &'static str) -> UpdateFault {
    UpdateFault::Form {
        file: file.to_owned(),
        why,
    }
}

/// Canonical JSON: no white space, members in the order of their names, nothing escaped but `"` and `\`.
///
/// Fractions do not occur in it; what holds one is written so that no signature fits.
fn canonical(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Array(values) => {
            bytes.push(b'[');
            for (number, value) in values.iter().enumerate() {
                if number > 0 {
                    bytes.push(b',');
                }
                write(value, bytes);
            }
            bytes.push(b']');
        }
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            bytes.push(b'{');
            for (number, (name, value)) in sorted.into_iter().enumerate() {
                if number > 0 {
                    bytes.push(b',');
                }
                write_text(name, bytes);
                bytes.push(b':');
                write(value, bytes);
            }
            bytes.push(b'}');
        }
        Value::String(text) => write_text(text, bytes),
        Value::Number(number) if number.is_f64() => bytes.extend(b"?"),
        other => bytes.extend(other.to_string().as_bytes()),
    }
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            bytes.push(b'\\');
        }
        bytes.push(byte);
    }
    bytes.push(b'"');
}

#[cfg(test)]
mod tests {
    use evidence::PrivateKey;
    use serde_json::json;

    use super::*;

    fn described(key: &PrivateKey) -> (String, Value) {
        let public = hex::encode(key.public().as_bytes());
        let value =
            json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}});
        (Sha256::of(&canonical(&value)).to_string(), value)
    }

    /// A root with two keys, of which `threshold` must sign, signed by those of `signers`.
    fn root(keys: &[PrivateKey; 2], threshold: u64, signers: &[&PrivateKey]) -> Vec<u8> {
        let [(first, first_key), (second, second_key)] = keys.each_ref().map(described);
        let role = json!({"keyids": [first, second], "threshold": threshold});
        let roles = json!({"root": role, "targets": role, "snapshot": role, "timestamp": role});
        let mut known = Map::new();
        known.insert(first, first_key);
        known.insert(second, second_key);
        let signed = json!({
            "_type": "root", "spec_version": "1.0.31", "version": 1,
            "expires": "2100-01-01T00:00:00Z", "keys": known, "roles": roles,
        });
        let message = canonical(&signed);
        let signature = |key: &&PrivateKey| json!({"keyid": described(key).0, "sig": hex::encode(key.sign(&message))});
        let signatures: Vec<Value> = signers.iter().map(signature).collect();
        json!({"signed": signed, "signatures": signatures})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn a_key_counts_once_and_as_many_must_sign_as_was_said() {
        let keys = [(); 2].map(|()| PrivateKey::generate().unwrap());
        let [one, two] = &keys;
        let stranger = PrivateKey::generate().unwrap();
        let read = |bytes: &[u8]| Root::trusted("root", bytes);
        assert!(read(&root(&keys, 1, &[one])).is_ok());
        assert!(read(&root(&keys, 2, &[two, one])).is_ok());
        assert!(read(&root(&keys, 2, &[&stranger, two, one])).is_ok());
        let refused = UpdateFault::Signature {
            file: "root".to_owned(),
        };
        for signers in [&[][..], &[one, one], &[one, &stranger]] {
            assert_eq!(
                read(&root(&keys, 2, signers)).unwrap_err(),
                refused,
                "{}",
                signers.len()
            );
        }
        // Nobody has to sign: then nobody has.
        assert!(matches!(
            read(&root(&keys, 0, &[one, two])).unwrap_err(),
            UpdateFault::Form { .. }
        ));
    }

    #[test]
    fn a_key_under_another_name_is_none() {
        let keys = [(); 2].map(|()| PrivateKey::generate().unwrap());
        let text = String::from_utf8(root(&keys, 1, &[&keys[0]])).unwrap();
        let (name, _) = described(&keys[0]);
        let other = text.replace(&name, &"0".repeat(64));
        assert!(matches!(
            Root::trusted("root", other.as_bytes()).unwrap_err(),
            UpdateFault::Form { .. }
        ));
    }

    #[test]
    fn no_part_of_a_root_is_a_root() {
        let keys = [(); 2].map(|()| PrivateKey::generate().unwrap());
        let whole = root(&keys, 1, &[&keys[0]]);
        assert!(Root::trusted("root", &whole).is_ok());
        for len in 0..whole.len() {
            assert!(Root::trusted("root", &whole[..len]).is_err(), "{len}");
        }
        let many = json!({"signed": {}, "signatures": vec![json!({}); 65]}).to_string();
        assert!(Unverified::parse("root", many.as_bytes()).is_err());
    }

    #[test]
    fn canonical_json_is_that_of_the_specification() {
        let value = json!({"b": [1, -2, true, null], "a": "ü \" \\ \n /", "": {}});
        assert_eq!(
            String::from_utf8(canonical(&value)).unwrap(),
            "{\"\":{},\"a\":\"ü \\\" \\\\ \n /\",\"b\":[1,-2,true,null]}"
        );
    }
}
