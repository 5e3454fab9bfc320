//! Judges whether code meets a requirement.

use std::cmp::Ordering;

use const_oid::ObjectIdentifier;
use proplist::{Dict, Value};

use super::{Expression, Match, Slot, date, oid};
use crate::{
    code::Facts,
    x509::{Certificate, Chain},
};

/// The names under which a requirement asks for parts of a subject.
const SUBJECT: [(&str, &str); 9] = [
    ("subject.C", "2.5.4.6"),
    ("subject.CN", "2.5.4.3"),
    ("subject.D", "2.5.4.13"),
    ("subject.L", "2.5.4.7"),
    ("subject.O", "2.5.4.10"),
    ("subject.OU", "2.5.4.11"),
    ("subject.ST", "2.5.4.8"),
    ("subject.STREET", "2.5.4.9"),
    ("subject.UID", "0.9.2342.19200300.100.1.1"),
];

/// Further parts of certificates that macOS knows.
const UNJUDGED: [&str; 5] = [
    "email",
    "subject.C-O",
    "subject.C-OU",
    "subject.C-ST",
    "subject.C-STREET",
];

/// A condition that this program cannot decide: neither true nor false.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Undecided(pub(crate) String);

type Answer = Result<bool, Undecided>;

/// The code that a requirement is judged on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) facts: &'a Facts,
    /// Whether a genuine notarization ticket for this code is at hand; without one, Apple may still know the code.
    pub(crate) has_ticket: bool,
}

/// Whether the code meets the requirement. What cannot be decided leaves the whole undecided, unless the rest of the
/// requirement decides it either way.
pub(super) fn evaluate(expression: &Expression, context: Context<'_>) -> Answer {
    let facts = context.facts;
    match expression {
        Expression::Always => Ok(true),
        Expression::Never => Ok(false),
        Expression::And(terms) => chain(terms, context, false),
        Expression::Or(terms) => chain(terms, context, true),
        Expression::Not(inner) => evaluate(inner, context).map(|met| !met),
        Expression::Identifier(name) => Ok(*name == facts.identifier),
        Expression::CodeDirectoryHash(hash) => Ok(facts.cdhash() == Some(hash)),
        Expression::AnchorAppleGeneric
        | Expression::AnchorTrusted
        | Expression::CertificateTrusted(Slot::ROOT) => Ok(anchored(facts).is_some()),
        Expression::AnchorApple => Ok(anchored(facts).is_some_and(is_apples_own)),
        Expression::CertificateHash(slot, hash) => {
            Ok(certificate(facts, *slot).is_some_and(|certificate| certificate.sha1() == *hash))
        }
        Expression::CertificateField(slot, key, value) => {
            field(certificate(facts, *slot), key, value)
        }
        Expression::CertificateExtension(slot, oid, value) => {
            let certificate = certificate(facts, *slot);
            Ok(certificate
                .is_some_and(|certificate| presence(certificate.has_extension(oid), value)))
        }
        Expression::CertificatePolicy(slot, oid, value) => {
            policy(certificate(facts, *slot), oid, value)
        }
        Expression::CertificateDate(slot, oid, date) => dated(certificate(facts, *slot), oid, date),
        Expression::Info(key, value) => Ok(in_dict(facts.info.as_ref(), key, value)),
        Expression::Entitlement(key, value) => Ok(in_dict(facts.entitlements.as_ref(), key, value)),
        Expression::Platform(number) => Ok(i32::from(facts.platform) == *number),
        Expression::Notarized if context.has_ticket => Ok(true),
        Expression::Notarized => {
            undecided("without a stapled ticket only Apple can tell whether it is notarized")
        }
        Expression::Legacy => {
            undecided("only Apple can tell whether it was signed before notarization was asked for")
        }
        Expression::CertificateTrusted(_) => {
            undecided("what a Mac's owner trusts is not known here")
        }
        Expression::AnchorAppleNamed(name) => {
            undecided(format!("the anchor `{name}` is known to macOS only"))
        }
        Expression::NamedCode(name) => {
            undecided(format!("the condition `{name}` is known to macOS only"))
        }
    }
}

fn undecided(what: impl Into<String>) -> Answer {
    Err(Undecided(what.into()))
}

/// The answer `decisive` from any term decides the chain; else an undecided term leaves it undecided.
fn chain(terms: &[Expression], context: Context<'_>, decisive: bool) -> Answer {
    let mut answer = Ok(!decisive);
    for term in terms {
        match evaluate(term, context) {
            Ok(met) if met == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(undecided) => answer = Err(undecided),
        }
    }
    answer
}

fn anchored(facts: &Facts) -> Option<&Chain> {
    facts.chain.as_ref().filter(|chain| chain.is_apples)
}

/// Apple's own code is signed below one intermediate certificate.
fn is_apples_own(chain: &Chain) -> bool {
    let below_root = chain.certificates.iter().rev().nth(1);
    below_root.is_some_and(|certificate| {
        certificate.name("2.5.4.3").as_deref() == Some("Apple Code Signing Certification Authority")
            && certificate.name("2.5.4.10").as_deref() == Some("Apple Inc.")
    })
}

