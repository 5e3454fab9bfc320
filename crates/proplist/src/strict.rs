//! What makes XML well-formed, for readers that must refuse what others refuse.
//!
//! [`from_bytes`](crate::from_bytes) is lenient, as Core Foundation is: it takes what it can make sense of. A recipe
//! that Python refuses is no recipe to `AutoPkg`, so [`from_bytes_strict`] refuses it too.
//!
//! # Source
//! XML 1.0; behaviour: `plistlib.py` and `pyexpat` of `CPython` 3.11.

use std::borrow::Cow;

use quick_xml::{
    escape::resolve_xml_entity,
    events::{BytesRef, BytesStart, Event},
};

use crate::{ReadError, Value, read};

/// Reads a property list as Python's `plistlib` does: text that is not well-formed XML in the encoding it declares,
/// or has anything but a byte order mark before its first tag, is refused.
///
/// # Errors
/// If the bytes are no property list, or not well-formed.
pub fn from_bytes_strict(bytes: &[u8]) -> Result<Value, ReadError> {
    if bytes.starts_with(b"bplist00") {
        return read::from_bytes(bytes);
    }
    let malformed = |what: &str| ReadError::Structure {
        what: what.to_owned(),
        line: 1,
    };
    let text = decoded(bytes).map_err(malformed)?;
    if !text.starts_with("<?xml") && !text.starts_with("<plist") {
        return Err(malformed("it does not begin as one"));
    }
    check_declaration(&text).map_err(malformed)?;
    if let Some(letter) = text.chars().find(|letter| !is_xml(*letter)) {
        return Err(malformed(&format!("the character {letter:?}")));
    }
    read::from_xml(&text, Some(Guard::default()))
}

/// The text, by its byte order mark or the encoding that it declares.
fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest
            .chunks_exact(2)
            .filter_map(|pair| pair.try_into().ok())
            .map(unit)
            .collect();
        String::from_utf16(&units)
            .map(Cow::Owned)
            .map_err(|_lone| "text that is not UTF-16")
    };
    let (text, is_utf16) = match bytes {
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes)?, true),
        [0xfe, 0xff, rest @ ..] => (utf16(rest, u16::from_be_bytes)?, true),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => {
            let text = match declared_encoding(rest).as_deref() {
                None | Some("utf-8") => {
                    Cow::Borrowed(str::from_utf8(rest).map_err(|_at| "text that is not UTF-8")?)
                }
                Some("us-ascii" | "ascii") if rest.is_ascii() => String::from_utf8_lossy(rest),
                Some(LATIN_1) => latin_1(rest).into(),
                _ => {
                    return Err(
                        "text in another encoding than it declares, or in one not read here",
                    );
                }
            };
            (text, false)
        }
    };
    let declares_utf16 = encoding(&text).is_none_or(|name| name.eq_ignore_ascii_case("utf-16"));
    if is_utf16 && !declares_utf16 {
        return Err("text in another encoding than it declares");
    }
    Ok(text)
}

/// What [`latin_1`] reads, as [`declared_encoding`] answers it.
pub(crate) const LATIN_1: &str = "iso-8859-1";

/// Each byte is the character of its number.
pub(crate) fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The encoding that the declaration at the start of `bytes` names, in small letters.
pub(crate) fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..200).unwrap_or(bytes);
    encoding(&String::from_utf8_lossy(head)).map(str::to_ascii_lowercase)
}

/// The encoding that the declaration at the start of `text` names.
fn encoding(text: &str) -> Option<&str> {
    let declaration = text.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start();
    let value = value.strip_prefix('=')?.trim_start();
    let quote = value
        .chars()
        .next()
        .filter(|letter| matches!(letter, '"' | '\''))?;
    Some(value.strip_prefix(quote)?.split_once(quote)?.0)
}

