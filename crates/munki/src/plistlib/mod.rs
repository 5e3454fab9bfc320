//! Property lists as Munki 6 reads them: with Python's `plistlib`, and in its words for what is wrong.
//!
//! What is damaged is told as Munki 6 told it, so that reports on a repository stay the same to the letter.

mod builder;
mod expat;
mod scalars;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use proplist::Value;

use builder::Builder;
use expat::{Handler, Stop, parse};

/// What `plistlib` says of what is no property list at all.
const INVALID: &str = "Invalid file";

/// Reads a property list as `plistlib` of Python 3.11 does.
///
/// # Errors
/// In `plistlib`'s own words, or in expat's.
pub(crate) fn read(contents: &[u8]) -> Result<Value, String> {
    if contents.starts_with(b"bplist00") {
        return proplist::from_bytes(contents).map_err(|_damaged| INVALID.to_owned());
    }
    let document = Document::of(contents).ok_or(INVALID)?;
    let mut builder = Builder::default();
    document.parse(&mut builder)?;
    builder
        .finish()
        .ok_or_else(|| "it holds no value".to_owned())
}

/// Whether the XML is well-formed, as Core Foundation asks for too; says what is wrong where it is not. Spaces
/// before it are none of its business.
///
/// # Errors
/// If it is not.
pub(crate) fn check_xml(contents: &[u8]) -> Result<(), String> {
    struct Ignored;
    impl Handler for Ignored {}
    let document = match Document::of(contents) {
        Some(document) => document,
        None => Document::Eight(contents.trim_ascii_start()),
    };
    document.parse(&mut Ignored)
}

/// The bytes after the mark that tells their order, if there is one.
enum Document<'a> {
    /// One byte or more for a letter, as the declaration says.
    Eight(&'a [u8]),
    /// Two, the lower first.
    Little(&'a [u8]),
    /// Two, the higher first.
    Big(&'a [u8]),
}

impl<'a> Document<'a> {
    /// What begins as an XML property list does.
    fn of(contents: &'a [u8]) -> Option<Self> {
        let document = match contents {
            [0xff, 0xfe, rest @ ..] => Self::Little(rest),
            [0xfe, 0xff, rest @ ..] => Self::Big(rest),
            [0xef, 0xbb, 0xbf, rest @ ..] | rest => Self::Eight(rest),
        };
        let begins = |start: &str| match &document {
            Self::Eight(bytes) => bytes.starts_with(start.as_bytes()),
            Self::Little(bytes) => is_wide(bytes, start, u16::from_le_bytes),
            Self::Big(bytes) => is_wide(bytes, start, u16::from_be_bytes),
        };
        (begins("<?xml") || begins("<plist")).then_some(document)
    }

    fn parse(&self, handler: &mut impl Handler) -> Result<(), String> {
        let text = self.decode()?;
        parse(&text, handler).map_err(|stop| match stop {
            Stop::Refused(why) => why,
            Stop::Malformed { what, at } => {
                let (line, column) = expat::position(&text, at);
                format!("{what}: line {line}, column {column}")
            }
        })
    }

    /// As UTF-8; what is none stays, for the parser to find.
    fn decode(&self) -> Result<Cow<'a, [u8]>, String> {
        match self {
            Self::Eight(bytes) => eight(bytes),
            Self::Little(bytes) => Ok(Cow::Owned(wide(bytes, u16::from_le_bytes))),
            Self::Big(bytes) => Ok(Cow::Owned(wide(bytes, u16::from_be_bytes))),
        }
    }
}

fn is_wide(bytes: &[u8], start: &str, unit: fn([u8; 2]) -> u16) -> bool {
    units(bytes, unit)
        .take(start.len())
        .eq(start.bytes().map(u16::from))
}

fn units(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> impl Iterator<Item = u16> + '_ {
    bytes
        .chunks_exact(2)
        .filter_map(|pair| pair.try_into().ok())
        .map(unit)
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let letters = char::decode_utf16(units(bytes, unit));
    let text: String = letters
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes()
}

/// Bytes whose declaration says how they are to be read.
fn eight(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let name = declared_encoding(bytes).unwrap_or("utf-8");
    match name.to_ascii_lowercase().as_str() {
        "utf-8" => Ok(Cow::Borrowed(bytes)),
        "iso-8859-1" | "latin1" | "latin-1" => {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            Ok(Cow::Owned(text.into_bytes()))
        }
        // Not a letter beyond ASCII is read; a byte that is none is told as such.
        "us-ascii" | "ascii" | "utf8" => Ok(Cow::Owned(
            bytes
                .iter()
                .map(|byte| if byte.is_ascii() { *byte } else { 0xff })
                .collect(),
        )),
        _ => Err(format!("unknown encoding: {name}")),
    }
}

/// What stands in `<?xml version="1.0" encoding="…"?>`.
fn declared_encoding(bytes: &[u8]) -> Option<&str> {
    let rest = bytes.strip_prefix(b"<?xml")?;
    let end = rest.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(rest.get(..end)?).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value
        .chars()
        .next()
        .filter(|quote| "\"'".contains(*quote))?;
    value.get(1..)?.split(quote).next()
}
