//! Events to values: anchors, merge keys, tags.

use std::collections::HashMap;

use proplist::{Dict, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::scalar::Kind;
use crate::YamlError;

/// No real recipe nests deeper; what does is an attack on the stack.
const DEEPEST: usize = 64;
/// How many values one file may come to, those behind aliases counted each time: stops "billion laughs".
const MOST_VALUES: usize = 1_000_000;

/// Reads one YAML document as `PyYAML`'s `FullLoader` does: the last of two equal keys wins and keeps the first
/// one's place; keys that are no text become what Python prints for them.
///
/// # Errors
/// If the bytes are no text, not YAML, hold more than one document, a tag without meaning here, or are nested or
/// multiplied beyond all use.
///
/// # Source
/// YAML 1.1; `PyYAML` 6.0.3 `constructor.py`.
pub fn from_bytes(bytes: &[u8]) -> Result<Value, YamlError> {
    let text = decode(bytes)?;
    let text = without_last_blanks(&text);
    let mut composer = Composer {
        cut_at: cut_at(text),
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
    };
    composer.single_document()
}

fn decode(bytes: &[u8]) -> Result<String, YamlError> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .filter_map(|pair| pair.try_into().ok())
            .map(unit)
            .collect();
        String::from_utf16(&units).map_err(YamlError::NotUtf16)
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        bytes => str::from_utf8(bytes)
            .map_err(YamlError::NotUtf8)?
            .to_owned(),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let is_unprintable = |letter: char| !matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    match text.chars().find(|letter| is_unprintable(*letter)) {
        Some(letter) => Err(YamlError::Control { letter }),
        None => Ok(text.to_owned()),
    }
}

/// A last line of blanks without a line break is no line, except to the parser.
fn without_last_blanks(text: &str) -> &str {
    let without = text.trim_end_matches(' ');
    if without.ends_with(['\n', '\r']) {
        without
    } else {
        text
    }
}

/// Where a text ends whose last line lacks its line break, in letters. A block scalar that reaches that far ends without
/// one too; the parser gives it one.
fn cut_at(text: &str) -> Option<usize> {
    (!text.ends_with(['\n', '\r'])).then(|| text.chars().count())
}

/// A value, how many values it comes to, and whether it was written as the merge key.
struct Node {
    value: Value,
    weight: usize,
    merge: bool,
}

struct Composer<'text> {
    /// As [`cut_at`] says.
    cut_at: Option<usize>,
    parser: Parser<'text, StrInput<'text>>,
    anchors: HashMap<usize, (Value, usize)>,
    values: usize,
}

