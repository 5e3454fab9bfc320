//! Reads the distinguished encoding of ASN.1, and turns Apple's looser encoding into it.

use const_oid::ObjectIdentifier;
use model::Timestamp;
use wire::{Cursor, ParseError};

/// The tags that occur (X.680 §8.4), with the bit for constructed values.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const BMP: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    pub(crate) const CONSTRUCTED: u8 = 0x20;

    /// The constructed value with number `number` of the context.
    pub(crate) const fn context(number: u8) -> u8 {
        0xa0 | number
    }

    /// The primitive value with number `number` of the context.
    pub(crate) const fn context_primitive(number: u8) -> u8 {
        0x80 | number
    }
}

/// How deep values may nest in one another.
const MAX_DEPTH: u8 = 32;

/// One value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Node<'a> {
    /// What it is.
    pub(crate) tag: u8,
    /// Its bytes without tag and length.
    pub(crate) content: &'a [u8],
    /// All its bytes.
    pub(crate) whole: &'a [u8],
}

/// Reads values one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    structure: &'static str,
    cursor: Cursor<'a>,
}

impl<'a> Reader<'a> {
    /// A reader of the values that `bytes` hold, which make up a `structure`.
    pub(crate) const fn new(structure: &'static str, bytes: &'a [u8]) -> Self {
        Self {
            structure,
            cursor: Cursor::new(structure, bytes),
        }
    }

    /// The one value that `bytes` hold, and nothing after it.
    pub(crate) fn only(
        structure: &'static str,
        bytes: &'a [u8],
        tag: u8,
    ) -> Result<Self, ParseError> {
        let mut reader = Self::new(structure, bytes);
        let inner = reader.constructed(tag)?;
        reader.finish()?;
        Ok(inner)
    }

    /// The tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.cursor.rest().first().copied()
    }

    /// Whether there is no further value.
    pub(crate) const fn is_empty(&self) -> bool {
        self.cursor.is_empty()
    }

    /// The next value.
    pub(crate) fn any(&mut self) -> Result<Node<'a>, ParseError> {
        let start = self.cursor.rest();
        let (tag, len) = header(&mut self.cursor)?;
        let Some(len) = len else {
            return Err(self.cursor.invalid("a value of indefinite length"));
        };
        let content = self.cursor.take(len)?;
        let used = start.len().saturating_sub(self.cursor.rest().len());
        let whole = start.get(..used).unwrap_or_default();
        Ok(Node {
            tag,
            content,
            whole,
        })
    }

    /// The next value, which must have that tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Node<'a>, ParseError> {
        if self.peek() != Some(tag) {
            let found = self
                .peek()
                .map_or_else(|| "nothing".to_owned(), |tag| format!("{tag:#04x}"));
            return Err(self
                .cursor
                .invalid(format!("tag {tag:#04x} is expected, found {found}")));
        }
        self.any()
    }

    /// The next value if it has that tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Node<'a>>, ParseError> {
        match self.peek() {
            Some(next) if next == tag => self.any().map(Some),
            _ => Ok(None),
        }
    }

    /// The values in the next value, which must have that tag.
    pub(crate) fn constructed(&mut self, tag: u8) -> Result<Self, ParseError> {
        let structure = self.structure;
        self.expect(tag)
            .map(|node| Self::new(structure, node.content))
    }

    /// The next value, an object identifier.
    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier, ParseError> {
        let node = self.expect(tag::OID)?;
        ObjectIdentifier::from_bytes(node.content).map_err(|error| {
            self.cursor
                .invalid(format!("an object identifier that is broken ({error})"))
        })
    }

    /// The next value, a number that is not negative: its bytes without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], ParseError> {
        let node = self.expect(tag::INTEGER)?;
        match node.content {
            [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Ok(rest),
            [0] => Ok(&[]),
            [first, ..] if (1..0x80).contains(first) => Ok(node.content),
            _ => Err(self
                .cursor
                .invalid("a number that is negative or not written as short as it can be")),
        }
    }

    /// The next value, a small number.
    pub(crate) fn small(&mut self) -> Result<u64, ParseError> {
        let bytes = self.unsigned()?;
        if bytes.len() > 8 {
            return Err(self.cursor.invalid("a number that is too large"));
        }
        Ok(bytes
            .iter()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// The next value, a bit string of whole bytes.
    pub(crate) fn bits(&mut self) -> Result<&'a [u8], ParseError> {
        match self.expect(tag::BIT_STRING)?.content {
            [0, rest @ ..] => Ok(rest),
            _ => Err(self
                .cursor
                .invalid("a bit string that does not end with a whole byte")),
        }
    }

    /// The next value, an algorithm without parameters that matter: they are missing or null.
    pub(crate) fn algorithm(&mut self) -> Result<ObjectIdentifier, ParseError> {
        let mut algorithm = self.constructed(tag::SEQUENCE)?;
        let oid = algorithm.oid()?;
        if let Some(null) = algorithm.optional(tag::NULL)?
            && !null.content.is_empty()
        {
            return Err(algorithm.cursor.invalid("a null that is not empty"));
        }
        algorithm.finish()?;
        Ok(oid)
    }

    /// The next value, a time of one of the two kinds, in whole seconds.
    pub(crate) fn time(&mut self) -> Result<Timestamp, ParseError> {
        let node = self.any()?;
        let text = String::from_utf8_lossy(node.content).into_owned();
        let parsed = match node.tag {
            tag::UTC_TIME => utc_time(&text),
            tag::GENERALIZED_TIME => generalized_time(&text),
            _ => None,
        };
        parsed.ok_or_else(|| self.cursor.invalid(format!("`{text}` is not a time")))
    }

    /// States that everything has been read.
    pub(crate) const fn finish(self) -> Result<(), ParseError> {
        self.cursor.finish()
    }

    /// An error that says what is wrong here.
    pub(crate) fn invalid(&self, what: impl Into<String>) -> ParseError {
        self.cursor.invalid(what)
    }
}

