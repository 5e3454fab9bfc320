//! Names of rows: version 7 UUIDs (RFC 9562 §5.7), which sort by the time they were made.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{given}` is not {} {kind} id", article(kind))]
pub struct IdError {
    /// Whose id was meant.
    pub kind: &'static str,
    /// The text that was given.
    pub given: String,
}

/// What stands before `kind` in English. No kind begins with a vowel that sounds like a consonant.
fn article(kind: &str) -> &'static str {
    if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, later in order than any made before.
            #[expect(clippy::new_without_default, reason = "a default id would be a different one each time")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id that wraps `uuid`.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                match text.parse() {
                    Ok(uuid) => Ok(Self(uuid)),
                    Err(_) => Err(IdError { kind: $kind, given: text.to_owned() }),
                }
            }
        }
    };
}

id! {
    /// Names one approval of an override.
    ApprovalId, "approval"
}
id! {
    /// Names somebody who may sign in, over all changes.
    AdministratorId, "administrator"
}
id! {
    /// Names one change set, and so one publication.
    ChangeSetId, "change set"
}
id! {
    /// Names one delivery of one event of an incident to one desk; the same over all its attempts.
    DeliveryId, "delivery"
}
id! {
    /// Names one entry in the record of whom a title is signed by.
    IdentityId, "identity"
}
id! {
    /// Names one incident.
    IncidentId, "incident"
}
id! {
    /// Names one rule of a person about items in the rings.
    RuleId, "rule"
}
id! {
    /// Names one run.
    RunId, "run"
}
id! {
    /// Names one scan of one medium.
    ScanId, "scan"
}
id! {
    /// Names one sealed secret of a tenant.
    SecretId, "secret"
}
id! {
    /// Names one tenant, over all names that it has outside.
    TenantId, "tenant"
}
id! {
    /// Names one token that programs call the API with.
    TokenId, "token"
}
id! {
    /// Names one waiver of what scanners say.
    WaiverId, "waiver"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_sort_later_and_survive_text() {
        let (first, second) = (RunId::new(), RunId::new());
        assert!(first < second);
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(
            "7".parse::<RunId>().unwrap_err().to_string(),
            "`7` is not a run id"
        );
        for (error, told) in [
            (
                "7".parse::<IncidentId>().unwrap_err(),
                "`7` is not an incident id",
            ),
            (
                "7".parse::<IdentityId>().unwrap_err(),
                "`7` is not an identity id",
            ),
        ] {
            assert_eq!(error.to_string(), told);
        }
    }
}
