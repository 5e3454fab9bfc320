//! Values as Python's `pprint` shows them: one line if that fits, else one item a line.

use proplist::{Value, repr};

/// The width that `pprint` takes when it is not told another.
const WIDTH: usize = 80;

/// `value` as `pprint.pprint` prints it, keys sorted, long texts broken between words.
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

impl Place {
    /// How many columns there are.
    const fn width(self) -> usize {
        WIDTH
            .saturating_sub(self.indent)
            .saturating_sub(self.behind)
    }
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

/// Writes `value` where `place` says.
fn write(value: &Value, place: Place, shown: &mut String) {
    let line = repr(value);
    if line.chars().count() <= place.width() {
        shown.push_str(&line);
        return;
    }
    let inner = place.indent.saturating_add(place.step);
    let within = |indent: usize, is_last: bool| Place {
        indent,
        behind: if is_last {
            place.behind.saturating_add(1)
        } else {
            1
        },
        ..place
    };
    let padding = " ".repeat(place.step.saturating_sub(1));
    match value {
        Value::Dict(dict) if !dict.is_empty() => {
            shown.push('{');
            shown.push_str(&padding);
            for (index, (key, value)) in dict.iter().enumerate() {
                separate(index, inner, shown);
                let key = repr(&Value::String(key.clone()));
                shown.push_str(&key);
                shown.push_str(": ");
                let column = inner.saturating_add(key.chars().count()).saturating_add(2);
                let is_last = index.saturating_add(1) == dict.len();
                write(value, within(column, is_last), shown);
            }
            shown.push('}');
        }
        Value::Array(values) if !values.is_empty() => {
            shown.push('[');
            shown.push_str(&padding);
            for (index, value) in values.iter().enumerate() {
                separate(index, inner, shown);
                let is_last = index.saturating_add(1) == values.len();
                write(value, within(inner, is_last), shown);
            }
            shown.push(']');
        }
        Value::String(text) => {
            let between = format!("\n{}", " ".repeat(place.indent));
            shown.push_str(&broken(text, place).join(&between));
        }
        _ => shown.push_str(&line),
    }
}

/// A text in pieces that fit: one or more for each of its lines, cut behind blanks.
fn broken(text: &str, place: Place) -> Vec<String> {
    let shown = |text: &str| repr(&Value::from(text));
    let (wide, last_wide) = (WIDTH.saturating_sub(place.indent), place.width());
    let mut pieces = Vec::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let is_last_line = index.saturating_add(1) == lines.len();
        let whole = shown(line);
        let width = if is_last_line { last_wide } else { wide };
        if whole.chars().count() <= width {
            pieces.push(whole);
            continue;
        }
        let words = words(line);
        let mut piece = String::new();
        for (index, word) in words.iter().enumerate() {
            let is_last = is_last_line && index.saturating_add(1) == words.len();
            let width = if is_last { last_wide } else { wide };
            let longer = format!("{piece}{word}");
            if shown(&longer).chars().count() <= width {
                piece = longer;
            } else {
                if !piece.is_empty() {
                    pieces.push(shown(&piece));
                }
                (*word).clone_into(&mut piece);
            }
        }
        pieces.push(shown(&piece));
    }
    pieces
}

/// The words of a line, each with the blanks behind it.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let blanks = rest
            .get(word..)
            .and_then(|rest| rest.find(|letter: char| !letter.is_whitespace()))
            .map_or(rest.len(), |blanks| word.saturating_add(blanks));
        let (first, others) = rest.split_at_checked(blanks).unwrap_or((rest, ""));
        words.push(first);
        rest = others;
    }
    words
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

    /// Printed by `pprint` of `CPython` 3.11.
    #[test]
    fn long_texts_are_broken_between_words() {
        let text = format!(
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen\nfifteen\n\nsixteen {} z",
            "y".repeat(70)
        );
        let value = dict(&[(
            "Input",
            dict(&[
                ("url", "x".repeat(60).into()),
                ("filename", "App.dmg".into()),
                ("text", text.into()),
            ]),
        )]);
        assert_eq!(
            pretty_indented(&value, 4),
            "{   'Input': {   'filename': 'App.dmg',\n\
             \x20                'text': 'one two three four five six seven eight nine ten '\n\
             \x20                        'eleven twelve thirteen fourteen\\n'\n\
             \x20                        'fifteen\\n'\n\
             \x20                        '\\n'\n\
             \x20                        'sixteen '\n\
             \x20                        'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy '\n\
             \x20                        'z',\n\
             \x20                'url': 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}}"
        );
    }
}
