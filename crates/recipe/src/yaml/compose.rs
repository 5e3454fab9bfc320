//! Tokens to values: anchors, merge keys, tags.

use std::collections::HashMap;

use proplist::{Part, Value};

use super::{
    nodes::{Node, Pairs, STANDARD, Word, list, mapping, refused, scalar},
    scan::{Directive, Scanner, Token},
};
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
/// YAML 1.1; `PyYAML` 6.0.3 `parser.py`, `composer.py`, `constructor.py`.
pub fn from_bytes(bytes: &[u8]) -> Result<Value, YamlError> {
    Composer::new(bytes)?.single_document()
}

/// The line, from 1, of every key and of every value in a list, in file order, as far as the text is YAML. What an
/// alias stands for is listed where it is written.
pub(crate) fn places(bytes: &[u8]) -> Vec<(Vec<Part>, usize)> {
    let Ok(mut composer) = Composer::new(bytes) else {
        return Vec::new();
    };
    composer.places = Some(Places::default());
    let read = composer.single_document();
    let found = composer.places.map(|places| places.found);
    // A document that cannot be read has places up to where it cannot.
    drop(read);
    found.unwrap_or_default()
}

/// Where the values are that have been read so far.
#[derive(Default)]
struct Places {
    path: Vec<Part>,
    found: Vec<(Vec<Part>, usize)>,
}

fn decode(bytes: &[u8]) -> Result<String, YamlError> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        if bytes.len() % 2 == 1 {
            return Err(refused(1, "half a letter at its end"));
        }
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

/// Where a node stands, and so what it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// An entry of a list, or the document.
    Block,
    /// Beside a key; a list may begin there without deeper indentation.
    BlockMapping,
    /// In brackets.
    Flow,
}

struct Composer {
    scanner: Scanner,
    /// Nothing for one that is still being read.
    anchors: HashMap<String, Option<Node>>,
    /// What `%TAG` says.
    handles: HashMap<String, String>,
    values: usize,
    /// Nothing unless somebody wants to know.
    places: Option<Places>,
}

impl Composer {
    fn new(bytes: &[u8]) -> Result<Self, YamlError> {
        Ok(Self {
            scanner: Scanner::new(&decode(bytes)?),
            anchors: HashMap::new(),
            handles: HashMap::new(),
            values: 0,
            places: None,
        })
    }

    /// What is read until [`Composer::left`] stands at `part`, which is on `line`.
    fn entered(&mut self, part: impl FnOnce() -> Part, line: usize) {
        if let Some(places) = &mut self.places {
            places.path.push(part());
            places.found.push((places.path.clone(), line));
        }
    }

    fn left(&mut self) {
        if let Some(places) = &mut self.places {
            places.path.pop();
        }
    }

    fn single_document(&mut self) -> Result<Value, YamlError> {
        if *self.scanner.peek()? == Token::StreamEnd {
            return Ok(Value::Null);
        }
        let explicit = matches!(
            self.scanner.peek()?,
            Token::Directive(_) | Token::DocumentStart
        );
        if explicit {
            self.document_start()?;
        }
        let empty = matches!(
            self.scanner.peek()?,
            Token::Directive(_) | Token::DocumentStart | Token::DocumentEnd | Token::StreamEnd
        );
        let line = self.scanner.line();
        let document = if explicit && empty {
            Value::Null
        } else {
            let node = self.node(Place::Block, DEEPEST)?;
            value_of(node, line)?
        };
        while *self.scanner.peek()? == Token::DocumentEnd {
            self.scanner.take()?;
        }
        match self.scanner.peek()? {
            Token::StreamEnd => Ok(document),
            _ => Err(refused(self.scanner.line(), "a second document")),
        }
    }

    fn document_start(&mut self) -> Result<(), YamlError> {
        let mut versions = 0_usize;
        loop {
            let line = self.scanner.line();
            match self.scanner.take()? {
                Token::Directive(Directive::Version(1)) if versions == 0 => versions = 1,
                Token::Directive(Directive::Version(_)) => {
                    return Err(refused(line, "a version of YAML that is not 1"));
                }
                Token::Directive(Directive::Tag { handle, prefix }) => {
                    if self.handles.insert(handle, prefix).is_some() {
                        return Err(refused(line, "a second `%TAG` of one handle"));
                    }
                }
                Token::Directive(Directive::Other) => {}
                Token::DocumentStart => return Ok(()),
                _ => return Err(refused(line, "no `---` behind its directives")),
            }
        }
    }