/// Years from 50 on are of the last century (RFC 5280 §4.1.2.5.1).
fn utc_time(text: &str) -> Option<Timestamp> {
    let century = if text.get(..2)?.parse::<u8>().ok()? < 50 {
        "20"
    } else {
        "19"
    };
    generalized_time(&format!("{century}{text}"))
}

/// `20260131235959Z`, with or without parts of a second.
fn generalized_time(text: &str) -> Option<Timestamp> {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) => {
            let digits = fraction.strip_suffix('Z')?;
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            format!("{whole}Z")
        }
        None => text.to_owned(),
    };
    let time = chrono::NaiveDateTime::parse_from_str(&whole, "%Y%m%d%H%M%SZ").ok()?;
    Some(time.and_utc().into())
}

/// The tag, and the length unless it is indefinite.
fn header(cursor: &mut Cursor<'_>) -> Result<(u8, Option<u64>), ParseError> {
    let tag = cursor.u8()?;
    if tag & 0x1f == 0x1f {
        return Err(cursor.unsupported("a tag of several bytes"));
    }
    let first = cursor.u8()?;
    let len = match first {
        0..=0x7f => u64::from(first),
        0x80 => return Ok((tag, None)),
        0x81 => long_len(cursor, 1, 1 << 7)?,
        0x82 => long_len(cursor, 2, 1 << 8)?,
        0x83 => long_len(cursor, 3, 1 << 16)?,
        0x84 => long_len(cursor, 4, 1 << 24)?,
        _ => return Err(cursor.invalid("a length of too many bytes")),
    };
    Ok((tag, Some(len)))
}

/// A length of `bytes` bytes; lengths below `least` are written shorter.
fn long_len(cursor: &mut Cursor<'_>, bytes: u8, least: u64) -> Result<u64, ParseError> {
    let mut len = 0;
    for _ in 0..bytes {
        len = (len << 8) | u64::from(cursor.u8()?);
    }
    if len < least {
        return Err(cursor.invalid("a length that is not written as short as it can be"));
    }
    Ok(len)
}

/// The distinguished encoding of the value that `bytes` begin with, which may have indefinite lengths and octet
/// strings in pieces, as Apple's encoder writes them; and what follows the value.
pub(crate) fn to_der<'a>(
    structure: &'static str,
    bytes: &'a [u8],
) -> Result<(Vec<u8>, &'a [u8]), ParseError> {
    let mut cursor = Cursor::new(structure, bytes);
    let mut der = Vec::new();
    transcode(&mut cursor, MAX_DEPTH, &mut der)?;
    Ok((der, cursor.rest()))
}

