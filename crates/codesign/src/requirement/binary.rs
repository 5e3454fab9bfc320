//! Reads and writes requirements in the form in which signatures carry them.
//!
//! # Source
//! `requirement.h`, `reqmaker.h` and `reqreader.h` in Apple's open Security sources.

use wire::{Cursor, ParseError};

use super::{Expression, Match, RequirementKind, Slot, oid};

const REQUIREMENT: [u8; 4] = [0xfa, 0xde, 0x0c, 0x00];
const REQUIREMENT_SET: [u8; 4] = [0xfa, 0xde, 0x0c, 0x01];
const HEADER_LEN: usize = 8;
const EXPRESSION_FORM: u32 = 1;
const MAX_REQUIREMENTS: u32 = 16;
const MAX_DEPTH: u8 = 64;
/// How many conditions may be chained with `and` and `or`.
const MAX_CHAIN: usize = 10_000;
/// What an interpreter that does not know an operation is to do with it lies in its highest byte.
const OPERATION: u32 = 0x00ff_ffff;
const AND: u32 = 6;
const OR: u32 = 7;

/// The requirements in a set.
pub(super) fn set(set: &[u8]) -> Result<Vec<(RequirementKind, Expression)>, ParseError> {
    let mut cursor = Cursor::new("set of requirements", set);
    cursor.magic(REQUIREMENT_SET)?;
    cursor.skip(4)?; // the length, by which `set` was cut out
    let count = cursor.u32_be()?;
    if count > MAX_REQUIREMENTS {
        return Err(cursor.invalid("too many requirements"));
    }
    let mut found: Vec<(RequirementKind, Expression)> = Vec::new();
    for _ in 0..count {
        let number = cursor.u32_be()?;
        let Some(kind) = RequirementKind::from_number(number) else {
            return Err(cursor.unsupported(format!("the kind of requirement {number}")));
        };
        let mut at = Cursor::new("set of requirements", set);
        at.skip(u64::from(cursor.u32_be()?))?;
        if found.iter().any(|(other, _)| *other == kind) {
            return Err(cursor.invalid("two requirements of one kind"));
        }
        found.push((kind, requirement(&mut at)?));
    }
    Ok(found)
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

/// An operation comes before what it is about, and chains lean to the left: their operations come first, all together.
fn expression(cursor: &mut Cursor<'_>, depth: u8) -> Result<Expression, ParseError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(cursor.invalid("conditions nested too deep"));
    };
    let mut pending = Vec::new();
    let mut operation = cursor.u32_be()? & OPERATION;
    while let AND | OR = operation {
        pending.push(operation);
        if pending.len() > MAX_CHAIN {
            return Err(cursor.invalid("too many conditions"));
        }
        operation = cursor.u32_be()? & OPERATION;
    }
    let mut whole = condition(cursor, operation, depth)?;
    while let Some(operation) = pending.pop() {
        let right = expression(cursor, depth)?;
        whole = match operation {
            AND => Expression::and(whole, right),
            _ => Expression::or(whole, right),
        };
    }
    Ok(whole)
}

