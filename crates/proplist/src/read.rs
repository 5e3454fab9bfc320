//! Reads XML and binary property lists.

use std::io;

use base64::Engine as _;
use chrono::{DateTime, NaiveDateTime, Utc};
use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesRef, Event},
};

use crate::{
    Dict, ReadError, Value, ValueError,
    strict::{Guard, LATIN_1, declared_encoding, latin_1},
};

/// No real property list nests deeper; what does is an attack on the stack.
const DEEPEST: usize = 128;

/// Reads a property list, binary or XML (UTF-8, ISO-8859-1 if it declares that, or UTF-16 with a byte order mark).
///
/// # Errors
/// If the bytes are neither.
///
/// # Source
/// `plist(5)`; behaviour in odd cases: `plistlib.py` of `CPython` 3.11.
pub fn from_bytes(bytes: &[u8]) -> Result<Value, ReadError> {
    if bytes.starts_with(b"bplist") {
        let value = plist::Value::from_reader(io::Cursor::new(bytes)).map_err(ReadError::Binary)?;
        return from_plist(value, DEEPEST);
    }
    match bytes {
        [0xff, 0xfe, rest @ ..] => from_xml(&utf16(rest, u16::from_le_bytes), None),
        [0xfe, 0xff, rest @ ..] => from_xml(&utf16(rest, u16::from_be_bytes), None),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => match declared_encoding(rest).as_deref() {
            Some(LATIN_1) => from_xml(&latin_1(rest), None),
            _ => from_xml(&String::from_utf8_lossy(rest), None),
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes
        .chunks_exact(2)
        .filter_map(|pair| pair.try_into().ok())
        .map(unit);
    char::decode_utf16(units)
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn from_plist(value: plist::Value, depth: usize) -> Result<Value, ReadError> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(ReadError::Structure {
            what: "too deeply nested".to_owned(),
            line: 1,
        });
    };
    Ok(match value {
        plist::Value::Array(values) => Value::Array(
            values
                .into_iter()
                .map(|value| from_plist(value, deeper))
                .collect::<Result<_, _>>()?,
        ),
        plist::Value::Boolean(yes) => Value::Bool(yes),
        plist::Value::Data(bytes) => Value::Data(bytes),
        plist::Value::Date(date) => {
            let time: std::time::SystemTime = date.into();
            Value::Date(DateTime::<Utc>::from(time))
        }
        plist::Value::Dictionary(dict) => Value::Dict(
            dict.into_iter()
                .map(|(key, value)| from_plist(value, deeper).map(|value| (key, value)))
                .collect::<Result<_, _>>()?,
        ),
        plist::Value::Integer(number) => Value::Integer(
            number
                .as_signed()
                .map(i128::from)
                .or_else(|| number.as_unsigned().map(i128::from))
                .unwrap_or_default(),
        ),
        plist::Value::Real(number) => Value::Real(number),
        plist::Value::String(text) => Value::String(text),
        plist::Value::Uid(uid) => Value::Integer(i128::from(uid.get())),
        _ => {
            return Err(ReadError::Structure {
                what: "an unknown kind of value".to_owned(),
                line: 1,
            });
        }
    })
}

/// Reads XML; what `guard` objects to is refused.
pub(crate) fn from_xml(text: &str, mut guard: Option<Guard>) -> Result<Value, ReadError> {
    // XML 1.0 §2.11: line ends reach the application as LF.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_end_names = true;
    reader.config_mut().check_comments = guard.is_some();
    let mut builder = Builder::default();
    loop {
        let position = reader.buffer_position();
        let line = || line_at(&text, position);
        let event = reader.read_event().map_err(|source| ReadError::Xml {
            line: line(),
            source,
        })?;
        if let Some(guard) = &mut guard
            && guard
                .look(&event)
                .map_err(|what| Fault::Structure(what).on_line(line()))?
        {
            continue;
        }
        let done = builder
            .event(&event)
            .map_err(|fault| fault.on_line(line()))?;
        if done {
            break;
        }
    }
    let line = line_at(&text, reader.buffer_position());
    builder.root.ok_or_else(|| ReadError::Structure {
        what: "it holds no value".to_owned(),
        line,
    })
}

/// What is wrong with an event, before it is known on which line it stands.
enum Fault {
    Structure(String),
    Value { what: String, source: ValueError },
}

impl Fault {
    fn on_line(self, line: usize) -> ReadError {
        match self {
            Self::Structure(what) => ReadError::Structure { what, line },
            Self::Value { what, source } => ReadError::Value { what, line, source },
        }
    }

    fn structure(what: impl Into<String>) -> Self {
        Self::Structure(what.into())
    }
}

fn line_at(text: &str, position: u64) -> usize {
    let end = usize::try_from(position)
        .unwrap_or(usize::MAX)
        .min(text.len());
    text.bytes()
        .take(end)
        .filter(|byte| *byte == b'\n')
        .count()
        .saturating_add(1)
}

/// What is open, and what has been read inside it.
enum Open {
    Array(Vec<Value>),
    Dict { dict: Dict, key: Option<String> },
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    /// Text since the last start tag, as `plistlib` gathers it.
    text: String,
    root: Option<Value>,
}

impl Builder {
    /// Takes one event; true at the end of the document.
    fn event(&mut self, event: &Event<'_>) -> Result<bool, Fault> {
        match event {
            Event::Start(tag) => self.open(tag.name().as_ref())?,
            Event::End(tag) => self.close(tag.name().as_ref())?,
            Event::Text(text) => self.text.push_str(text),
            Event::CData(text) => self.text.push_str(text),
            Event::GeneralRef(reference) => self.text.push_str(&resolve(reference)?),
            Event::DocType(declaration) => refuse_entities(declaration)?,
            Event::Eof => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    fn open(&mut self, name: &str) -> Result<(), Fault> {
        self.text.clear();
        match name {
            "dict" => self.push(Open::Dict {
                dict: Dict::new(),
                key: None,
            }),
            "array" => self.push(Open::Array(Vec::new())),
            _ => Ok(()),
        }
    }

    fn push(&mut self, open: Open) -> Result<(), Fault> {
        if self.stack.len() >= DEEPEST {
            return Err(Fault::structure("too deeply nested"));
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), Fault> {
        let text = std::mem::take(&mut self.text);
        match name {
            "key" => self.key(text),
            "string" => self.add(Value::String(text)),
            "integer" => self.add(integer(&text)?),
            "real" => self.add(real(&text)?),
            "true" => self.add(Value::Bool(true)),
            "false" => self.add(Value::Bool(false)),
            "date" => self.add(date(&text)?),
            "data" => self.add(data(&text)?),
            "dict" | "array" => self.close_container(),
            // As plistlib does: an unknown element is passed over, what is in it is not.
            _ => Ok(()),
        }
    }

    fn key(&mut self, text: String) -> Result<(), Fault> {
        match self.stack.last_mut() {
            Some(Open::Dict {
                key: key @ None, ..
            }) => {
                *key = Some(text);
                Ok(())
            }
            Some(Open::Dict { key: Some(key), .. }) => {
                Err(Fault::Structure(format!("no value for the key `{key}`")))
            }
            _ => Err(Fault::Structure(format!(
                "the key `{text}` is not in a dictionary"
            ))),
        }
    }

    fn close_container(&mut self) -> Result<(), Fault> {
        match self.stack.pop() {
            Some(Open::Array(values)) => self.add(Value::Array(values)),
            Some(Open::Dict { dict, key: None }) => self.add(Value::Dict(dict)),
            Some(Open::Dict { key: Some(key), .. }) => {
                Err(Fault::Structure(format!("no value for the key `{key}`")))
            }
            None => Err(Fault::structure("an end without a start")),
        }
    }

    fn add(&mut self, value: Value) -> Result<(), Fault> {
        match self.stack.last_mut() {
            Some(Open::Array(values)) => values.push(value),
            Some(Open::Dict { dict, key }) => match key.take() {
                Some(key) => {
                    dict.insert(key, value);
                }
                None => return Err(Fault::structure("a value without a key")),
            },
            None if self.root.is_none() => self.root = Some(value),
            None => return Err(Fault::structure("a second value beside the first")),
        }
        Ok(())
    }
}

/// plistlib refuses entity declarations (CVE-2022-48565), and so do we.
fn refuse_entities(declaration: &str) -> Result<(), Fault> {
    if declaration.contains("<!ENTITY") {
        return Err(Fault::structure("entity declarations are not allowed"));
    }
    Ok(())
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, Fault> {
    if let Ok(Some(letter)) = reference.resolve_char_ref() {
        return Ok(letter.into());
    }
    let name: &str = reference;
    resolve_xml_entity(name)
        .map(str::to_owned)
        .ok_or_else(|| Fault::Structure(format!("the entity `&{name};` is not defined")))
}

fn integer(text: &str) -> Result<Value, Fault> {
    let trimmed = text.trim();
    let number = match trimmed
        .strip_prefix("0x")
        .or_else(|| trimmed.strip_prefix("0X"))
    {
        Some(digits) => i128::from_str_radix(digits, 16),
        None => trimmed.parse(),
    };
    number.map(Value::Integer).map_err(|source| Fault::Value {
        what: format!("`{trimmed}` is not a whole number"),
        source: ValueError::Integer(source),
    })
}

fn real(text: &str) -> Result<Value, Fault> {
    let trimmed = text.trim();
    trimmed
        .parse()
        .map(Value::Real)
        .map_err(|source| Fault::Value {
            what: format!("`{trimmed}` is not a number"),
            source: ValueError::Real(source),
        })
}

fn date(text: &str) -> Result<Value, Fault> {
    let trimmed = text.trim();
    NaiveDateTime::parse_from_str(trimmed, "%Y-%m-%dT%H:%M:%SZ")
        .map(|date| Value::Date(date.and_utc()))
        .map_err(|source| Fault::Value {
            what: format!("`{trimmed}` is not a date"),
            source: ValueError::Date(source),
        })
}

fn data(text: &str) -> Result<Value, Fault> {
    let digits: String = text.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD
        .decode(digits)
        .map(Value::Data)
        .map_err(|source| Fault::Value {
            what: "data that is not base64".to_owned(),
            source: ValueError::Data(source),
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<Value, ReadError> {
        from_bytes(
            format!("<?xml version=\"1.0\"?>\n<plist version=\"1.0\">{body}</plist>").as_bytes(),
        )
    }

    #[test]
    fn keeps_cdata_and_normalises_line_ends() {
        let value = read("<string>a\r\n<![CDATA[<b>&amp;\r]]>&lt;&#65;</string>").unwrap();
        assert_eq!(value, Value::from("a\n<b>&amp;\n<A"));
    }

    #[test]
    fn obeys_the_declaration_of_latin_1_and_no_other() {
        let read = |encoding: &str| {
            let head = format!("<?xml version='1.0' encoding='{encoding}'?>");
            from_bytes(&[head.as_bytes(), b"<plist><string>\xe9</string></plist>"].concat())
        };
        assert_eq!(read("ISO-8859-1").unwrap(), Value::from("\u{e9}"));
        assert_eq!(read("UTF-8").unwrap(), Value::from("\u{fffd}"));
        assert_eq!(read("nonsense").unwrap(), Value::from("\u{fffd}"));
    }

    #[test]
    fn the_last_of_two_equal_keys_wins_in_the_first_ones_place() {
        let value = read(
            "<dict><key>a</key><integer>1</integer><key>b</key><true/><key>a</key><string/></dict>",
        )
        .unwrap();
        let dict = value.as_dict().unwrap();
        assert_eq!(dict.get_index(0), Some((&"a".to_owned(), &Value::from(""))));
        assert_eq!(dict.len(), 2);
    }

    #[test]
    fn reads_every_kind() {
        let value = read("<array><integer>-0x10</integer></array>");
        assert!(
            value.is_err(),
            "Python takes a sign only before decimal digits"
        );
        let value = read(
            "<array><integer>0xff</integer><real>2.5</real><date>2026-11-24T20:00:00Z</date>\
             <data> aGk=\n</data><false/></array>",
        )
        .unwrap();
        assert_eq!(
            serde_json::Value::from(&value).to_string(),
            r#"[255,2.5,"2026-11-24T20:00:00Z","6869",false]"#
        );
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let error = read("<dict>\n<key>a</key>\n</dict>").unwrap_err();
        assert_eq!(
            error.to_string(),
            "not a property list: no value for the key `a` near line 4"
        );
        for body in [
            "",
            "<dict><true/></dict>",
            "<key>a</key>",
            "<true/><true/>",
            "<string>&nope;</string>",
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }

    #[test]
    fn keeps_what_is_wrong_with_a_value() {
        for (body, shown, source) in [
            (
                "<integer>1x</integer>",
                "`1x` is not a whole number",
                "not a whole number",
            ),
            ("<real>1x</real>", "`1x` is not a number", "not a number"),
            (
                "<date>1x</date>",
                "`1x` is not a date",
                "not of the form `2026-11-24T20:00:00Z`",
            ),
            ("<data>1x</data>", "data that is not base64", "not base64"),
        ] {
            let error = read(body).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("not a property list: {shown} near line 2")
            );
            let kind = std::error::Error::source(&error).unwrap();
            assert_eq!(kind.to_string(), source);
            assert!(kind.source().is_some(), "{body}");
        }
    }

    #[test]
    fn refuses_deep_nesting() {
        assert!(read(&"<array>".repeat(100_000)).is_err());
        let fine = format!("{}{}", "<array>".repeat(100), "</array>".repeat(100));
        assert!(read(&fine).is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, text: String) {
            let (_, _, _) = (from_bytes(&bytes).is_ok(), read(&text).is_ok(), from_bytes(&[b"bplist00", &*bytes].concat()).is_ok());
        }
    }
}
