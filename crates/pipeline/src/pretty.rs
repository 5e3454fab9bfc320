//! Values as Python's `pprint` shows them: one line if that fits, else one item a line.

use proplist::{Value, repr};

/// The width that `pprint` takes when it is not told another.
const WIDTH: usize = 80;

/// `value` as `pprint.pprint` prints it, keys sorted. Long texts are not broken.
///
/// # Source
/// `CPython`'s `Lib/pprint.py`.
pub fn pretty(value: &Value) -> String {
    let mut shown = String::new();
    write(&sorted(value), 0, 0, &mut shown);
    shown
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        Value::Dict(dict) => {
            let mut dict: proplist::Dict = dict
                .iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect();
            dict.sort_keys();
            Value::Dict(dict)
        }
        other => other.clone(),
    }
}

/// Writes `value` from column `indent` on, with `behind` characters to follow on its last line.
fn write(value: &Value, indent: usize, behind: usize, shown: &mut String) {
    let line = repr(value);
    let fits = indent
        .saturating_add(behind)
        .saturating_add(line.chars().count())
        <= WIDTH;
    let inner = indent.saturating_add(1);
    match value {
        Value::Dict(dict) if !fits && !dict.is_empty() => {
            shown.push('{');
            for (index, (key, value)) in dict.iter().enumerate() {
                separate(index, inner, shown);
                let key = repr(&Value::String(key.clone()));
                shown.push_str(&key);
                shown.push_str(": ");
                let column = inner.saturating_add(key.chars().count()).saturating_add(2);
                write(value, column, behind.saturating_add(1), shown);
            }
            shown.push('}');
        }
        Value::Array(values) if !fits && !values.is_empty() => {
            shown.push('[');
            for (index, value) in values.iter().enumerate() {
                separate(index, inner, shown);
                write(value, inner, behind.saturating_add(1), shown);
            }
            shown.push(']');
        }
        _ => shown.push_str(&line),
    }
}

fn separate(index: usize, indent: usize, shown: &mut String) {
    if index > 0 {
        shown.push_str(",\n");
        shown.extend(std::iter::repeat_n(' ', indent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dict(pairs: &[(&str, Value)]) -> Value {
        Value::Dict(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        )
    }

    #[test]
    fn a_short_value_stays_on_one_line() {
        let value = dict(&[("b", true.into()), ("a", "x".into())]);
        assert_eq!(pretty(&value), "{'a': 'x', 'b': True}");
    }

    #[test]
    fn a_long_one_has_an_item_a_line() {
        let long = "x".repeat(60);
        let inner = dict(&[
            ("url", long.as_str().into()),
            ("filename", "App.dmg".into()),
        ]);
        assert_eq!(
            pretty(&dict(&[("Input", inner)])),
            format!("{{'Input': {{'filename': 'App.dmg',\n           'url': '{long}'}}}}")
        );
    }
}
