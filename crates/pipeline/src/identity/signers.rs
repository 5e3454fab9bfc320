//! Everybody whose signatures count for a title, and how two such lists differ.

use codesign::{Identity, IdentityChange, identity_changes};
use proofs::{KeyChange, VendorKey, key_changes};
use serde::{Deserialize, Serialize};

/// Everybody whose signatures a run has verified. As JSON it is one list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Vec<Signer>", into = "Vec<Signer>")]
pub struct Signers {
    /// Who signed what was in the downloads, by Apple's rules; sorted.
    pub identities: Vec<Identity>,
    /// By which keys the vendor signed the downloads themselves; sorted.
    pub keys: Vec<VendorKey>,
}

/// One of the list. The kinds of the two have no name in common.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Signer {
    Identity(Identity),
    Key(VendorKey),
}

impl From<Vec<Signer>> for Signers {
    fn from(list: Vec<Signer>) -> Self {
        let mut signers = Self::default();
        for signer in list {
            match signer {
                Signer::Identity(identity) => signers.identities.push(identity),
                Signer::Key(key) => signers.keys.push(key),
            }
        }
        signers
    }
}

impl From<Signers> for Vec<Signer> {
    fn from(signers: Signers) -> Self {
        let identities = signers.identities.into_iter().map(Signer::Identity);
        identities
            .chain(signers.keys.into_iter().map(Signer::Key))
            .collect()
    }
}

impl Signers {
    /// Whether nothing was verified.
    pub const fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.keys.is_empty()
    }

    /// How those that were found `now` differ from these, which were accepted.
    pub(crate) fn changes(&self, now: &Self) -> Changes {
        Changes {
            identities: identity_changes(&self.identities, &now.identities),
            keys: key_changes(&self.keys, &now.keys),
        }
    }
}

/// How those that were found differ from those that were accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Changes {
    pub(crate) identities: Vec<IdentityChange>,
    pub(crate) keys: Vec<KeyChange>,
}

impl Changes {
    pub(crate) const fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use codesign::IdentityKind;

    use super::*;

    #[test]
    fn the_list_is_read_as_older_versions_wrote_it_and_back() {
        let identity = Identity {
            kind: IdentityKind::Package,
            identifier: None,
            team_id: Some("A".to_owned()),
            authorities: vec![],
            designated_requirement: None,
        };
        let old = serde_json::to_string(&[&identity]).unwrap();
        let mut signers: Signers = serde_json::from_str(&old).unwrap();
        assert_eq!(signers.identities, [identity]);
        assert_eq!(serde_json::to_string(&signers).unwrap(), old);
        let key = "c/SkJ0RuiPYZEDchKC8oIhMq6VSMhiUGYaLOV1iHpl8=";
        signers.keys = vec![VendorKey::sparkle_ed25519(key).unwrap()];
        let new = serde_json::to_string(&signers).unwrap();
        assert!(new.ends_with(&format!(
            "{{\"kind\":\"sparkle-ed25519\",\"key\":\"{key}\"}}]"
        )));
        assert_eq!(serde_json::from_str::<Signers>(&new).unwrap(), signers);
        assert!(serde_json::from_str::<Signers>("[{\"kind\":\"hearsay\"}]").is_err());
    }
}
