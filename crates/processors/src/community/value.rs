//! Values as the conversation with the host has them: JSON, and what JSON cannot say as dictionaries with one key.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use proplist::{Dict, Value};
use serde_json::{Map, Value as Json, json};

/// The form of dates: whole seconds, UTC.
const DATE: &str = "%Y-%m-%dT%H:%M:%SZ";

/// A value for the host.
pub(super) fn encode(value: &Value) -> Json {
    match value {
        Value::Array(values) => Json::Array(values.iter().map(encode).collect()),
        Value::Data(bytes) => json!({"$data": base64(bytes)}),
        Value::Date(date) => json!({"$date": date.to_rfc3339_opts(SecondsFormat::Secs, true)}),
        Value::Dict(dict) => encode_dict(dict),
        other => Json::from(other),
    }
}

fn encode_dict(dict: &Dict) -> Json {
    let encoded: Map<String, Json> = dict
        .iter()
        .map(|(name, value)| (name.clone(), encode(value)))
        .collect();
    if encoded.keys().any(|name| name.starts_with('$')) {
        return json!({"$dict": encoded});
    }
    Json::Object(encoded)
}

/// A value of the host's; nothing if it is none.
pub(super) fn decode(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Array(values) => Value::Array(values.iter().map(decode).collect::<Option<_>>()?),
        Json::Object(object) => match only(object) {
            Some(("$data", Json::String(text))) => Value::Data(from_base64(text)?),
            Some(("$date", Json::String(text))) => Value::Date(date(text)?),
            Some(("$dict", Json::Object(object))) => Value::Dict(decode_dict(object)?),
            _ => Value::Dict(decode_dict(object)?),
        },
        other => Value::from(other),
    })
}

/// As [`decode`], for what must be a dictionary.
pub(super) fn decode_dict(object: &Map<String, Json>) -> Option<Dict> {
    object
        .iter()
        .map(|(name, value)| Some((name.clone(), decode(value)?)))
        .collect()
}

fn only(object: &Map<String, Json>) -> Option<(&str, &Json)> {
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    let date = NaiveDateTime::parse_from_str(text, DATE).ok()?;
    Some(date.and_utc())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// As `$dict` unwraps: the variables of a step.
pub(super) fn variables(json: &Json) -> Option<Dict> {
    match decode(json)? {
        Value::Dict(dict) => Some(dict),
        _ => None,
    }
}

/// A name for a file that belongs to an address: what follows its last slash, as far as it is harmless.
pub(super) fn file_name(number: u32, url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let harmless: String = last
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || "._-+".contains(*letter))
        .take(80)
        .collect();
    let mut name = String::new();
    // Writing to a String cannot fail.
    write!(name, "{number:03}-{harmless}").unwrap_or_default();
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_back_as_it_was() {
        let dict: Dict = [
            ("text", Value::from("ä\u{1F34F}")),
            ("number", Value::Integer(-7)),
            ("large", Value::Integer(i128::from(u64::MAX))),
            ("real", Value::Real(0.25)),
            ("yes", Value::Bool(true)),
            ("nothing", Value::Null),
            ("data", Value::Data(vec![0, 255, 7])),
            ("date", Value::Date(DateTime::UNIX_EPOCH)),
            ("list", vec![Value::from("a"), Value::Bool(false)].into()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let odd: Dict = [("$data".to_owned(), Value::from("no data"))]
            .into_iter()
            .collect();
        for dict in [dict, odd] {
            let value = Value::Dict(dict.clone());
            assert_eq!(decode(&encode(&value)), Some(value));
            assert_eq!(variables(&encode(&Value::Dict(dict.clone()))), Some(dict));
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for json in [
            json!({"$data": "%"}),
            json!({"$date": "soon"}),
            json!([{"$date": ""}]),
        ] {
            assert_eq!(decode(&json), None, "{json}");
        }
    }

    #[test]
    fn names_of_files_are_harmless() {
        assert_eq!(
            file_name(1, "https://v.example/a/App%201.dmg?t=x"),
            "001-App201.dmg"
        );
        assert_eq!(file_name(2, "https://v.example/.."), "002-..");
        assert_eq!(file_name(3, ""), "003-");
    }
}
