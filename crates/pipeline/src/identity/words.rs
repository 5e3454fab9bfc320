//! Identities for people.

use std::fmt::Write as _;

use codesign::{Identity, IdentityChange, identity_changes};

const ARROW: &str = " -> ";

/// What has changed, in a sentence without its stop.
pub(crate) fn summary(changes: &[IdentityChange]) -> String {
    let told = changes.iter().map(|change| match change {
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
    });
    told.collect::<Vec<_>>().join("; ")
}

/// What differs between identities that were accepted and those that were found, both side by side, line for line.
pub fn changes_shown(accepted: &[Identity], found: &[Identity]) -> String {
    let mut text = String::new();
    for change in identity_changes(accepted, found) {
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
    text
}

/// An identity, a field a line.
pub fn identity_shown(identity: &Identity) -> String {
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