    fn node(&mut self, place: Place, depth: usize) -> Result<Node, YamlError> {
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(refused(self.scanner.line(), "nested too deeply"));
        };
        self.scanner.peek()?;
        let line = self.scanner.line();
        if let Token::Alias(name) = self.scanner.peek()? {
            let name = name.clone();
            self.scanner.take()?;
            let node = match self.anchors.get(&name) {
                Some(Some(node)) => node.clone(),
                Some(None) => return Err(refused(line, "an alias inside what it stands for")),
                None => return Err(refused(line, &format!("the alias `*{name}` of nothing"))),
            };
            self.count(node.weight, line)?;
            return Ok(node);
        }
        let (anchor, tag) = self.properties()?;
        if let Some(anchor) = &anchor
            && self.anchors.insert(anchor.clone(), None).is_some()
        {
            return Err(refused(line, &format!("the anchor `&{anchor}` again")));
        }
        let bare = anchor.is_none() && tag.is_none();
        let node = self.content(place, tag.as_deref(), bare, deeper)?;
        // What stands inside a collection has been counted already.
        self.count(1, line)?;
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    fn count(&mut self, weight: usize, line: usize) -> Result<(), YamlError> {
        self.values = self.values.saturating_add(weight);
        if self.values > MOST_VALUES {
            return Err(refused(line, "too many values"));
        }
        Ok(())
    }

    /// The anchor and the tag in front of a node, in either order; `!` alone is no tag.
    fn properties(&mut self) -> Result<(Option<String>, Option<String>), YamlError> {
        let (mut anchor, mut tag) = (None, None);
        loop {
            match self.scanner.peek()? {
                Token::Anchor(name) if anchor.is_none() => anchor = Some(name.clone()),
                Token::Tag { handle, suffix } if tag.is_none() => {
                    let prefix = match handle.as_deref() {
                        None => "",
                        Some(handle) => match (self.handles.get(handle), handle) {
                            (Some(prefix), _) => prefix,
                            (None, "!") => "!",
                            (None, "!!") => STANDARD,
                            (None, handle) => {
                                let what = format!("the handle `{handle}` of no `%TAG`");
                                return Err(refused(self.scanner.line(), &what));
                            }
                        },
                    };
                    tag = Some(format!("{prefix}{suffix}"));
                }
                _ => return Ok((anchor, tag)),
            }
            self.scanner.take()?;
        }
    }

    fn content(
        &mut self,
        place: Place,
        tag: Option<&str>,
        bare: bool,
        depth: usize,
    ) -> Result<Node, YamlError> {
        self.scanner.peek()?;
        let line = self.scanner.line();
        let refuse = |what: String| refused(line, &what);
        let in_block = place != Place::Flow;
        match self.scanner.peek()? {
            Token::Scalar { text, plain } => {
                let node = scalar(text, *plain, tag).map_err(refuse)?;
                self.scanner.take()?;
                Ok(node)
            }
            Token::BlockEntry if place == Place::BlockMapping => {
                let node = self.block_entries(
                    &[Token::BlockEntry, Token::Key, Token::Value, Token::BlockEnd],
                    depth,
                )?;
                list(node, tag).map_err(refuse)
            }
            Token::BlockSequenceStart if in_block => {
                self.scanner.take()?;
                let node = self.block_entries(&[Token::BlockEntry, Token::BlockEnd], depth)?;
                self.expect(&Token::BlockEnd, "the list does not go on as it began")?;
                list(node, tag).map_err(refuse)
            }
            Token::BlockMappingStart if in_block => {
                self.scanner.take()?;
                let node = self.block_mapping(depth)?;
                mapping(node, tag).map_err(refuse)
            }
            Token::FlowSequenceStart => {
                self.scanner.take()?;
                let node = self.flow_sequence(depth)?;
                list(node, tag).map_err(refuse)
            }
            Token::FlowMappingStart => {
                self.scanner.take()?;
                let node = self.flow_mapping(depth)?;
                mapping(node, tag).map_err(refuse)
            }
            _ if !bare => scalar("", tag.is_none(), tag).map_err(refuse),
            _ => Err(refused(line, "nothing where a value ought to be")),
        }
    }