impl<'text> Composer<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Span), YamlError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(YamlError::Syntax {
                line: error.marker().line(),
                what: error.info().to_owned(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn single_document(&mut self) -> Result<Value, YamlError> {
        let mut document = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(document.unwrap_or(Value::Null)),
                Event::DocumentStart(_) if document.is_some() => {
                    return Err(refused(span, "a second document"));
                }
                Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing => {}
                event => document = Some(self.node(event, span, DEEPEST)?.value),
            }
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span, depth: usize) -> Result<Node, YamlError> {
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(refused(span, "nested too deeply"));
        };
        let alias = matches!(event, Event::Alias(_));
        let (node, anchor) = match event {
            Event::Alias(anchor) => {
                let Some((value, weight)) = self.anchors.get(&anchor).cloned() else {
                    return Err(refused(span, "an alias inside what it stands for"));
                };
                (
                    Node {
                        value,
                        weight,
                        merge: false,
                    },
                    0,
                )
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let cut = is_block && self.cut_at.is_some_and(|end| span.end.index() >= end);
                let text = match text.strip_suffix('\n') {
                    Some(text) if cut => text,
                    _ => &text,
                };
                let node =
                    scalar(text, style, tag.as_deref()).map_err(|what| refused(span, &what))?;
                (node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                expect_tag(tag.as_deref(), "seq").map_err(|what| refused(span, &what))?;
                (self.sequence(deeper)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                expect_tag(tag.as_deref(), "map").map_err(|what| refused(span, &what))?;
                (self.mapping(deeper)?, anchor)
            }
            _ => return Err(refused(span, "nothing where a value ought to be")),
        };
        // What stands inside a collection has been counted already.
        let own = if alias { node.weight } else { 1 };
        self.values = self.values.saturating_add(own);
        if self.values > MOST_VALUES {
            return Err(refused(span, "too many values"));
        }
        if anchor != 0 {
            self.anchors
                .insert(anchor, (node.value.clone(), node.weight));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Node, YamlError> {
        let (mut values, mut weight) = (Vec::new(), 1_usize);
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node {
                    value: Value::Array(values),
                    weight,
                    merge: false,
                });
            }
            let node = self.node(event, span, depth)?;
            weight = weight.saturating_add(node.weight);
            values.push(node.value);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, YamlError> {
        let (mut merged, mut own, mut weight) = (Dict::new(), Dict::new(), 1_usize);
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                // What is merged comes first, in place and in precedence.
                merged.extend(own);
                return Ok(Node {
                    value: Value::Dict(merged),
                    weight,
                    merge: false,
                });
            }
            let key = self.node(event, span, depth)?;
            let (event, value_span) = self.next()?;
            let node = self.node(event, value_span, depth)?;
            weight = weight.saturating_add(node.weight).saturating_add(1);
            if key.merge {
                merge(&mut merged, node.value).map_err(|what| refused(value_span, what))?;
            } else {
                let key = key_text(&key.value).map_err(|what| refused(span, what))?;
                own.insert(key, node.value);
            }
        }
    }
}

fn refused(span: Span, what: &str) -> YamlError {
    YamlError::Refused {
        line: span.start.line(),
        what: what.to_owned(),
    }
}

fn merge(into: &mut Dict, value: Value) -> Result<(), &'static str> {
    match value {
        Value::Dict(dict) => into.extend(dict),
        // Earlier ones take precedence, so they are merged last.
        Value::Array(values) => {
            for value in values.into_iter().rev() {
                match value {
                    Value::Dict(dict) => into.extend(dict),
                    _ => return Err("a merge of what is no mapping"),
                }
            }
        }
        _ => return Err("a merge of what is no mapping"),
    }
    Ok(())
}

