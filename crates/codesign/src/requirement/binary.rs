//! Reads requirements in the form in which signatures carry them.

use const_oid::ObjectIdentifier;
use wire::{Cursor, ParseError};

use super::{DateMatch, Expression, Match, Slot};

const REQUIREMENT: [u8; 4] = [0xfa, 0xde, 0x0c, 0x00];
const REQUIREMENT_SET: [u8; 4] = [0xfa, 0xde, 0x0c, 0x01];
const DESIGNATED: u32 = 3;
const EXPRESSION_FORM: u32 = 1;
const MAX_REQUIREMENTS: u32 = 16;
const MAX_DEPTH: u8 = 128;
/// What an interpreter that does not know an operation is to do with it lies in its highest byte.
const OPERATION: u32 = 0x00ff_ffff;

/// The designated requirement in a set of requirements, if there is one. Every requirement of the set is read, so
/// that a set that cannot be understood is refused.
pub(super) fn designated(set: &[u8]) -> Result<Option<Expression>, ParseError> {
    let mut cursor = Cursor::new("set of requirements", set);
    cursor.magic(REQUIREMENT_SET)?;
    cursor.skip(4)?; // the length, by which `set` was cut out
    let count = cursor.u32_be()?;
    if count > MAX_REQUIREMENTS {
        return Err(cursor.invalid("too many requirements"));
    }
    let mut designated = None;
    for _ in 0..count {
        let kind = cursor.u32_be()?;
        let mut at = Cursor::new("set of requirements", set);
        at.skip(u64::from(cursor.u32_be()?))?;
        let expression = requirement(&mut at)?;
        if kind == DESIGNATED && designated.replace(expression).is_some() {
            return Err(cursor.invalid("two designated requirements"));
        }
    }
    Ok(designated)
}

/// Reads one requirement with its header.
pub(super) fn requirement(cursor: &mut Cursor<'_>) -> Result<Expression, ParseError> {
    cursor.magic(REQUIREMENT)?;
    let len = u64::from(cursor.u32_be()?);
    let mut inner = cursor.part("requirement", len.saturating_sub(8))?;
    if inner.u32_be()? != EXPRESSION_FORM {
        return Err(inner.unsupported("another form than an expression"));
    }
    let found = expression(&mut inner, MAX_DEPTH)?;
    inner.finish()?;
    Ok(found)
}

/// The operations (`ExprOp` in `requirement.h`).
fn expression(cursor: &mut Cursor<'_>, depth: u8) -> Result<Expression, ParseError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(cursor.invalid("conditions nested too deep"));
    };
    let operation = cursor.u32_be()?;
    Ok(match operation & OPERATION {
        0 => Expression::Never,
        1 => Expression::Always,
        2 => Expression::Identifier(text(cursor)?),
        3 => Expression::AnchorApple,
        4 => Expression::CertificateHash(slot(cursor)?, data(cursor)?.to_vec()),
        5 => Expression::Info(text(cursor)?, Match::Equal(text(cursor)?)),
        6 => Expression::all_of(vec![expression(cursor, depth)?, expression(cursor, depth)?]),
        7 => Expression::any_of(vec![expression(cursor, depth)?, expression(cursor, depth)?]),
        8 => Expression::CodeDirectoryHash(data(cursor)?.to_vec()),
        9 => Expression::Not(Box::new(expression(cursor, depth)?)),
        10 => Expression::Info(text(cursor)?, matching(cursor)?),
        11 => Expression::CertificateField(slot(cursor)?, text(cursor)?, matching(cursor)?),
        12 => Expression::CertificateTrusted(slot(cursor)?),
        13 => Expression::AnchorTrusted,
        14 => Expression::CertificateExtension(slot(cursor)?, oid(cursor)?, matching(cursor)?),
        15 => Expression::AnchorAppleGeneric,
        16 => Expression::Entitlement(text(cursor)?, matching(cursor)?),
        17 => Expression::CertificatePolicy(slot(cursor)?, oid(cursor)?, matching(cursor)?),
        18 => Expression::AnchorAppleNamed(text(cursor)?),
        19 => Expression::NamedCode(text(cursor)?),
        20 => Expression::Platform(cursor.i32_be()?),
        21 => Expression::Notarized,
        22 => Expression::CertificateDate(slot(cursor)?, oid(cursor)?, dating(cursor)?),
        23 => Expression::Legacy,
        _ => return Err(cursor.unsupported(format!("the condition {operation:#x}"))),
    })
}

fn slot(cursor: &mut Cursor<'_>) -> Result<Slot, ParseError> {
    cursor.i32_be().map(Slot)
}

/// Bytes after their length, filled up with zeros to a multiple of four.
fn data<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], ParseError> {
    let len = u64::from(cursor.u32_be()?);
    let bytes = cursor.take(len)?;
    let padding = cursor.take(len.wrapping_neg() & 3)?;
    if padding.iter().all(|byte| *byte == 0) {
        Ok(bytes)
    } else {
        Err(cursor.invalid("padding that is not zero"))
    }
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, ParseError> {
    let bytes = data(cursor)?;
    String::from_utf8(bytes.to_vec())
        .map_err(|error| cursor.invalid(format!("bytes that are no text ({error})")))
}

fn oid(cursor: &mut Cursor<'_>) -> Result<String, ParseError> {
    let bytes = data(cursor)?;
    match ObjectIdentifier::from_bytes(bytes) {
        Ok(oid) => Ok(oid.to_string()),
        Err(error) => Err(cursor.invalid(format!("a broken object identifier ({error})"))),
    }
}

/// The comparisons (`MatchOperation`).
fn matching(cursor: &mut Cursor<'_>) -> Result<Match, ParseError> {
    let make: fn(String) -> Match = match cursor.u32_be()? {
        0 => return Ok(Match::Exists),
        14 => return Ok(Match::Absent),
        1 => Match::Equal,
        2 => Match::Contains,
        3 => Match::BeginsWith,
        4 => Match::EndsWith,
        5 => Match::Less,
        6 => Match::Greater,
        7 => Match::LessOrEqual,
        8 => Match::GreaterOrEqual,
        other => return Err(cursor.unsupported(format!("the comparison {other}"))),
    };
    text(cursor).map(make)
}

fn dating(cursor: &mut Cursor<'_>) -> Result<DateMatch, ParseError> {
    let make: fn(i64) -> DateMatch = match cursor.u32_be()? {
        0 => return Ok(DateMatch::Exists),
        14 => return Ok(DateMatch::Absent),
        9 => DateMatch::On,
        10 => DateMatch::Before,
        11 => DateMatch::After,
        12 => DateMatch::OnOrBefore,
        13 => DateMatch::OnOrAfter,
        other => return Err(cursor.unsupported(format!("the comparison {other} of times"))),
    };
    let seconds = cursor.u64_be()?;
    Ok(make(seconds.cast_signed()))
}