/// The operations (`ExprOp`).
fn condition(cursor: &mut Cursor<'_>, operation: u32, depth: u8) -> Result<Expression, ParseError> {
    Ok(match operation {
        0 => Expression::Never,
        1 => Expression::Always,
        2 => Expression::Identifier(text(cursor)?),
        3 => Expression::AnchorApple,
        4 => Expression::CertificateHash(slot(cursor)?, data(cursor)?.to_vec()),
        5 => Expression::Info(text(cursor)?, Match::Equal(text(cursor)?)),
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
        22 => Expression::CertificateDate(slot(cursor)?, oid(cursor)?, matching(cursor)?),
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
    oid::to_text(bytes).ok_or_else(|| cursor.invalid("a broken object identifier"))
}

/// The comparisons (`MatchOperation`).
fn matching(cursor: &mut Cursor<'_>) -> Result<Match, ParseError> {
    let operation = cursor.u32_be()?;
    let compare_text: fn(String) -> Match = match operation {
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
        _ => return timed(cursor, operation),
    };
    text(cursor).map(compare_text)
}

fn timed(cursor: &mut Cursor<'_>, operation: u32) -> Result<Match, ParseError> {
    let compare_time: fn(i64) -> Match = match operation {
        9 => Match::On,
        10 => Match::Before,
        11 => Match::After,
        12 => Match::OnOrBefore,
        13 => Match::OnOrAfter,
        other => return Err(cursor.unsupported(format!("the comparison {other}"))),
    };
    let seconds = cursor.u64_be()?;
    Ok(compare_time(seconds.cast_signed()))
}

/// Writes one requirement with its header.
pub(super) fn write(expression: &Expression) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    writer.number(EXPRESSION_FORM);
    writer.expression(expression);
    blob(REQUIREMENT, &writer.0)
}

/// Writes a set of requirements.
pub(super) fn write_set<'e>(
    set: impl ExactSizeIterator<Item = (RequirementKind, &'e Expression)>,
) -> Vec<u8> {
    let mut index = Writer(Vec::new());
    let mut blobs = Vec::new();
    index.len(set.len());
    let before = set
        .len()
        .saturating_mul(8)
        .saturating_add(HEADER_LEN)
        .saturating_add(4);
    for (kind, expression) in set {
        index.number(kind.number());
        index.len(before.saturating_add(blobs.len()));
        blobs.extend(write(expression));
    }
    index.0.extend(blobs);
    blob(REQUIREMENT_SET, &index.0)
}

fn blob(magic: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut whole = Writer(magic.to_vec());
    whole.len(content.len().saturating_add(HEADER_LEN));
    whole.0.extend_from_slice(content);
    whole.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u32) {
        self.0.extend(number.to_be_bytes());
    }

    /// Nothing that is written here comes near the limit.
    fn len(&mut self, len: usize) {
        self.number(u32::try_from(len).unwrap_or(u32::MAX));
    }

    fn data(&mut self, bytes: &[u8]) {
        self.len(bytes.len());
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn slot(&mut self, operation: u32, slot: Slot) {
        self.number(operation);
        self.0.extend(slot.0.to_be_bytes());
    }

    /// Texts that are no object identifiers do not get into an expression.
    fn oid(&mut self, text: &str) {
        self.data(&oid::to_bytes(text).unwrap_or_default());
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Never => self.number(0),
            Expression::Always => self.number(1),
            Expression::Identifier(name) => self.text(2, name),
            Expression::AnchorApple => self.number(3),
            Expression::CertificateHash(slot, hash) => {
                self.slot(4, *slot);
                self.data(hash);
            }
            Expression::And(terms) => self.chain(AND, terms),
            Expression::Or(terms) => self.chain(OR, terms),
            Expression::CodeDirectoryHash(hash) => {
                self.number(8);
                self.data(hash);
            }
            Expression::Not(inner) => {
                self.number(9);
                self.expression(inner);
            }
            Expression::Info(key, value) => self.keyed(10, key, value),
            Expression::CertificateField(slot, key, value) => {
                self.slot(11, *slot);
                self.data(key.as_bytes());
                self.matching(value);
            }
            Expression::CertificateTrusted(slot) => self.slot(12, *slot),
            Expression::AnchorTrusted => self.number(13),
            Expression::CertificateExtension(slot, oid, value) => {
                self.marked(14, *slot, oid, value);
            }
            Expression::AnchorAppleGeneric => self.number(15),
            Expression::Entitlement(key, value) => self.keyed(16, key, value),
            Expression::CertificatePolicy(slot, oid, value) => self.marked(17, *slot, oid, value),
            Expression::AnchorAppleNamed(name) => self.text(18, name),
            Expression::NamedCode(name) => self.text(19, name),
            Expression::Platform(number) => self.slot(20, Slot(*number)),
            Expression::Notarized => self.number(21),
            Expression::CertificateDate(slot, oid, value) => self.marked(22, *slot, oid, value),
            Expression::Legacy => self.number(23),
        }
    }

    fn chain(&mut self, operation: u32, terms: &[Expression]) {
        for _ in 1..terms.len() {
            self.number(operation);
        }
        for term in terms {
            self.expression(term);
        }
    }

    fn text(&mut self, operation: u32, text: &str) {
        self.number(operation);
        self.data(text.as_bytes());
    }

    fn keyed(&mut self, operation: u32, key: &str, value: &Match) {
        self.text(operation, key);
        self.matching(value);
    }

    fn marked(&mut self, operation: u32, slot: Slot, oid: &str, value: &Match) {
        self.slot(operation, slot);
        self.oid(oid);
        self.matching(value);
    }

    fn matching(&mut self, value: &Match) {
        match value {
            Match::Exists => self.number(0),
            Match::Equal(text) => self.text(1, text),
            Match::Contains(text) => self.text(2, text),
            Match::BeginsWith(text) => self.text(3, text),
            Match::EndsWith(text) => self.text(4, text),
            Match::Less(text) => self.text(5, text),
            Match::Greater(text) => self.text(6, text),
            Match::LessOrEqual(text) => self.text(7, text),
            Match::GreaterOrEqual(text) => self.text(8, text),
            Match::On(time) => self.time(9, *time),
            Match::Before(time) => self.time(10, *time),
            Match::After(time) => self.time(11, *time),
            Match::OnOrBefore(time) => self.time(12, *time),
            Match::OnOrAfter(time) => self.time(13, *time),
            Match::Absent => self.number(14),
        }
    }

    fn time(&mut self, operation: u32, seconds: i64) {
        self.number(operation);
        self.0.extend(seconds.to_be_bytes());
    }
}
