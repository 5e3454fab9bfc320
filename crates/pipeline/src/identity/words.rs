//! Identities for people.

use std::fmt::Write as _;

use codesign::{Identity, IdentityChange};
use proofs::{KeyChange, VendorKey};

use super::{Signers, signers::Changes};

const ARROW: &str = " -> ";

/// What has changed, in a sentence without its stop.
pub(crate) fn summary(changes: &Changes) -> String {
    let identities = changes.identities.iter().map(identity_told);
    let keys = changes.keys.iter().map(key_told);
    identities.chain(keys).collect::<Vec<_>>().join("; ")
}

fn identity_told(change: &IdentityChange) -> String {
    match change {
        IdentityChange::Replaced { before, now } if signer(before) == signer(now) => format!(
            "{} is signed by {} as before, but as {}",
            name(before),
            signer(before),
            if before.identifier == now.identifier {
                "something else".to_owned()
            } else {
                name(now)
            }
        ),
        IdentityChange::Replaced { before, now } => format!(
            "{} is signed by {}, and was signed by {}",
            name(now),
            signer(now),
            signer(before)
        ),
        IdentityChange::Gone(before) => format!(
            "the signature of {}, which was {}'s, is not checked any more",
            name(before),
            signer(before)
        ),
        IdentityChange::Added(now) => format!(
            "{} is signed by {}, who has signed nothing of this title before",
            name(now),
            signer(now)
        ),
    }
}

fn key_told(change: &KeyChange) -> String {
    match change {
        KeyChange::Replaced { before, now } => {
            format!("the vendor's own key is {now}, and was {before}")
        }
        KeyChange::Gone(before) => {
            format!("the vendor's own signature, by the key {before}, is not there any more")
        }
        KeyChange::Added(now) => {
            format!("a download is signed by {now}, a key that signed nothing of this title before")
        }
    }
}

/// What differs between identities that were accepted and those that were found, both side by side, line for line.
pub fn changes_shown(accepted: &Signers, found: &Signers) -> String {
    let mut text = String::new();
    let changes = accepted.changes(found);
    for change in changes.identities {
        let (head, before, now) = match &change {
            IdentityChange::Replaced { before, now } => ("changed", Some(before), Some(now)),
            IdentityChange::Gone(before) => ("not checked any more", Some(before), None),
            IdentityChange::Added(now) => ("new, and of an unknown signer", None, Some(now)),
        };
        let of = before.or(now).map(name).unwrap_or_default();
        writeln!(text, "{head}: {of}").unwrap_or_default();
        for ((field, before), (_, now)) in fields(before).into_iter().zip(fields(now)) {
            text.push_str(&compared(field, before, now));
        }
    }
    for change in &changes.keys {
        text.push_str(&key_change_shown(change));
    }
    text
}

fn key_change_shown(change: &KeyChange) -> String {
    let (head, before, now) = match change {
        KeyChange::Replaced { before, now } => ("changed", Some(before), Some(now)),
        KeyChange::Gone(before) => ("not there any more", Some(before), None),
        KeyChange::Added(now) => ("new, and of an unknown signer", None, Some(now)),
    };
    let kind = before.or(now).map(|key| key.kind().as_str());
    let mut text = format!("{head}: {}\n", kind.unwrap_or_default());
    let (base64, digest) = (VendorKey::base64, VendorKey::fingerprint);
    let of = |key: Option<&VendorKey>| key.map(|key| base64(key).to_owned());
    text.push_str(&compared("key", of(before), of(now)));
    text.push_str(&compared("SHA-256", before.map(digest), now.map(digest)));
    text
}

/// Everybody of a list, a field a line.
pub fn signers_shown(signers: &Signers) -> String {
    let mut text: String = signers.identities.iter().map(identity_shown).collect();
    for key in &signers.keys {
        writeln!(text, "{}", key.kind()).unwrap_or_default();
        for (field, value) in [("key", key.base64()), ("SHA-256", &key.fingerprint())] {
            writeln!(text, "    {field:<12} {value}").unwrap_or_default();
        }
    }
    text
}

/// An identity, a field a line.
fn identity_shown(identity: &Identity) -> String {
    let mut text = format!("{}\n", name(identity));
    for (field, value) in fields(Some(identity)) {
        if let Some(value) = value {
            writeln!(text, "    {field:<12} {value}").unwrap_or_default();
        }
    }
    text
}

/// One field of two identities: one line if they agree, two if they do not.
fn compared(field: &str, before: Option<String>, now: Option<String>) -> String {
    match (before, now) {
        (None, None) => String::new(),
        (before, now) if before == now => {
            format!("    {field:<12}      {}\n", before.unwrap_or_default())
        }
        (before, now) => {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            format!(
                "    {field:<12} was  {}\n    {:<12} now  {}\n",
                shown(before),
                "",
                shown(now)
            )
        }
    }
}

fn fields(identity: Option<&Identity>) -> [(&'static str, Option<String>); 4] {
    let chain = |identity: &Identity| {
        let names = &identity.authorities;
        (!names.is_empty()).then(|| names.join(ARROW))
    };
    [
        (
            "identifier",
            identity.and_then(|identity| identity.identifier.clone()),
        ),
        (
            "team",
            identity.and_then(|identity| identity.team_id.clone()),
        ),
        ("authorities", identity.and_then(chain)),
        (
            "requirement",
            identity.and_then(|identity| identity.designated_requirement.clone()),
        ),
    ]
}

/// `code com.example.Widget`, `package`.
fn name(identity: &Identity) -> String {
    let kind = identity.kind.as_str();
    match &identity.identifier {
        Some(identifier) => format!("{kind} `{identifier}`"),
        None => kind.to_owned(),
    }
}

/// Whoever signed, by the name on the certificate, and the team where the name does not have it.
fn signer(identity: &Identity) -> String {
    match (identity.authorities.first(), &identity.team_id) {
        (Some(name), Some(team)) if !name.contains(team.as_str()) => format!("{name} ({team})"),
        (Some(name), _) => name.clone(),
        (None, Some(team)) => team.clone(),
        (None, None) => "nobody".to_owned(),
    }
}