fn certificate(facts: &Facts, slot: Slot) -> Option<&Certificate> {
    let certificates = facts.chain.as_ref()?.certificates.as_slice();
    let index = match usize::try_from(slot.0) {
        Ok(index) => index,
        Err(_) => certificates
            .len()
            .checked_sub(usize::try_from(slot.0.unsigned_abs()).ok()?)?,
    };
    certificates.get(index)
}

/// What is not there, be it the certificate or the name in it, meets no condition, not even `absent`; and neither does
/// what macOS does not know.
fn field(certificate: Option<&Certificate>, key: &str, value: &Match) -> Answer {
    let Some(certificate) = certificate else {
        return Ok(false);
    };
    if UNJUDGED.contains(&key) {
        return undecided(format!("`{key}` of a certificate is not judged"));
    }
    let Some((_, oid)) = SUBJECT.iter().find(|(name, _)| *name == key) else {
        return Ok(false);
    };
    let text = certificate.name(oid).map(Value::String);
    Ok(text.is_some_and(|text| matches(Some(&text), value)))
}

/// macOS knows of extensions and policies only whether they are there: no comparison with one is ever true.
fn presence(present: bool, value: &Match) -> bool {
    match value {
        Match::Exists => present,
        Match::Absent => !present,
        _ => false,
    }
}

fn policy(certificate: Option<&Certificate>, oid: &str, value: &Match) -> Answer {
    let policies = certificate.map(Certificate::policies).transpose();
    match policies {
        Ok(policies) => Ok(policies.is_some_and(|policies| {
            let mut policies = policies.iter();
            presence(policies.any(|policy| policy.to_string() == oid), value)
        })),
        Err(error) => undecided(error.to_string()),
    }
}

/// The extension holds a time as text, `20210422000000Z`.
fn dated(certificate: Option<&Certificate>, oid: &str, value: &Match) -> Answer {
    let mark = oid::to_bytes(oid).and_then(|bytes| ObjectIdentifier::from_bytes(&bytes).ok());
    let found = certificate.zip(mark);
    let Some(found) = found.and_then(|(certificate, mark)| certificate.extension(mark)) else {
        return Ok(*value == Match::Absent);
    };
    let text = found
        .split_at_checked(2)
        .map(|(_, text)| String::from_utf8_lossy(text).into_owned());
    match text.and_then(|text| date::seconds_since_2001(&text)) {
        Some(stated) => Ok(*value == Match::Exists || is_at(stated, value)),
        None => undecided(format!("the extension {oid} holds no time")),
    }
}

fn is_at(time: i64, value: &Match) -> bool {
    match value {
        Match::After(other) => time > *other,
        Match::Before(other) => time < *other,
        Match::On(other) => time == *other,
        Match::OnOrAfter(other) => time >= *other,
        Match::OnOrBefore(other) => time <= *other,
        _ => false,
    }
}

fn in_dict(dict: Option<&Dict>, key: &str, value: &Match) -> bool {
    matches(dict.and_then(|dict| dict.get(key)), value)
}

/// Of an array, one element is enough. A number is never a text.
fn matches(candidate: Option<&Value>, value: &Match) -> bool {
    let Some(candidate) = candidate else {
        return *value == Match::Absent;
    };
    if let Value::Array(elements) = candidate
        && elements.iter().any(|element| matches(Some(element), value))
    {
        return true;
    }
    match (candidate, value) {
        (_, Match::Absent) | (Value::Bool(false), Match::Exists) => false,
        (_, Match::Exists) => true,
        (Value::String(text), value) => compare(text, value),
        (Value::Date(time), value) => is_at(date::seconds_of(*time), value),
        _ => false,
    }
}

fn compare(text: &str, value: &Match) -> bool {
    match value {
        Match::BeginsWith(part) => text.starts_with(part),
        Match::Contains(part) => text.contains(part),
        Match::EndsWith(part) => text.ends_with(part),
        Match::Equal(whole) => text == whole,
        Match::Greater(other) => order(text, other) == Ordering::Greater,
        Match::GreaterOrEqual(other) => order(text, other) != Ordering::Less,
        Match::Less(other) => order(text, other) == Ordering::Less,
        Match::LessOrEqual(other) => order(text, other) != Ordering::Greater,
        _ => false,
    }
}

/// The order of two texts in which digits next to each other count as one number.
fn order(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.chars().peekable(), right.chars().peekable());
    loop {
        let step = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                number(&mut left).cmp(&number(&mut right))
            }
            (None, None) => return Ordering::Equal,
            _ => left.next().cmp(&right.next()),
        };
        if step != Ordering::Equal {
            return step;
        }
    }
}

/// A number as its length without leading zeros and its digits, which order as the numbers do, however long.
fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> (usize, String) {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        if digit != '0' || !digits.is_empty() {
            digits.push(digit);
        }
    }
    (digits.len(), digits)
}