/// `version`, then perhaps `encoding`, then perhaps `standalone`, and nothing else.
fn check_declaration(text: &str) -> Result<(), &'static str> {
    const WRONG: &str = "its XML declaration";
    let Some(rest) = text.strip_prefix("<?xml") else {
        return Ok(());
    };
    let mut rest = rest.split_once("?>").ok_or(WRONG)?.0;
    let mut names = ["version", "encoding", "standalone"].iter();
    let mut some = false;
    while !rest.trim_start().is_empty() {
        let from = rest.trim_start();
        let spaced = from.len() < rest.len();
        let (name, value) = from.split_once('=').ok_or(WRONG)?;
        let (name, value) = (name.trim_end(), value.trim_start());
        let quote = value
            .chars()
            .next()
            .filter(|letter| matches!(letter, '"' | '\''));
        let quote = quote.ok_or(WRONG)?;
        let value = value.strip_prefix(quote).ok_or(WRONG)?;
        let (value, behind) = value.split_once(quote).ok_or(WRONG)?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-:".contains(letter);
        let fine = match name {
            "standalone" => matches!(value, "yes" | "no"),
            "encoding" => {
                value.starts_with(|letter: char| letter.is_ascii_alphabetic())
                    && value.chars().all(plain)
            }
            _ => value.chars().all(plain),
        };
        if !spaced || !fine || (!some && name != "version") || !names.any(|known| *known == name) {
            return Err(WRONG);
        }
        some = true;
        rest = behind;
    }
    if some { Ok(()) } else { Err(WRONG) }
}

/// Whether XML 1.0 knows the character.
const fn is_xml(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// What has been seen of the document so far.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    events: usize,
    depth: usize,
    has_root: bool,
    has_type: bool,
    has_external_type: bool,
}

impl Guard {
    /// Looks at one event; whether it is to be passed over.
    pub(crate) fn look(&mut self, event: &Event<'_>) -> Result<bool, String> {
        self.events = self.events.saturating_add(1);
        match event {
            Event::Start(tag) => self.start(tag)?,
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                if !is_name(tag.name().as_ref()) {
                    return Err("an end tag that is more than a name".to_owned());
                }
            }
            Event::Text(text) => {
                if text.contains("]]>") {
                    return Err("`]]>` in a text".to_owned());
                }
                if self.depth == 0 && text.contains(|letter| !is_space(letter)) {
                    return Err("text outside its root".to_owned());
                }
            }
            Event::CData(_) if self.depth == 0 => return Err("text outside its root".to_owned()),
            Event::GeneralRef(reference) => return self.reference(reference),
            Event::Decl(_) if self.events > 1 => {
                return Err("an XML declaration that is not at its start".to_owned());
            }
            Event::PI(instruction) => {
                let target = instruction.target();
                if !is_name(target) || target.eq_ignore_ascii_case("xml") {
                    return Err("a processing instruction without a name".to_owned());
                }
            }
            Event::DocType(declaration) => self.document_type(declaration)?,
            Event::Eof if self.depth > 0 || !self.has_root => {
                return Err("it ends too soon".to_owned());
            }
            _ => {}
        }
        Ok(false)
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        if self.depth == 0 && std::mem::replace(&mut self.has_root, true) {
            return Err("a second root".to_owned());
        }
        self.depth = self.depth.saturating_add(1);
        if !is_name(tag.name().as_ref()) {
            return Err("a tag without a name".to_owned());
        }
        let mut behind = tag.attributes_raw();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value: &str = &attribute.value;
            if !is_name(attribute.key.as_ref()) || value.contains('<') {
                return Err("an attribute that is none".to_owned());
            }
            let spaced = behind.trim_start_matches(is_space);
            if spaced.len() == behind.len() {
                return Err("two attributes without a space between them".to_owned());
            }
            // The name, the sign, the quotes and blanks around them.
            let end = spaced.find(value).map_or(spaced.len(), |at| {
                at.saturating_add(value.len()).saturating_add(1)
            });
            behind = spaced.get(end..).unwrap_or_default();
        }
        Ok(())
    }

    fn reference(&self, reference: &BytesRef<'_>) -> Result<bool, String> {
        if self.depth == 0 {
            return Err("a reference outside its root".to_owned());
        }
        let name: &str = reference;
        if name.starts_with('#') {
            return match reference.resolve_char_ref() {
                Ok(Some(letter)) if is_xml(letter) => Ok(false),
                _ => Err(format!("the reference `&{name};` to no character")),
            };
        }
        if !is_name(name) {
            return Err("`&` that begins no reference".to_owned());
        }
        // The document type that is elsewhere might define it, so it is passed over.
        Ok(self.has_external_type && resolve_xml_entity(name).is_none())
    }

    fn document_type(&mut self, declaration: &str) -> Result<(), String> {
        if self.has_root || std::mem::replace(&mut self.has_type, true) {
            return Err("a document type that is not in its place".to_owned());
        }
        let (name, rest) = declaration
            .trim_matches(is_space)
            .split_once(is_space)
            .unwrap_or((declaration.trim_matches(is_space), ""));
        let (rest, _) = rest.split_once('[').unwrap_or((rest, ""));
        let rest = rest.trim_matches(is_space);
        let fine = if let Some(ids) = rest.strip_prefix("PUBLIC") {
            self.has_external_type = true;
            quoted(ids).is_some_and(|(public, behind)| {
                public.chars().all(is_public)
                    && quoted(behind).is_some_and(|(_, behind)| behind.is_empty())
            })
        } else if let Some(ids) = rest.strip_prefix("SYSTEM") {
            self.has_external_type = true;
            quoted(ids).is_some_and(|(_, behind)| behind.is_empty())
        } else {
            rest.is_empty()
        };
        if fine && is_name(name) {
            Ok(())
        } else {
            Err("its document type".to_owned())
        }
    }
}

