//! Writes YAML as AutoPkg does: keys sorted, block style, list items indented, texts of several lines as literals.

use proplist::{Dict, Value};

use super::scalar::Kind;

const BEST_WIDTH: usize = 80;
const INDENT: usize = 2;
/// Longer keys take the `? key` form; five of the 128 letters go to the tag that is not written.
const LONGEST_SIMPLE_KEY: usize = 122;

/// `value` as a YAML document.
///
/// # Source
/// `PyYAML` 6.0.3 `emitter.py` and `representer.py`, with the indentation and the literals that `AutoPkg` 2.9 asks
/// them for.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut emitter = Emitter {
        text: String::new(),
        column: 0,
        indent: 0,
        whitespace: true,
        indention: true,
        open_ended: false,
    };
    emitter.node(value, Place::Root);
    emitter.indent = 0;
    emitter.write_indent();
    if emitter.open_ended {
        emitter.indicator("...", true, false);
        emitter.write_indent();
    }
    emitter.text
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Key,
    Root,
    Value,
}

struct Emitter {
    text: String,
    /// In letters.
    column: usize,
    indent: usize,
    /// Whether white space was written last.
    whitespace: bool,
    /// Whether only indentation and indicators stand on this line.
    indention: bool,
    /// Whether the text written last needs an end mark, should nothing follow.
    open_ended: bool,
}