fn transcode(cursor: &mut Cursor<'_>, depth: u8, der: &mut Vec<u8>) -> Result<(), ParseError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(cursor.invalid("values nested too deep"));
    };
    let (tag, len) = header(cursor)?;
    if tag & tag::CONSTRUCTED == 0 {
        let Some(len) = len else {
            return Err(cursor.invalid("a simple value of indefinite length"));
        };
        write(tag, cursor.take(len)?, der);
        return Ok(());
    }
    let mut content = Vec::new();
    if let Some(len) = len {
        let mut inner = cursor.part("ASN.1 value", len)?;
        while !inner.is_empty() {
            transcode(&mut inner, depth, &mut content)?;
        }
    } else {
        while !cursor.rest().starts_with(&[0, 0]) {
            transcode(cursor, depth, &mut content)?;
        }
        cursor.skip(2)?;
    }
    if tag == tag::OCTET_STRING | tag::CONSTRUCTED {
        let mut pieces = Reader::new("ASN.1 octet string in pieces", &content);
        let mut joined = Vec::new();
        while !pieces.is_empty() {
            joined.extend_from_slice(pieces.expect(tag::OCTET_STRING)?.content);
        }
        write(tag::OCTET_STRING, &joined, der);
        return Ok(());
    }
    write(tag, &content, der);
    Ok(())
}

/// Appends a value in the distinguished encoding.
pub(crate) fn write(tag: u8, content: &[u8], der: &mut Vec<u8>) {
    der.push(tag);
    let len = content.len() as u64;
    if let Ok(short) = u8::try_from(len)
        && short < 0x80
    {
        der.push(short);
    } else {
        let bytes = len.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        let count = bytes.len().saturating_sub(skip);
        der.push(0x80 | u8::try_from(count).unwrap_or(8));
        der.extend(bytes.iter().skip(skip));
    }
    der.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn indefinite_lengths_and_pieces_become_definite() {
        let loose = [0x30, 0x80, 0x24, 0x80, 4, 1, b'a', 4, 1, b'b', 0, 0, 0, 0];
        assert_eq!(to_der("x", &loose).unwrap().0, [0x30, 4, 4, 2, b'a', b'b']);
    }

    #[test]
    fn what_is_not_written_as_short_as_it_can_be_is_refused() {
        for bytes in [
            &[0x04, 0x81, 1, 0][..],
            &[0x04, 0x82, 0, 0x80],
            &[0x1f, 0x81, 0],
            &[4, 0x85, 0, 0, 0, 0, 1],
        ] {
            assert!(to_der("x", bytes).is_err(), "{bytes:?}");
        }
        assert!(Reader::new("x", &[2, 2, 0, 1]).unsigned().is_err());
        assert!(Reader::new("x", &[2, 1, 0x80]).unsigned().is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(to_der("x", &[0x30, 0x80].repeat(1000)).is_err());
    }

    #[test]
    fn times_are_read_in_both_forms() {
        let mut bytes = vec![0x17, 13];
        bytes.extend(b"260131235959Z");
        assert_eq!(
            Reader::new("x", &bytes).time().unwrap().to_string(),
            "2026-01-31T23:59:59Z"
        );
        assert_eq!(
            generalized_time("20260131235959.25Z"),
            generalized_time("20260131235959Z")
        );
        assert_eq!(generalized_time("20260131235959.Z"), None);
        assert_eq!(generalized_time("2026013123595"), None);
    }

    proptest! {
        #[test]
        fn never_panics_and_agrees_with_itself(bytes: Vec<u8>) {
            if let Ok((der, _)) = to_der("x", &bytes) {
                prop_assert_eq!(to_der("x", &der).unwrap().0, der);
            }
        }

        #[test]
        fn long_values_keep_their_length(len in 0_usize..70_000) {
            let mut der = Vec::new();
            write(4, &vec![7; len], &mut der);
            prop_assert_eq!(Reader::new("x", &der).any().unwrap().content.len(), len);
        }
    }
}