/// A text in quotes behind blanks, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inside = text.trim_start_matches(is_space);
    let quote = inside
        .chars()
        .next()
        .filter(|letter| matches!(letter, '"' | '\''))?;
    if inside.len() == text.len() {
        return None;
    }
    inside.strip_prefix(quote)?.split_once(quote)
}

fn is_public(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " \n\r-'()+,./:=?;!*#@$_%".contains(letter)
}

const fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

fn is_name(name: &str) -> bool {
    let starts = |letter: char| letter.is_alphabetic() || matches!(letter, '_' | ':');
    let goes_on = |letter: char| {
        starts(letter) || letter.is_numeric() || matches!(letter, '-' | '.' | '\u{b7}')
    };
    name.starts_with(starts) && name.chars().all(goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n";

    fn read(text: &str) -> Result<Value, String> {
        from_bytes_strict(text.as_bytes()).map_err(|error| error.to_string())
    }

    /// `plistlib` of `CPython` 3.11 gives `a` for each.
    #[test]
    fn takes_what_plistlib_takes() {
        let body = "<plist version=\"1.0\"><string>a</string></plist>";
        for text in [
            body.to_owned(),
            format!("{HEAD}{body}"),
            format!("\u{feff}{HEAD}{body}\n<!-- end -->\n"),
            format!("<?xml version='1.0' standalone='yes' ?>{body}"),
            format!("<?xml version=\"1.0\" encoding=\"us-ascii\"?><!DOCTYPE plist>{body}"),
            format!("{HEAD}<?pi x?><plist a = \"b\" c='d' ><string >&none;a</string\n></plist >"),
            format!("{HEAD}<plist><string><!-- - -->a<![CDATA[]]></string></plist>"),
        ] {
            assert_eq!(read(&text), Ok(Value::from("a")), "{text}");
        }
        let latin =
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><plist><string>\xe9</string></plist>";
        assert_eq!(from_bytes_strict(latin).unwrap(), Value::from("\u{e9}"));
        let wide: Vec<u8> = format!("\u{feff}{body}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(from_bytes_strict(&wide).unwrap(), Value::from("a"));
    }

    /// `plistlib` of `CPython` 3.11 refuses each.
    #[test]
    fn refuses_what_plistlib_refuses() {
        let body = "<plist version=\"1.0\"><string>a</string></plist>";
        for text in [
            format!("\n{HEAD}{body}"),
            format!("<!-- first -->{body}"),
            "<string>a</string>".to_owned(),
            format!("<!DOCTYPE plist>{body}"),
            format!("{HEAD}{body}junk"),
            format!("{HEAD}{body}{body}"),
            format!("{HEAD}{HEAD}{body}"),
            format!("{HEAD}<plist><string>a</string>"),
            format!("{HEAD}<plist><string>a & b</string></plist>"),
            format!("{HEAD}<plist><string>a]]>b</string></plist>"),
            format!("{HEAD}<plist><string>\u{1}</string></plist>"),
            format!("{HEAD}<plist><string>&#1;</string></plist>"),
            format!("{HEAD}<plist><!-- a -- b --><string>a</string></plist>"),
            format!("{HEAD}<plist a><string>a</string></plist>"),
            format!("{HEAD}<plist a='b'c='d'><string>a</string></plist>"),
            format!("{HEAD}<plist a='1' a='2'><string>a</string></plist>"),
            format!("{HEAD}<plist><string>a</string x></plist>"),
            format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{body}"),
            format!("<?xml version=\"1.0\" encoding=\"nonsense\"?>{body}"),
            format!("<?xml encoding=\"UTF-8\" version=\"1.0\"?>{body}"),
            format!("<?xml version=\"1.0\" coding=\"UTF-8\"?>{body}"),
            format!("<!DOCTYPE plist PUBLIC \"{{\" \"x\">{body}"),
            "<plist><string>&undefined;</string></plist>".to_owned(),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
        assert!(from_bytes_strict(b"<plist><string>\xe9</string></plist>").is_err());
    }
}