impl Emitter {
    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Array(values) if values.is_empty() => self.flow("[", "]"),
            Value::Dict(dict) if dict.is_empty() => self.flow("{", "}"),
            Value::Array(values) => self.sequence(values, place),
            Value::Dict(dict) => self.mapping(dict, place),
            Value::Bool(true) => self.plain("true", true),
            Value::Bool(false) => self.plain("false", true),
            Value::Data(bytes) => self.binary(bytes),
            Value::Date(date) => {
                let shown = date.format("%Y-%m-%d %H:%M:%S%.f").to_string();
                self.plain(shown.strip_suffix(" 00:00:00").unwrap_or(&shown), true);
            }
            Value::Integer(number) => self.plain(&number.to_string(), true),
            Value::Null => self.plain("null", true),
            Value::Real(number) => self.plain(&real(*number), true),
            Value::String(text) => self.string(text, place),
        }
    }

    fn flow(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true);
        self.indicator(close, false, false);
    }

    fn deeper(&mut self, place: Place, body: impl FnOnce(&mut Self)) {
        let before = self.indent;
        if place != Place::Root {
            self.indent = before.saturating_add(INDENT);
        }
        body(self);
        self.indent = before;
    }

    fn sequence(&mut self, values: &[Value], place: Place) {
        self.deeper(place, |emitter| {
            for value in values {
                emitter.write_indent();
                emitter.structure("-");
                emitter.node(value, Place::Value);
            }
        });
    }

    fn mapping(&mut self, dict: &Dict, place: Place) {
        let mut entries: Vec<(&String, &Value)> = dict.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        self.deeper(place, |emitter| {
            for (key, value) in entries {
                emitter.write_indent();
                if is_simple_key(key) {
                    emitter.string(key, Place::Key);
                    emitter.indicator(":", false, false);
                } else {
                    emitter.structure("?");
                    emitter.string(key, Place::Value);
                    emitter.write_indent();
                    emitter.structure(":");
                }
                emitter.node(value, Place::Value);
            }
        });
    }

    fn binary(&mut self, bytes: &[u8]) {
        use base64::Engine as _;
        self.plain("!!binary", true);
        let before = self.indent;
        self.indent = before.saturating_add(INDENT);
        // 57 bytes come to the 76 digits that Python puts on a line.
        let text: String = bytes
            .chunks(57)
            .map(|chunk| base64::engine::general_purpose::STANDARD.encode(chunk) + "\n")
            .collect();
        self.literal(&text);
        self.indent = before;
    }

    /// # Source
    /// `choose_scalar_style`.
    fn string(&mut self, text: &str, place: Place) {
        // What continues on the next line stands deeper.
        let before = self.indent;
        self.indent = before.saturating_add(INDENT);
        self.styled(text, place);
        self.indent = before;
    }

    fn styled(&mut self, text: &str, place: Place) {
        let analysis = Analysis::of(text);
        let key = place == Place::Key;
        let several_lines = python_lines(text) > 1;
        let means_itself = text != "=" && Kind::of_plain(text) == Kind::Str;
        if !several_lines && means_itself && analysis.plain && !(key && text.is_empty()) {
            self.plain(text, !key);
        } else if several_lines && !key && analysis.block {
            self.literal(text);
        } else if !several_lines && analysis.single_quoted && !(key && text.contains(is_break)) {
            self.single_quoted(text, !key);
        } else {
            self.double_quoted(text, !key);
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.column = self.column.saturating_add(text.chars().count());
    }

    fn indicator(&mut self, indicator: &str, needs_space: bool, whitespace: bool) {
        if needs_space && !self.whitespace {
            self.push(" ");
        }
        self.push(indicator);
        self.whitespace = whitespace;
        self.indention = false;
        self.open_ended = false;
    }

    /// An indicator behind which a collection may begin on the same line.
    fn structure(&mut self, indicator: &str) {
        let indention = self.indention;
        self.indicator(indicator, true, false);
        self.indention = indention;
    }

    fn write_indent(&mut self) {
        if !self.indention
            || self.column > self.indent
            || (self.column == self.indent && !self.whitespace)
        {
            self.line_break('\n');
        }
        if self.column < self.indent {
            self.whitespace = true;
            self.push(&" ".repeat(self.indent.saturating_sub(self.column)));
        }
    }

    fn line_break(&mut self, letter: char) {
        self.whitespace = true;
        self.indention = true;
        self.column = 0;
        self.text.push(letter);
    }

    fn fold(&mut self) {
        self.write_indent();
        self.whitespace = false;
        self.indention = false;
    }

    fn plain(&mut self, text: &str, split: bool) {
        if text.is_empty() {
            return;
        }
        if !self.whitespace {
            self.push(" ");
        }
        self.whitespace = false;
        self.indention = false;
        self.open_ended = false;
        for (spaces, run) in runs(text, |letter| letter == ' ') {
            if spaces && run == " " && self.column > BEST_WIDTH && split {
                self.fold();
            } else {
                self.push(run);
            }
        }
    }

    fn single_quoted(&mut self, text: &str, split: bool) {
        self.indicator("'", true, false);
        let mut position = 0_usize;
        for (is_break, run) in runs(text, is_break) {
            if is_break {
                self.breaks(run, run.starts_with('\n'));
                self.write_indent();
                position = position.saturating_add(run.len());
                continue;
            }
            for (spaces, run) in runs(run, |letter| letter == ' ') {
                let inside = position != 0 && position.saturating_add(run.len()) != text.len();
                if spaces && run == " " && self.column > BEST_WIDTH && split && inside {
                    self.write_indent();
                } else {
                    self.push(&run.replace('\'', "''"));
                }
                position = position.saturating_add(run.len());
            }
        }
        self.indicator("'", false, false);
    }

    fn breaks(&mut self, run: &str, one_more: bool) {
        if one_more {
            self.line_break('\n');
        }
        for letter in run.chars() {
            self.line_break(letter);
        }
    }

    /// # Source
    /// `write_double_quoted`, whose bookkeeping of `start` and `end` decides where lines are cut.
    fn double_quoted(&mut self, text: &str, split: bool) {
        self.indicator("\"", true, false);
        let letters: Vec<char> = text.chars().collect();
        let mut pending = String::new();
        for (end, letter) in letters.iter().copied().map(Some).chain([None]).enumerate() {
            let escaped = letter
                .is_none_or(|letter| !matches!(letter, ' '..='~') || matches!(letter, '"' | '\\'));
            let mut width = self.column.saturating_add(pending.chars().count());
            if escaped {
                self.push(&std::mem::take(&mut pending));
                if let Some(letter) = letter {
                    self.push(&escape(letter));
                    width = self.column.saturating_sub(1);
                }
            }
            let inside = 0 < end && end < letters.len().saturating_sub(1);
            if inside && (letter == Some(' ') || pending.is_empty()) && width > BEST_WIDTH && split
            {
                pending.push('\\');
                self.push(&std::mem::take(&mut pending));
                self.fold();
                let next = end.saturating_add(usize::from(escaped));
                if letters.get(next) == Some(&' ') {
                    self.push("\\");
                }
            }
            if let (false, Some(letter)) = (escaped, letter) {
                pending.push(letter);
            }
        }
        self.indicator("\"", false, false);
    }

    fn literal(&mut self, text: &str) {
        let mut mark = "|".to_owned();
        if text.starts_with(|letter| letter == ' ' || is_break(letter)) {
            mark.push('2');
        }
        let mut backwards = text.chars().rev();
        let ends_in_break = backwards.next().is_some_and(is_break);
        let keep = ends_in_break && backwards.next().is_none_or(is_break);
        if !ends_in_break {
            mark.push('-');
        } else if keep {
            mark.push('+');
        }
        self.indicator(&mark, true, false);
        self.open_ended = keep;
        self.line_break('\n');
        for (is_break, run) in runs(text, is_break) {
            if is_break {
                self.breaks(run, false);
            } else {
                self.write_indent();
                self.text.push_str(run);
            }
        }
        if !ends_in_break {
            self.line_break('\n');
        }
    }
}

