//! Values as Python's `pprint` shows them: one line if that fits, else one item a line.

use proplist::{Value, repr};

/// The width that `pprint` takes when it is not told another.
const WIDTH: usize = 80;

/// `value` as `pprint.pprint` prints it, keys sorted. Long texts are not broken.
///
/// # Source
/// `CPython`'s `Lib/pprint.py`.
pub fn pretty(value: &Value) -> String {
    pretty_indented(value, 1)
}

/// As [`pretty`], each level standing in by `step` columns.
pub fn pretty_indented(value: &Value, step: usize) -> String {
    let mut shown = String::new();
    let place = Place {
        indent: 0,
        behind: 0,
        step: step.max(1),
    };
    write(&sorted(value), place, &mut shown);
    shown
}

/// Where a value is written.
#[derive(Clone, Copy)]
struct Place {
    /// The column it begins in.
    indent: usize,
    /// How many characters follow on its last line.
    behind: usize,
    /// How far each level stands in.
    step: usize,
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

fn write(value: &Value, place: Place, shown: &mut String) {
    let line = repr(value);
    let fits = place
        .indent
        .saturating_add(place.behind)
        .saturating_add(line.chars().count())
        <= WIDTH;
    let inner = place.indent.saturating_add(place.step);
    let within = |indent: usize| Place {
        indent,
        behind: place.behind.saturating_add(1),
        ..place
    };
    let padding = " ".repeat(place.step.saturating_sub(1));
    match value {
        Value::Dict(dict) if !fits && !dict.is_empty() => {
            shown.push('{');
            shown.push_str(&padding);
            for (index, (key, value)) in dict.iter().enumerate() {
                separate(index, inner, shown);
                let key = repr(&Value::String(key.clone()));
                shown.push_str(&key);
                shown.push_str(": ");
                let column = inner.saturating_add(key.chars().count()).saturating_add(2);
                write(value, within(column), shown);
            }
            shown.push('}');
        }
        Value::Array(values) if !fits && !values.is_empty() => {
            shown.push('[');
            shown.push_str(&padding);
            for (index, value) in values.iter().enumerate() {
                separate(index, inner, shown);
                write(value, within(inner), shown);
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
