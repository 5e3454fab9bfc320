//! Values as Python prints them, which is how `AutoPkg` shows and joins them.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

use crate::Value;

/// `str(value)`: text as it is, everything else as [`repr`] prints it.
pub fn str_form(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Date(date) => date.format("%Y-%m-%d %H:%M:%S").to_string(),
        other => repr(other),
    }
}

/// `repr(value)` on one line: `{'a': [1, True, None, 'it\'s']}`.
pub fn repr(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            let items: Vec<String> = values.iter().map(repr).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Data(bytes) => repr_bytes(bytes),
        Value::Date(date) => repr_date(date),
        Value::Dict(dict) => {
            let items: Vec<String> = dict
                .iter()
                .map(|(key, value)| format!("{}: {}", repr_text(key), repr(value)))
                .collect();
            format!("{{{}}}", items.join(", "))
        }
        Value::Integer(number) => number.to_string(),
        Value::Null => "None".to_owned(),
        Value::Real(number) => repr_real(*number),
        Value::String(text) => repr_text(text),
    }
}

/// Python's shortest text that reads back as the same number: `2.0`, `1e+16`, `nan`.
pub(crate) fn repr_real(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |rest| ('-', rest));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = number.to_string();
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

fn repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut shown = String::from(quote);
    for letter in text.chars() {
        match letter {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            letter if letter == quote => shown.extend(['\\', letter]),
            letter if letter.is_control() && u32::from(letter) < 0x100 => {
                write_escape(&mut shown, u32::from(letter));
            }
            letter => shown.push(letter),
        }
    }
    shown.push(quote);
    shown
}

fn write_escape(shown: &mut String, code: u32) {
    // Writing to a String cannot fail.
    write!(shown, "\\x{code:02x}").unwrap_or_default();
}

fn repr_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    let mut shown = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\\' => shown.push_str("\\\\"),
            b'\n' => shown.push_str("\\n"),
            b'\r' => shown.push_str("\\r"),
            b'\t' => shown.push_str("\\t"),
            byte if char::from(*byte) == quote => shown.extend(['\\', quote]),
            b' '..=b'~' => shown.push(char::from(*byte)),
            byte => write_escape(&mut shown, u32::from(*byte)),
        }
    }
    shown.push(quote);
    shown
}

fn repr_date(date: &DateTime<Utc>) -> String {
    let mut parts = vec![
        date.year().to_string(),
        date.month().to_string(),
        date.day().to_string(),
        date.hour().to_string(),
        date.minute().to_string(),
    ];
    if date.second() != 0 {
        parts.push(date.second().to_string());
    }
    format!("datetime.datetime({})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dict;

    /// Each pair was printed by `CPython` 3.11.
    #[test]
    fn prints_as_python_does() {
        let dict: Dict = [
            (
                "a".to_owned(),
                Value::Array(vec![Value::from(1_i64), Value::Bool(true), Value::Null]),
            ),
            ("it's".to_owned(), Value::from("say \"hi\"\n")),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            repr(&dict.into()),
            r#"{'a': [1, True, None], "it's": 'say "hi"\n'}"#
        );
        assert_eq!(repr(&"it's \"x\"".into()), r#"'it\'s "x"'"#);
        assert_eq!(repr(&Value::Data(b"a\x00'".to_vec())), r#"b"a\x00'""#);
        for (number, text) in [
            (2.0, "2.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1.5e-7, "1.5e-07"),
            (-0.0, "-0.0"),
            (123_456.75, "123456.75"),
        ] {
            assert_eq!(repr(&Value::Real(number)), text);
        }
        assert_eq!(str_form(&"plain".into()), "plain");
        assert_eq!(str_form(&Value::Bool(false)), "False");
    }
}