/// Cuts `text` where the answer of `is` changes.
fn runs(text: &str, is: impl Fn(char) -> bool) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let kind = is(rest.chars().next()?);
        let end = rest.find(|letter| is(letter) != kind).unwrap_or(rest.len());
        let (run, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some((kind, run))
    })
}

fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_simple_key(key: &str) -> bool {
    !key.is_empty() && !key.contains(is_break) && key.chars().count() <= LONGEST_SIMPLE_KEY
}

/// How many lines Python's `str.splitlines` finds.
fn python_lines(text: &str) -> usize {
    let text = text.replace("\r\n", "\n");
    let is_end = |letter| {
        matches!(
            letter,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    text.split_terminator(is_end).count()
}

fn escape(letter: char) -> String {
    let short = match letter {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => letter,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(letter);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

fn real(number: f64) -> String {
    let shown = proplist::repr(&Value::Real(number));
    match shown.as_str() {
        "nan" => ".nan".to_owned(),
        "inf" => ".inf".to_owned(),
        "-inf" => "-.inf".to_owned(),
        shown if !shown.contains('.') => shown.replacen('e', ".0e", 1),
        shown => shown.to_owned(),
    }
}

/// Which styles a text allows outside flow collections.
struct Analysis {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

impl Analysis {
    /// # Source
    /// `analyze_scalar`.
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self {
                plain: true,
                single_quoted: true,
                block: false,
            };
        }
        let letters: Vec<char> = text.chars().collect();
        let special = letters
            .iter()
            .any(|letter| !matches!(letter, '\n' | ' '..='~'));
        let edge = |letter: Option<&char>| {
            letter.is_some_and(|letter| *letter == ' ' || is_break(*letter))
        };
        let pair = |first: fn(char) -> bool, second: fn(char) -> bool| {
            letters
                .windows(2)
                .any(|pair| matches!(pair, [a, b] if first(*a) && second(*b)))
        };
        let is_space = |letter: char| letter == ' ';
        let (break_space, space_break) = (pair(is_break, is_space), pair(is_space, is_break));
        let bad = space_break || special;
        Self {
            plain: !(edge(letters.first())
                || edge(letters.last())
                || break_space
                || bad
                || text.contains(is_break)
                || has_block_indicators(text, &letters)),
            single_quoted: !break_space && !bad,
            block: letters.last() != Some(&' ') && !bad,
        }
    }
}

fn has_block_indicators(text: &str, letters: &[char]) -> bool {
    let is_white = |letter: &char| matches!(letter, '\0' | ' ' | '\t' | '\r') || is_break(*letter);
    if text.starts_with("---") || text.starts_with("...") {
        return true;
    }
    letters.iter().enumerate().any(|(index, letter)| {
        let followed = letters.get(index.saturating_add(1)).is_none_or(is_white);
        let preceded = index
            .checked_sub(1)
            .is_none_or(|before| letters.get(before).is_some_and(is_white));
        match letter {
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => index == 0,
            '?' | '-' => index == 0 && followed,
            ':' => followed,
            '#' => preceded,
            _ => false,
        }
    })
}
