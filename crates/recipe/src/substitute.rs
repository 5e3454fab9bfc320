//! `%VARIABLE%`.

use proplist::{Dict, Value, str_form};

/// Something in the variables of a run that a packager ought to know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Note {
    /// `CACHE_DIR` was set to something else than the cache, and set back. Holds the cache.
    CacheDir(String),
    /// The recipe has no identifier. Holds what stands for it.
    Nameless(String),
    /// A value that is no text stands inside a text; `AutoPkg` itself fails here. Holds the variable's name.
    Rendered(String),
    /// A variable is not defined, so the whole text was left as it is. Holds the variable's name.
    Undefined(String),
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CacheDir(used) => write!(
                f,
                "CACHE_DIR cannot be set for a run and stays {used}; the configuration or the preferences set it"
            ),
            Self::Nameless(stand_in) => write!(
                f,
                "The recipe has no Identifier, so its path stands for one: {stand_in}"
            ),
            Self::Rendered(key) => write!(
                f,
                "Variable '{key}' is no text and was written out as Python does"
            ),
            Self::Undefined(key) => {
                write!(f, "Use of undefined key in variable substitution: '{key}'")
            }
        }
    }
}

/// `value` with every `%VARIABLE%` replaced by its value in `variables`.
///
/// What is put in is not looked at again. A text with an undefined variable stays whole. Lists and dictionaries are
/// gone through, keys never. A text that consists of one reference becomes that value, whatever its type; inside a
/// longer text a value that is no text is written as Python's `str` writes it, and null as nothing.
pub fn substitute(value: &Value, variables: &Dict) -> (Value, Vec<Note>) {
    let mut notes = Vec::new();
    (replace(value, variables, &mut notes), notes)
}

/// Substitutes `value` and assigns the result to `key`.
pub fn assign(variables: &mut Dict, key: &str, value: &Value) -> Vec<Note> {
    let (value, notes) = substitute(value, variables);
    variables.insert(key.to_owned(), value);
    notes
}

/// Substitutes every variable in order, each seeing those before it substituted and those behind it not yet.
pub fn substitute_all(variables: &mut Dict) -> Vec<Note> {
    let keys: Vec<String> = variables.keys().cloned().collect();
    let mut notes = Vec::new();
    for key in keys {
        if let Some(value) = variables.get(&key).cloned() {
            notes.extend(assign(variables, &key, &value));
        }
    }
    notes
}

/// The names of the variables that `text` refers to, in order, with repetitions.
pub fn references(text: &str) -> Vec<&str> {
    split(text)
        .filter_map(|piece| match piece {
            Piece::Reference(key) => Some(key),
            Piece::Text(_) => None,
        })
        .collect()
}

/// The pieces of `text`: `Ok` is text, `Err` is the name of a variable.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Result<&str, &str>> {
    split(text).map(|piece| match piece {
        Piece::Reference(key) => Err(key),
        Piece::Text(text) => Ok(text),
    })
}

