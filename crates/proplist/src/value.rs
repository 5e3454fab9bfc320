//! What a property list holds.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use indexmap::IndexMap;

use crate::write::is_refused;

/// A dictionary in file order.
pub type Dict = IndexMap<String, Value>;

/// A value of a property list, or of a recipe in YAML, which may also hold nulls.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Several values.
    Array(Vec<Self>),
    /// Yes or no.
    Bool(bool),
    /// Bytes.
    Data(Vec<u8>),
    /// A moment, in UTC.
    Date(DateTime<Utc>),
    /// Named values.
    Dict(Dict),
    /// A whole number; property lists hold -2⁶³ to 2⁶⁴-1.
    Integer(i128),
    /// Nothing: only YAML and JSON can say it.
    Null,
    /// A floating-point number.
    Real(f64),
    /// Text.
    String(String),
}

impl Value {
    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The dictionary, if it is one.
    pub const fn as_dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// The dictionary, to be changed, if it is one.
    pub const fn as_dict_mut(&mut self) -> Option<&mut Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// The values, if it is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The whole number, if it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(yes) => Some(*yes),
            _ => None,
        }
    }

    /// The bytes, if it is data.
    pub fn as_data(&self) -> Option<&[u8]> {
        match self {
            Self::Data(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Python's truth: false for nothing, zero and whatever is empty; `"False"` and `"0"` are true.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Array(values) => !values.is_empty(),
            Self::Bool(yes) => *yes,
            Self::Data(bytes) => !bytes.is_empty(),
            Self::Date(_) => true,
            Self::Dict(dict) => !dict.is_empty(),
            Self::Integer(number) => *number != 0,
            Self::Null => false,
            Self::Real(number) => *number != 0.0,
            Self::String(text) => !text.is_empty(),
        }
    }

    /// The same for programs that must get something: what no property list can hold is replaced, a control character
    /// by U+FFFD, nothing by empty text.
    #[must_use]
    pub fn for_property_list(&self) -> Self {
        match self {
            Self::Array(values) => {
                Self::Array(values.iter().map(Self::for_property_list).collect())
            }
            Self::Dict(dict) => {
                let entry =
                    |(key, value): (&String, &Self)| (writable(key), value.for_property_list());
                Self::Dict(dict.iter().map(entry).collect())
            }
            Self::Null => Self::String(String::new()),
            Self::String(text) => Self::String(writable(text)),
            other => other.clone(),
        }
    }

    /// Python's name of the type: `str`, `int`, `dict`.
    pub const fn python_type(&self) -> &'static str {
        match self {
            Self::Array(_) => "list",
            Self::Bool(_) => "bool",
            Self::Data(_) => "bytes",
            Self::Date(_) => "datetime",
            Self::Dict(_) => "dict",
            Self::Integer(_) => "int",
            Self::Null => "NoneType",
            Self::Real(_) => "float",
            Self::String(_) => "str",
        }
    }
}

fn writable(text: &str) -> String {
    text.replace(is_refused, "\u{fffd}")
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(i128::from(number))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(i128::from(number))
    }
}

impl From<Dict> for Value {
    fn from(dict: Dict) -> Self {
        Self::Dict(dict)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

/// JSON has neither dates nor bytes: a date becomes RFC 3339 text, bytes become hexadecimal digits, and a number
/// that is not finite becomes null.
impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Array(values) => Self::Array(values.iter().map(Self::from).collect()),
            Value::Bool(yes) => Self::Bool(*yes),
            Value::Data(bytes) => Self::String(hex_digits(bytes)),
            Value::Date(date) => Self::String(date.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Value::Dict(dict) => Self::Object(
                dict.iter()
                    .map(|(key, value)| (key.clone(), Self::from(value)))
                    .collect(),
            ),
            Value::Integer(number) => i64::try_from(*number)
                .map(Self::from)
                .or_else(|_| u64::try_from(*number).map(Self::from))
                .unwrap_or_else(|_| Self::String(number.to_string())),
            Value::Null => Self::Null,
            Value::Real(number) => {
                serde_json::Number::from_f64(*number).map_or(Self::Null, Self::Number)
            }
            Value::String(text) => Self::String(text.clone()),
        }
    }
}

fn hex_digits(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a String cannot fail.
        write!(digits, "{byte:02x}").unwrap_or_default();
    }
    digits
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Array(values) => {
                Self::Array(values.iter().map(Self::from).collect())
            }
            serde_json::Value::Bool(yes) => Self::Bool(*yes),
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Number(number) => number.as_i128().map_or_else(
                || Self::Real(number.as_f64().unwrap_or(f64::NAN)),
                Self::Integer,
            ),
            serde_json::Value::Object(object) => Self::Dict(
                object
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::from(value)))
                    .collect(),
            ),
            serde_json::Value::String(text) => Self::String(text.clone()),
        }
    }
}