fn key_text(key: &Value) -> Result<String, &'static str> {
    match key {
        Value::Array(_) | Value::Dict(_) => Err("a key that is a list or a mapping"),
        key => Ok(proplist::str_form(key)),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Node, String> {
    let kind = match tag {
        None if style == ScalarStyle::Plain => Kind::of_plain(text),
        None => Kind::Str,
        Some(tag) if is_plain_bang(tag) => Kind::Str,
        Some(tag) => standard(tag)
            .and_then(Kind::of_tag)
            .ok_or_else(|| format!("the tag `{tag}` on a scalar"))?,
    };
    Ok(Node {
        value: kind.construct(text)?,
        weight: 1,
        merge: kind == Kind::Merge,
    })
}

fn expect_tag(tag: Option<&Tag>, expected: &str) -> Result<(), String> {
    match tag {
        Some(tag) if !is_plain_bang(tag) && standard(tag) != Some(expected) => {
            Err(format!("the tag `{tag}`"))
        }
        _ => Ok(()),
    }
}

fn is_plain_bang(tag: &Tag) -> bool {
    matches!(
        (tag.handle.as_str(), tag.suffix.as_str()),
        ("!", "") | ("", "!")
    )
}

fn standard(tag: &Tag) -> Option<&str> {
    if tag.is_yaml_core_schema() {
        return Some(&tag.suffix);
    }
    tag.suffix
        .strip_prefix("tag:yaml.org,2002:")
        .filter(|_| tag.handle.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, String> {
        from_bytes(text.as_bytes())
            .map(|value| proplist::repr(&value))
            .map_err(|error| error.to_string())
    }

    /// Each pair was printed by `yaml.full_load` of `PyYAML` 6.0.3.
    #[test]
    fn a_block_scalar_ends_as_its_file_does() {
        for (text, value) in [
            ("a: |\n  x", "{'a': 'x'}"),
            ("a: >\n  x\n  y", "{'a': 'x y'}"),
            ("a: |+\n  x", "{'a': 'x'}"),
            ("a: |-\n  x", "{'a': 'x'}"),
            ("a: |\n  x\n  ", "{'a': 'x\\n'}"),
            ("a: |\n  x\n# note", "{'a': 'x\\n'}"),
            ("a: |\n  x\nb: 'y'", "{'a': 'x\\n', 'b': 'y'}"),
            ("- |\n  x\n- >\n  é z", "['x\\n', 'é z']"),
            ("a: |\n  x\n\n  y", "{'a': 'x\\n\\ny'}"),
            ("a: >\n\n  x\n\n  y z", "{'a': '\\nx\\ny z'}"),
            ("a: |+\n  x\n\n  y", "{'a': 'x\\n\\ny'}"),
            ("a: |\n  x  ", "{'a': 'x  '}"),
        ] {
            assert_eq!(read(text).unwrap(), value, "{text:?}");
        }
    }

    /// Each pair was printed by `yaml.full_load` of `PyYAML` 6.0.3.
    #[test]
    fn documents_mean_what_pyyaml_says() {
        for (text, value) in [
            ("a: 1\nb: 2\na: 3\n", "{'a': 3, 'b': 2}"),
            (
                "a: 'yes'\nb: yes\nc: \"017\"\nd: 017\n",
                "{'a': 'yes', 'b': True, 'c': '017', 'd': 15}",
            ),
            (
                "x: &x {a: 1, b: 2}\ny:\n  b: 3\n  <<: *x\n",
                "{'x': {'a': 1, 'b': 2}, 'y': {'a': 1, 'b': 3}}",
            ),
            ("<<: [{a: 1}, {a: 2, b: 2}]\n", "{'a': 1, 'b': 2}"),
            (
                "a: |\n  x\n   y\nb: >-\n  x\n  y\n",
                "{'a': 'x\\n y\\n', 'b': 'x y'}",
            ),
            (
                "a: |+\n  x\n\nb: \"\\u00e9\\x41\"\n",
                "{'a': 'x\\n\\n', 'b': 'éA'}",
            ),
            ("- a\n- \n- ''\n- ~\n", "['a', None, '', None]"),
            (
                "1: a\nyes: b\n~: c\n",
                "{'1': 'a', 'True': 'b', 'None': 'c'}",
            ),
            (
                "a: !!str 017\nb: !!int '12'\nc: ! 12\n",
                "{'a': '017', 'b': 12, 'c': '12'}",
            ),
            ("a: !!binary aGk=\n", "{'a': b'hi'}"),
            ("", "None"),
            ("# only a comment\n", "None"),
            ("---\na: b # c\n...\n", "{'a': 'b'}"),
            ("a: x#y\nb: 'it''s'\n", "{'a': 'x#y', 'b': \"it's\"}"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(
            read("a: 1\nb: !!python/name:os.system x\n").unwrap_err(),
            "line 2 holds the tag `tag:yaml.org,2002:!python/name:os.system` on a scalar"
        );
        for text in [
            "a: b\n---\nc: d\n",
            "a: &a [*a]\n",
            "? [a]\n: b\n",
            "a: [1, 2\n",
            "a: *none\n",
            "<<: 1\n",
            "a: \u{1}\n",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(from_bytes(b"a: \xff\n").is_err());
    }

    #[test]
    fn multiplying_aliases_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
        }
        assert!(read(&text).unwrap_err().contains("too many values"));
        assert!(read(&"[".repeat(10_000)).is_err());
        assert!(read(&"- ".repeat(10_000)).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, text in "[-?:,\\[\\]{}&*!|>'\"%@`#a1 \n\t<~]{0,64}") {
            let (_, _) = (from_bytes(&bytes).is_ok(), read(&text).is_ok());
        }
    }
}
