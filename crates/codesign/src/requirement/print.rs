//! Writes a requirement as `codesign --display --requirements -` does.

use std::fmt::{Formatter, Result};

use super::{Expression, Match, Slot, date::text_of, keywords::is_keyword};

/// How tightly the place binds in which an expression stands.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Place {
    Alone,
    InAnd,
    InOr,
}

/// Writes the whole requirement.
pub(super) fn requirement(expression: &Expression, f: &mut Formatter<'_>) -> Result {
    write(expression, Place::InOr, f)
}

fn write(expression: &Expression, place: Place, f: &mut Formatter<'_>) -> Result {
    match expression {
        Expression::Always => f.write_str("always"),
        Expression::And(terms) => chain(terms, " and ", (Place::InAnd, place), f),
        Expression::AnchorApple => f.write_str("anchor apple"),
        Expression::AnchorAppleGeneric => f.write_str("anchor apple generic"),
        Expression::AnchorAppleNamed(name) => write!(f, "anchor apple {}", word(name, false)),
        Expression::AnchorTrusted => f.write_str("anchor trusted"),
        Expression::CertificateDate(slot, oid, value) => {
            write!(f, "certificate {}[timestamp.{oid}]", slot_name(*slot))?;
            matching(value, f)
        }
        Expression::CertificateExtension(slot, oid, value) => {
            write!(f, "certificate {}[field.{oid}]", slot_name(*slot))?;
            matching(value, f)
        }
        Expression::CertificateField(slot, key, value) => {
            write!(f, "certificate {}[{}]", slot_name(*slot), word(key, true))?;
            matching(value, f)
        }
        Expression::CertificateHash(slot, hash) => {
            let digits = hex::encode(hash);
            write!(f, "certificate {} = H\"{digits}\"", slot_name(*slot))
        }
        Expression::CertificatePolicy(slot, oid, value) => {
            write!(f, "certificate {}[policy.{oid}]", slot_name(*slot))?;
            matching(value, f)
        }
        Expression::CertificateTrusted(slot) => {
            write!(f, "certificate {} trusted", slot_name(*slot))
        }
        Expression::CodeDirectoryHash(hash) => write!(f, "cdhash H\"{}\"", hex::encode(hash)),
        Expression::Entitlement(key, value) => {
            write!(f, "entitlement[{}]", word(key, true))?;
            matching(value, f)
        }
        Expression::Identifier(name) => write!(f, "identifier {}", word(name, false)),
        Expression::Info(key, value) => {
            write!(f, "info[{}]", word(key, true))?;
            matching(value, f)
        }
        Expression::Legacy => f.write_str("legacy"),
        Expression::NamedCode(name) => write!(f, "({})", word(name, false)),
        Expression::Never => f.write_str("never"),
        Expression::Not(inner) => {
            f.write_str("! ")?;
            write(inner, Place::Alone, f)
        }
        Expression::Notarized => f.write_str("notarized"),
        Expression::Or(terms) => chain(terms, " or ", (Place::InOr, place), f),
        Expression::Platform(number) => write!(f, "platform = {number}"),
    }
}

fn chain(
    terms: &[Expression],
    between: &str,
    (own, place): (Place, Place),
    f: &mut Formatter<'_>,
) -> Result {
    let parentheses = place < own;
    if parentheses {
        f.write_str("(")?;
    }
    for (index, term) in terms.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write(term, own, f)?;
    }
    if parentheses {
        f.write_str(")")?;
    }
    Ok(())
}

fn matching(value: &Match, f: &mut Formatter<'_>) -> Result {
    match value {
        Match::Absent => f.write_str(" absent"),
        Match::After(seconds) => timestamp(">", *seconds, f),
        Match::Before(seconds) => timestamp("<", *seconds, f),
        Match::BeginsWith(text) => write!(f, " = {}*", word(text, false)),
        Match::Contains(text) => write!(f, " ~ {}", word(text, false)),
        Match::EndsWith(text) => write!(f, " = *{}", word(text, false)),
        Match::Equal(text) => write!(f, " = {}", word(text, false)),
        Match::Exists => f.write_str(" /* exists */"),
        Match::Greater(text) => write!(f, " > {}", word(text, false)),
        Match::GreaterOrEqual(text) => write!(f, " >= {}", word(text, false)),
        Match::Less(text) => write!(f, " < {}", word(text, false)),
        Match::LessOrEqual(text) => write!(f, " <= {}", word(text, false)),
        Match::On(seconds) => timestamp("=", *seconds, f),
        Match::OnOrAfter(seconds) => timestamp(">=", *seconds, f),
        Match::OnOrBefore(seconds) => timestamp("<=", *seconds, f),
    }
}

fn timestamp(sign: &str, seconds: i64, f: &mut Formatter<'_>) -> Result {
    write!(f, " {sign} timestamp \"{}\"", text_of(seconds))
}

fn slot_name(slot: Slot) -> String {
    match slot {
        Slot::LEAF => "leaf".to_owned(),
        Slot::ROOT => "root".to_owned(),
        Slot(number) => number.to_string(),
    }
}

/// The text as it is if it is a plain word that does not begin with a digit and has no meaning of its own, in quotes
/// if it is printable, else as hexadecimal digits.
fn word(text: &str, dots: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || (dots && c == '.');
    if text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && !is_keyword(text)
        && is_name(text)
    {
        return text.to_owned();
    }
    if text.chars().all(|c| matches!(c, ' '..='~' | '\t'..='\r')) {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{escaped}\"");
    }
    format!("0x{}", hex::encode(text))
}

/// Whether a text with dots reads as one name: macOS prints `a..b` and `a.1b` without quotes, and cannot read them.
fn is_name(text: &str) -> bool {
    text.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            || !part.is_empty() && part.chars().all(|c| c.is_ascii_digit())
    })
}