    /// Whether one of `tokens` is next.
    fn at(&mut self, tokens: &[Token]) -> Result<bool, YamlError> {
        let next = self.scanner.peek()?;
        Ok(tokens.contains(next))
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<(), YamlError> {
        self.scanner.peek()?;
        let line = self.scanner.line();
        if self.scanner.take()? == *token {
            return Ok(());
        }
        Err(refused(line, what))
    }

    /// A node, or nothing if one of `ends` is next.
    fn node_before(
        &mut self,
        ends: &[Token],
        place: Place,
        depth: usize,
    ) -> Result<Node, YamlError> {
        if self.at(ends)? {
            return Ok(Node::of(Value::Null, 1));
        }
        self.node(place, depth)
    }

    fn block_entries(&mut self, ends: &[Token], depth: usize) -> Result<Node, YamlError> {
        let (mut values, mut weight) = (Vec::new(), 1_usize);
        while self.at(&[Token::BlockEntry])? {
            let line = self.scanner.line();
            self.scanner.take()?;
            self.entered(|| Part::Index(values.len()), line);
            let node = self.node_before(ends, Place::Block, depth)?;
            self.left();
            weight = weight.saturating_add(node.weight);
            values.push(value_of(node, line)?);
        }
        Ok(Node::of(Value::Array(values), weight))
    }

    fn block_mapping(&mut self, depth: usize) -> Result<Node, YamlError> {
        const ENDS: [Token; 3] = [Token::Key, Token::Value, Token::BlockEnd];
        let mut pairs = Pairs::default();
        while self.at(&[Token::Key])? {
            let line = self.scanner.line();
            self.scanner.take()?;
            let key = self.node_before(&ENDS, Place::BlockMapping, depth)?;
            self.entered(|| part(&key), line);
            let value = self.value_behind(&ENDS, Place::BlockMapping, depth)?;
            self.left();
            pairs.add(&key, value, line)?;
        }
        self.expect(&Token::BlockEnd, "the mapping does not go on as it began")?;
        Ok(pairs.into_node())
    }

    /// What stands behind a `:`; nothing without one.
    fn value_behind(
        &mut self,
        ends: &[Token],
        place: Place,
        depth: usize,
    ) -> Result<Node, YamlError> {
        if !self.at(&[Token::Value])? {
            return Ok(Node::of(Value::Null, 1));
        }
        self.scanner.take()?;
        self.node_before(ends, place, depth)
    }

    fn flow_sequence(&mut self, depth: usize) -> Result<Node, YamlError> {
        const ENDS: [Token; 3] = [Token::Value, Token::FlowEntry, Token::FlowSequenceEnd];
        let (mut values, mut weight) = (Vec::new(), 1_usize);
        while !self.at(&[Token::FlowSequenceEnd])? {
            if !values.is_empty() {
                self.expect(&Token::FlowEntry, "no `,` or `]` in its list")?;
                if self.at(&[Token::FlowSequenceEnd])? {
                    break;
                }
            }
            let line = self.scanner.line();
            self.entered(|| Part::Index(values.len()), line);
            let node = if self.at(&[Token::Key])? {
                self.scanner.take()?;
                let mut pair = Pairs::default();
                let key = self.node_before(&ENDS, Place::Flow, depth)?;
                let value = self.value_behind(&ENDS, Place::Flow, depth)?;
                pair.add(&key, value, line)?;
                pair.into_node()
            } else {
                self.node(Place::Flow, depth)?
            };
            self.left();
            weight = weight.saturating_add(node.weight);
            values.push(value_of(node, line)?);
        }
        self.scanner.take()?;
        Ok(Node::of(Value::Array(values), weight))
    }

    fn flow_mapping(&mut self, depth: usize) -> Result<Node, YamlError> {
        const ENDS: [Token; 3] = [Token::Value, Token::FlowEntry, Token::FlowMappingEnd];
        let mut pairs = Pairs::default();
        let mut first = true;
        while !self.at(&[Token::FlowMappingEnd])? {
            if !first {
                self.expect(&Token::FlowEntry, "no `,` or `}` in its mapping")?;
                if self.at(&[Token::FlowMappingEnd])? {
                    break;
                }
            }
            first = false;
            let line = self.scanner.line();
            if self.at(&[Token::Key])? {
                self.scanner.take()?;
                let key = self.node_before(&ENDS, Place::Flow, depth)?;
                self.entered(|| part(&key), line);
                let value = self.value_behind(&ENDS, Place::Flow, depth)?;
                self.left();
                pairs.add(&key, value, line)?;
            } else {
                let key = self.node(Place::Flow, depth)?;
                pairs.add(&key, Node::of(Value::Null, 1), line)?;
            }
        }
        self.scanner.take()?;
        Ok(pairs.into_node())
    }
}

/// The step into a mapping by `key`.
fn part(key: &Node) -> Part {
    Part::Key(proplist::str_form(&key.value))
}

fn value_of(node: Node, line: usize) -> Result<Value, YamlError> {
    match node.word {
        Word::Indicator(_) => Err(refused(line, "`<<` or `=` as a value")),
        Word::Value | Word::Date(_) => Ok(node.value),
    }
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

    #[test]
    fn every_key_and_every_element_has_a_line() {
        let text = "# x\nInput:\n  NAME: App\n  L: {a: [1,\n    2], b: }\nProcess:\n- Processor: A\n  Arguments:\n    url: |\n      x\n      y\n-\n  Processor: B\n";
        let shown: Vec<String> = places(text.as_bytes())
            .iter()
            .map(|(path, line)| {
                let mut shown = line.to_string();
                for part in path {
                    match part {
                        Part::Key(key) => write!(shown, " {key}").unwrap(),
                        Part::Index(index) => write!(shown, " {index}").unwrap(),
                    }
                }
                shown
            })
            .collect();
        assert_eq!(
            shown,
            [
                "2 Input",
                "3 Input NAME",
                "4 Input L",
                "4 Input L a",
                "4 Input L a 0",
                "5 Input L a 1",
                "5 Input L b",
                "6 Process",
                "7 Process 0",
                "7 Process 0 Processor",
                "8 Process 0 Arguments",
                "9 Process 0 Arguments url",
                "12 Process 1",
                "13 Process 1 Processor"
            ]
        );
        assert_eq!(places(b"a: 1\nb: [\n").len(), 3);
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
                "2: a\nyes: b\n~: c\n",
                "{'2': 'a', 'True': 'b', 'None': 'c'}",
            ),
            (
                "a: !!str 017\nb: !!int '12'\nc: ! 12\n",
                "{'a': '017', 'b': 12, 'c': 12}",
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

    /// Each pair was printed by `yaml.full_load` of `PyYAML` 6.0.3.
    #[test]
    fn brackets_and_quotes_may_stand_at_any_indentation() {
        for (text, value) in [
            ("a:\n  b: \"x\n  y\"\n", "{'a': {'b': 'x y'}}"),
            ("a:\n  b: 'x\n\n\ny'\n", "{'a': {'b': 'x\\n\\ny'}}"),
            ("a:\n  b: 'x\n\ty'\n", "{'a': {'b': 'x y'}}"),
            ("a:\n  b: [1,#c\n2\n]\n", "{'a': {'b': [1, 2]}}"),
            ("a:\n  b: {c: 1,\nd: 2}\n", "{'a': {'b': {'c': 1, 'd': 2}}}"),
            ("a: \"b\"#c\n", "{'a': 'b'}"),
            ("a: &x y\n*x: z\n", "{'a': 'y', 'y': 'z'}"),
            ("a: ! '12'\nb: !!python/tuple [1]\n", "{'a': 12, 'b': [1]}"),
            ("a: !!omap [x: 1, y: 2]\n", "{'a': [['x', 1], ['y', 2]]}"),
            (
                "a: {x, 'y':1, ? z : 2, 'w'}\n",
                "{'a': {'x': None, 'y': 1, 'z': 2, 'w': None}}",
            ),
            (
                "a: [b: c, ? d, e]\n",
                "{'a': [{'b': 'c'}, {'d': None}, 'e']}",
            ),
            ("? a\n: - b\n  - c\n? d\n", "{'a': ['b', 'c'], 'd': None}"),
            (
                "a:\n- b\n-\n- - c\n  - d\n",
                "{'a': ['b', None, ['c', 'd']]}",
            ),
            (
                "a: x\r\nb: |\r\n  y\r\n  z\r\n",
                "{'a': 'x', 'b': 'y\\nz\\n'}",
            ),
            ("a: |1\n  x\n  ", "{'a': ' x\\n '}"),
            (
                "%TAG ! tag:yaml.org,2002:\n--- !map\na: !str 1\n",
                "{'a': '1'}",
            ),
            (
                "1: a\nyes: b\n1.0: c\n2024-01-02: d\n",
                "{'1': 'c', '2024-01-02': 'd'}",
            ),
            ("a: x\u{2028}\n  y\n", "{'a': 'x\u{2028}\\ny'}"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
    }

    /// `PyYAML` 6.0.3 refuses each of them.
    #[test]
    fn what_pyyaml_refuses_is_refused() {
        let long = "x".repeat(1025);
        for text in [
            "a: 1\n\t\n",
            "a: \t1\n",
            "a:\n- \tb\n",
            "a: 1\t\n",
            "a: [1,\t2]\n",
            "a: &x 1\nb: &x 2\n",
            "a: &x.y 1\n",
            "a: <<\n",
            "a: =\n",
            "a: b: c\n",
            "a: - b\n",
            "a: [!!str, 1]\n",
            "a: !e!x 1\n",
            "a: {x}}\n",
            "a: ]\n",
            "a: 'x' y\n",
            "a: \"\\q\"\n",
            "a: \"x\n---\ny\"\n",
            "a: |0\n  x\n",
            "a: |#c\n  x\n",
            "a: x\n - y: z\n",
            " a: 1\nb: 2\n",
            "a\nb: 1\n",
            "...\na: 1\n",
            "%YAML 2.0\n---\na: 1\n",
            "%YAML 1.1\na: 1\n",
            "a: x\u{85}y\n",
            &format!("a: {{{long}: y}}\n"),
            &format!("{long}: y\n"),
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(from_bytes(b"\xff\xfea\0:\0 \x001\0\n").is_err());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(
            read("a: 1\nb: !!python/name:os.system x\n").unwrap_err(),
            "line 2 holds the tag `tag:yaml.org,2002:python/name:os.system` on a scalar"
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
