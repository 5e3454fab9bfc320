//! Reads variables as `AutoPkg`'s processors do.

use proplist::{Dict, Value};

use crate::{Env, StepError};

/// Whether the variable is there and true in Python's sense: `"False"` is true.
pub(crate) fn is_true(env: &Env, name: &str) -> bool {
    env.get(name).is_some_and(Value::is_truthy)
}

/// The text of a variable that must be text.
pub(crate) fn text(env: &Env, name: &str) -> Result<String, StepError> {
    match env.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(wrong_type(name, "text", other)),
        None => Err(StepError::configuration(format!("`{name}` is not set"))),
    }
}

/// The text of a variable, if it is there and true; anything but text is an error.
pub(crate) fn some_text(env: &Env, name: &str) -> Result<Option<String>, StepError> {
    if is_true(env, name) {
        text(env, name).map(Some)
    } else {
        Ok(None)
    }
}

/// The texts of a variable that must be a list of texts; a single text stands for a list of one.
pub(crate) fn texts(env: &Env, name: &str) -> Result<Vec<String>, StepError> {
    match env.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| match value {
                Value::String(text) => Ok(text.clone()),
                other => Err(wrong_type(name, "a list of texts", other)),
            })
            .collect(),
        Some(other) => Err(wrong_type(name, "a list of texts", other)),
    }
}

/// The dictionary, empty if the variable is absent or false.
pub(crate) fn dict(env: &Env, name: &str) -> Result<Dict, StepError> {
    match env.get(name) {
        Some(Value::Dict(dict)) => Ok(dict.clone()),
        Some(other) if other.is_truthy() => Err(wrong_type(name, "a dictionary", other)),
        _ => Ok(Dict::new()),
    }
}

fn wrong_type(name: &str, expected: &str, found: &Value) -> StepError {
    StepError::configuration(format!(
        "`{name}` must be {expected}, and is {}: {}",
        found.python_type(),
        proplist::repr(found)
    ))
}

/// `value` with every `%reference%` replaced, once, and the first name that is not set.
///
/// A text with any undefined reference stays as it is. A text that is one reference keeps the value's type; inside
/// a longer text a value is shown as Python's `str` shows it (`AutoPkg` dies of anything but text here).
pub(crate) fn substitute(value: &Value, env: &Env) -> (Value, Option<String>) {
    let mut undefined = None;
    let value = replace(value, env, &mut undefined);
    (value, undefined)
}

fn replace(value: &Value, env: &Env, undefined: &mut Option<String>) -> Value {
    match value {
        Value::String(text) => match replace_text(text, env) {
            Ok(value) => value,
            Err(name) => {
                undefined.get_or_insert(name);
                value.clone()
            }
        },
        Value::Array(values) => Value::Array(
            values
                .iter()
                .map(|value| replace(value, env, undefined))
                .collect(),
        ),
        Value::Dict(dict) => Value::Dict(
            dict.iter()
                .map(|(name, value)| (name.clone(), replace(value, env, undefined)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn replace_text(text: &str, env: &Env) -> Result<Value, String> {
    let pieces = pieces(text);
    if let [Piece::Reference(name)] = pieces.as_slice() {
        return match env.get(*name) {
            Some(Value::Null) => Ok(Value::String(String::new())),
            Some(value) => Ok(value.clone()),
            None => Err((*name).to_owned()),
        };
    }
    let mut replaced = String::with_capacity(text.len());
    for piece in pieces {
        match piece {
            Piece::Text(text) => replaced.push_str(text),
            Piece::Reference(name) => match env.get(name) {
                Some(Value::Null) => {}
                Some(value) => replaced.push_str(&proplist::str_form(value)),
                None => return Err(name.to_owned()),
            },
        }
    }
    Ok(Value::String(replaced))
}

#[derive(Debug, Eq, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Reference(&'a str),
}

/// The names that `text` refers to.
pub(crate) fn references(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Reference(name) => Some(name),
        Piece::Text(_) => None,
    })
}

/// Cuts at `%name%`, as the regular expression `%[a-zA-Z_][a-zA-Z_0-9]*%` finds them.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut plain = 0;
    let mut from = 0;
    while let Some(start) = text
        .get(from..)
        .and_then(|rest| rest.find('%'))
        .map(|at| from + at)
    {
        let name = text.get(start + 1..).unwrap_or_default();
        let len = name
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        let name = name.get(..len).unwrap_or_default();
        let closed = text.as_bytes().get(start + 1 + len) == Some(&b'%');
        if closed && name.starts_with(|first: char| !first.is_ascii_digit()) {
            pieces.push(Piece::Text(text.get(plain..start).unwrap_or_default()));
            pieces.push(Piece::Reference(name));
            plain = start + len + 2;
            from = plain;
        } else {
            from = start + 1;
        }
    }
    pieces.push(Piece::Text(text.get(plain..).unwrap_or_default()));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}