fn replace(value: &Value, variables: &Dict, notes: &mut Vec<Note>) -> Value {
    match value {
        Value::String(text) => replace_text(text, variables, notes),
        Value::Array(values) => Value::Array(
            values
                .iter()
                .map(|value| replace(value, variables, notes))
                .collect(),
        ),
        Value::Dict(dict) => Value::Dict(
            dict.iter()
                .map(|(key, value)| (key.clone(), replace(value, variables, notes)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn replace_text(text: &str, variables: &Dict, notes: &mut Vec<Note>) -> Value {
    let pieces: Vec<Piece<'_>> = split(text).collect();
    if let [Piece::Reference(key)] = pieces.as_slice() {
        return match variables.get(*key) {
            Some(Value::Null) => Value::from(""),
            Some(value) => value.clone(),
            None => undefined(text, key, notes),
        };
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rendered = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => replaced.push_str(text),
            Piece::Reference(key) => match variables.get(key) {
                Some(Value::String(value)) => replaced.push_str(value),
                Some(Value::Null) => {}
                Some(value) => {
                    rendered.push(Note::Rendered(key.to_owned()));
                    replaced.push_str(&str_form(value));
                }
                None => return undefined(text, key, notes),
            },
        }
    }
    notes.extend(rendered);
    Value::String(replaced)
}

fn undefined(text: &str, key: &str, notes: &mut Vec<Note>) -> Value {
    notes.push(Note::Undefined(key.to_owned()));
    Value::from(text)
}

#[derive(Clone, Copy)]
enum Piece<'text> {
    Reference(&'text str),
    Text(&'text str),
}

/// Cuts `text` at its references; a lone `%` is text, and may be the first of a reference's two.
fn split(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    let mut found: Option<(&str, &str)> = None;
    std::iter::from_fn(move || {
        if let Some((key, tail)) = found.take() {
            rest = tail;
            return Some(Piece::Reference(key));
        }
        if rest.is_empty() {
            return None;
        }
        match next_reference(rest) {
            Some(("", key, tail)) => {
                rest = tail;
                Some(Piece::Reference(key))
            }
            Some((before, key, tail)) => {
                found = Some((key, tail));
                Some(Piece::Text(before))
            }
            None => Some(Piece::Text(std::mem::take(&mut rest))),
        }
    })
}

/// What is before the first reference, its name, and what is behind it.
fn next_reference(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('%').find_map(|(at, _)| {
        let (before, from) = text.split_at_checked(at)?;
        let (key, tail) = from.strip_prefix('%')?.split_once('%')?;
        is_key(key).then_some((before, key, tail))
    })
}

fn is_key(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn variables() -> Dict {
        let json = json!({"A": "1", "B_2": "%A%", "_x": "u", "N": 5, "T": true, "L": ["a"], "Z": null, "E": ""});
        match Value::from(&json) {
            Value::Dict(dict) => dict,
            _ => unreachable!(),
        }
    }

    /// Printed by `AutoPkg` 2.9.1.
    #[test]
    fn substitutes_as_autopkg_does() {
        let variables = variables();
        for (text, expected) in [
            ("%A%", "1"),
            ("%A%%A%", "11"),
            ("%%A%%", "%1%"),
            ("%B_2%", "%A%"),
            ("%_x%", "u"),
            ("%2A%", "%2A%"),
            ("%A-%", "%A-%"),
            ("%A B%", "%A B%"),
            ("%é%", "%é%"),
            ("%A", "%A"),
            ("100% of %A%", "100% of 1"),
            ("%A%-%MISSING%", "%A%-%MISSING%"),
            ("a%Z%b", "ab"),
            ("[%E%]", "[]"),
            ("%Z%", ""),
            ("%a%%A%", "%a%%A%"),
        ] {
            assert_eq!(
                substitute(&text.into(), &variables).0,
                Value::from(expected),
                "{text}"
            );
        }
        let nested = json!({"k": "%A%", "%A%": ["%MISSING%", "%A%"]});
        let (value, notes) = substitute(&Value::from(&nested), &variables);
        assert_eq!(
            serde_json::Value::from(&value),
            json!({"k": "1", "%A%": ["%MISSING%", "1"]})
        );
        assert_eq!(notes, [Note::Undefined("MISSING".to_owned())]);
        assert_eq!(
            notes[0].to_string(),
            "Use of undefined key in variable substitution: 'MISSING'"
        );
    }

    #[test]
    fn values_that_are_no_text_keep_their_type_or_are_written_out() {
        let variables = variables();
        assert_eq!(
            substitute(&"%N%".into(), &variables),
            (Value::from(5_i64), vec![])
        );
        assert_eq!(substitute(&"%T%".into(), &variables).0, Value::Bool(true));
        let (value, notes) = substitute(&"x%T%%L%".into(), &variables);
        assert_eq!(value, Value::from("xTrue['a']"));
        assert_eq!(
            notes,
            [
                Note::Rendered("T".to_owned()),
                Note::Rendered("L".to_owned())
            ]
        );
    }

    #[test]
    fn variables_are_substituted_once_and_in_order() {
        let json = json!({"A": "%B%", "B": "%C%", "C": "c"});
        let mut variables = Value::from(&json).as_dict().cloned().unwrap();
        assert_eq!(substitute_all(&mut variables), []);
        assert_eq!(
            serde_json::Value::from(&Value::Dict(variables)),
            json!({"A": "%C%", "B": "c", "C": "c"})
        );
    }

    #[test]
    fn finds_the_references() {
        assert_eq!(references("%A%x%%B%%"), ["A", "B"]);
        assert_eq!(references("50% of %A"), [""; 0]);
    }

    proptest! {
        #[test]
        fn text_without_variables_stays(text in "[%a-c ]{0,24}") {
            let (value, _) = substitute(&text.as_str().into(), &Dict::new());
            prop_assert_eq!(value, Value::from(text));
        }
    }
}
