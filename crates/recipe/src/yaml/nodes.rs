//! What nodes become: keys, merges, and values by their tags.

use std::collections::HashMap;

use proplist::{Dict, Value};

use super::scalar::Kind;
use crate::YamlError;

/// What the tags of YAML itself begin with.
pub(super) const STANDARD: &str = "tag:yaml.org,2002:";

/// What a scalar is besides its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// Nothing.
    Value,
    /// A date as it was written, which is what it is as a key.
    Date(String),
    /// `<<` or `=`, which are no values.
    Indicator(Kind),
}

/// A value, how many values it comes to, and what else it is.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) weight: usize,
    pub(super) word: Word,
}

impl Node {
    pub(super) const fn of(value: Value, weight: usize) -> Self {
        Self {
            value,
            weight,
            word: Word::Value,
        }
    }
}

pub(super) fn refused(line: usize, what: &str) -> YamlError {
    YamlError::Refused {
        line,
        what: what.to_owned(),
    }
}

/// A mapping that is being read.
#[derive(Default)]
pub(super) struct Pairs {
    merged: Dict,
    own: Dict,
    /// The text of the first key of each number: `1`, `1.0` and `yes` are one key to Python.
    numbers: HashMap<String, String>,
    weight: usize,
}

impl Pairs {
    pub(super) fn add(&mut self, key: &Node, value: Node, line: usize) -> Result<(), YamlError> {
        self.weight = self.weight.saturating_add(value.weight).saturating_add(1);
        if key.word == Word::Indicator(Kind::Merge) {
            return merge(&mut self.merged, value.value).map_err(|what| refused(line, what));
        }
        if matches!(value.word, Word::Indicator(_)) {
            return Err(refused(line, "`<<` or `=` as a value"));
        }
        let text = match (&key.word, &key.value) {
            (Word::Date(text), _) => text.clone(),
            (_, Value::Array(_) | Value::Dict(_)) => {
                return Err(refused(line, "a key that is a list or a mapping"));
            }
            (_, key) => proplist::str_form(key),
        };
        let text = match number(&key.value) {
            Some(number) => self.numbers.entry(number).or_insert(text).clone(),
            None => text,
        };
        self.own.insert(text, value.value);
        Ok(())
    }

    /// What is merged comes first, in place and in precedence.
    pub(super) fn into_node(self) -> Node {
        let mut all = self.merged;
        all.extend(self.own);
        Node::of(Value::Dict(all), self.weight.saturating_add(1))
    }
}

/// The same text for numbers that are equal to Python.
fn number(key: &Value) -> Option<String> {
    match key {
        Value::Bool(truth) => Some(u8::from(*truth).to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        _ => None,
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

pub(super) fn scalar(text: &str, plain: bool, tag: Option<&str>) -> Result<Node, String> {
    let kind = match tag {
        None if plain => Kind::of_plain(text),
        None => Kind::Str,
        // Says that the scalar is untagged, even where it is in quotes.
        Some("!") => Kind::of_plain(text),
        Some(tag) => standard(tag)
            .and_then(Kind::of_tag)
            .ok_or_else(|| format!("the tag `{tag}` on a scalar"))?,
    };
    let word = match kind {
        Kind::Merge | Kind::Default => Word::Indicator(kind),
        Kind::Timestamp if !text.contains(':') => Word::Date(text.to_owned()),
        _ => Word::Value,
    };
    Ok(Node {
        value: kind.construct(text)?,
        weight: 1,
        word,
    })
}

/// `!!python/…` are the names of what Python itself has anyway.
pub(super) fn list(node: Node, tag: Option<&str>) -> Result<Node, String> {
    match (tag, tag.and_then(standard)) {
        (None | Some("!"), _) | (_, Some("seq" | "python/list" | "python/tuple")) => Ok(node),
        (_, Some("omap" | "pairs")) => pairs(node),
        (Some(tag), _) => Err(format!("the tag `{tag}` on a list")),
    }
}

pub(super) fn mapping(node: Node, tag: Option<&str>) -> Result<Node, String> {
    match (tag, tag.and_then(standard)) {
        (None | Some("!"), _) | (_, Some("map" | "python/dict")) => Ok(node),
        (Some(tag), _) => Err(format!("the tag `{tag}` on a mapping")),
    }
}

/// A list of mappings with one key each becomes a list of keys and values.
fn pairs(node: Node) -> Result<Node, String> {
    let Value::Array(values) = node.value else {
        return Ok(node);
    };
    let pair = |value: Value| match value {
        Value::Dict(dict) if dict.len() == 1 => Ok(dict
            .into_iter()
            .map(|(key, value)| Value::Array(vec![key.into(), value]))
            .collect::<Vec<Value>>()),
        _ => Err("pairs that are no mappings of one key".to_owned()),
    };
    let pairs: Result<Vec<Vec<Value>>, String> = values.into_iter().map(pair).collect();
    Ok(Node::of(
        Value::Array(pairs?.into_iter().flatten().collect()),
        node.weight,
    ))
}

fn standard(tag: &str) -> Option<&str> {
    tag.strip_prefix(STANDARD)
}
