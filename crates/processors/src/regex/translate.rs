//! From Python's pattern language to fancy-regex's.

use super::{PatternError, flags::Flags};

/// A pattern in the other language, and what the translation would lose.
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) flags: Flags,
    pub(super) closing_order: Vec<usize>,
    pub(super) repeats_groups: bool,
}

/// Translates `pattern`.
pub(super) fn translate(pattern: &str, flags: Flags) -> Result<Translated, PatternError> {
    let mut translator = Translator {
        letters: pattern.chars().collect(),
        at: 0,
        out: String::with_capacity(pattern.len() + 16),
        flags,
        open: Vec::new(),
        groups: 0,
        closed: Vec::new(),
        repeats_groups: false,
    };
    translator.global_flags();
    translator.run()?;
    let mut closing_order = vec![0; translator.groups];
    for (order, group) in translator.closed.iter().enumerate() {
        if let Some(slot) = closing_order.get_mut(group.saturating_sub(1)) {
            *slot = order;
        }
    }
    Ok(Translated {
        pattern: translator.out,
        flags: translator.flags,
        closing_order,
        repeats_groups: translator.repeats_groups,
    })
}

/// A parenthesis that is open.
struct Open {
    /// The group's number, if it captures.
    group: Option<usize>,
    /// How many groups had been opened before it.
    groups_before: usize,
    /// Whether what is inside is looked at and not consumed.
    is_look_around: bool,
    /// What held before it: `(?a:` holds for a group.
    was_ascii: bool,
}

struct Translator {
    letters: Vec<char>,
    at: usize,
    out: String,
    flags: Flags,
    open: Vec<Open>,
    groups: usize,
    closed: Vec<usize>,
    repeats_groups: bool,
}

/// `\w` and `\s` of a `str` pattern, as the inside of a class.
const WORD: &str = r"\p{L}\p{N}_";
const SPACE: &str = r"\s\x1c-\x1f";

/// The same with the flag for ASCII, and `\d`. Each ends in a range: in a pattern that has it written out, too, a
/// hyphen after it is a letter.
const ASCII_WORD: &str = "0-9A-Z_a-z";
const ASCII_SPACE: &str = r"\x20\x09-\x0d";
const ASCII_DIGIT: &str = "0-9";

impl Translator {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at.saturating_add(ahead)).copied()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek(0)?;
        self.at = self.at.saturating_add(1);
        Some(letter)
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(ahead, letter)| self.peek(ahead) == Some(letter))
    }

    fn put(&mut self, pieces: &[&str]) {
        self.out.extend(pieces.iter().copied());
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn syntax<T>(&self, what: &'static str) -> Result<T, PatternError> {
        Err(PatternError::Syntax {
            what,
            position: self.at,
        })
    }

    /// `(?i)` at the very start holds for the whole.
    fn global_flags(&mut self) {
        while self.starts_with("(?") {
            let mut flags = self.flags;
            let mut ahead = 2;
            while let Some(letter) = self.peek(ahead) {
                if letter == ')' && ahead > 2 {
                    break;
                }
                if !flags.set(letter) {
                    return;
                }
                ahead += 1;
            }
            if self.peek(ahead) != Some(')') {
                return;
            }
            self.flags = flags;
            self.skip(ahead + 1);
        }
    }

    fn run(&mut self) -> Result<(), PatternError> {
        while let Some(letter) = self.next() {
            match letter {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '$' if self.flags.multi_line => self.out.push('$'),
                '$' => self.out.push_str(r"(?=\n?\z)"),
                '{' => self.brace(),
                '}' | ']' => self.out.extend(['\\', letter]),
                '#' if self.flags.verbose => while !matches!(self.next(), None | Some('\n')) {},
                letter if self.flags.verbose && letter.is_whitespace() => {}
                letter => self.out.push(letter),
            }
        }
        if self.open.is_empty() {
            Ok(())
        } else {
            self.syntax("missing ), unterminated subpattern")
        }
    }

    /// A quantifier if it has the form of one, else a letter; `{,n}` counts from 0.
    fn brace(&mut self) {
        let rest = self.letters.get(self.at..).unwrap_or_default();
        let inside: String = rest.iter().take_while(|&&letter| letter != '}').collect();
        let closed = rest.get(inside.chars().count()) == Some(&'}');
        let (low, high) = inside
            .split_once(',')
            .map_or((inside.as_str(), None), |(low, high)| (low, Some(high)));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let counts = digits(low) && high.is_none_or(digits) && !inside.is_empty() && closed;
        if !counts {
            self.out.push_str(r"\{");
            return;
        }
        let low = if low.is_empty() { "0" } else { low };
        match high {
            Some(high) => self.put(&["{", low, ",", high, "}"]),
            None => self.put(&["{", low, "}"]),
        }
        self.skip(inside.chars().count() + 1);
    }

    fn open_group(&mut self) -> Result<(), PatternError> {
        let mut open = Open {
            group: None,
            groups_before: self.groups,
            is_look_around: false,
            was_ascii: self.flags.ascii,
        };
        if !self.starts_with("?") {
            self.capture(&mut open);
            self.out.push('(');
        } else if self.starts_with("?P<") {
            self.capture(&mut open);
            self.skip(3);
            let name = self.until('>')?;
            self.put(&["(?P<", &name, ">"]);
        } else if self.starts_with("?P=") {
            self.skip(3);
            let name = self.until(')')?;
            self.put(&["(?P=", &name, ")"]);
            return Ok(());
        } else if self.starts_with("?#") {
            self.until(')')?;
            return Ok(());
        } else {
            open.is_look_around = ["?=", "?!", "?<=", "?<!"]
                .iter()
                .any(|start| self.starts_with(start));
            self.special_group()?;
        }
        self.open.push(open);
        Ok(())
    }

    fn capture(&mut self, open: &mut Open) {
        self.groups = self.groups.saturating_add(1);
        open.group = Some(self.groups);
    }

    /// `(?:`, look-around, `(?>`, `(?i:`, `(?(1)`: these are written alike.
    fn special_group(&mut self) -> Result<(), PatternError> {
        for start in ["?:", "?=", "?!", "?<=", "?<!", "?>"] {
            if self.starts_with(start) {
                // A look-around may be repeated in Python, but only a group may here.
                let wrapper = if matches!(start, "?:" | "?>") {
                    ""
                } else {
                    "(?:"
                };
                self.put(&[wrapper, "(", start]);
                self.skip(start.len());
                return Ok(());
            }
        }
        if self.starts_with("?(") {
            self.skip(2);
            let group = self.until(')')?;
            self.put(&["(?(", &group, ")"]);
            return Ok(());
        }
        self.skip(1);
        let flags = self.until(':')?;
        if flags.is_empty() || !flags.chars().all(|letter| "aimsux-".contains(letter)) {
            return self.syntax("unknown extension");
        }
        self.flags.ascii |= flags.contains('a');
        let flags: String = flags.chars().filter(|letter| *letter != 'a').collect();
        self.put(&["(?", &flags, ":"]);
        Ok(())
    }

    fn until(&mut self, end: char) -> Result<String, PatternError> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some(letter) if letter == end => return Ok(text),
                Some(letter) => text.push(letter),
                None => return self.syntax("unterminated group"),
            }
        }
    }

    fn close_group(&mut self) -> Result<(), PatternError> {
        let Some(open) = self.open.pop() else {
            return self.syntax("unbalanced parenthesis");
        };
        self.flags.ascii = open.was_ascii;
        self.out.push(')');
        if open.is_look_around {
            // What consumes nothing is found once or not at all, however often it may be.
            let optional = self.takes_quantifier().is_some_and(|least| least == 0);
            self.out.push_str(if optional { "|)" } else { ")" });
        }
        if let Some(group) = open.group {
            self.closed.push(group);
        }
        if self.groups > open.groups_before && matches!(self.peek(0), Some('*' | '+' | '{')) {
            self.repeats_groups = true;
        }
        Ok(())
    }

    /// Passes over a quantifier and gives the least number that it asks for.
    fn takes_quantifier(&mut self) -> Option<u32> {
        let least = match self.peek(0)? {
            '*' | '?' => 0,
            '+' => 1,
            '{' => {
                let rest = self.letters.get(self.at..).unwrap_or_default();
                let inside: String = rest
                    .iter()
                    .skip(1)
                    .take_while(|&&letter| letter != '}')
                    .collect();
                if rest.get(inside.chars().count().saturating_add(1)) != Some(&'}') {
                    return None;
                }
                let low = inside.split(',').next().unwrap_or_default();
                let least = if low.is_empty() { 0 } else { low.parse().ok()? };
                self.skip(inside.chars().count());
                self.skip(1);
                least
            }
            _ => return None,
        };
        self.skip(1);
        if matches!(self.peek(0), Some('?' | '+')) {
            self.skip(1);
        }
        Some(least)
    }

    const fn word(&self) -> &'static str {
        if self.flags.ascii { ASCII_WORD } else { WORD }
    }

    const fn space(&self) -> &'static str {
        if self.flags.ascii { ASCII_SPACE } else { SPACE }
    }

    /// `\b` and `\B` with the flag for ASCII.
    fn ascii_edge(&mut self, letter: char) {
        let (before, after) = (r"(?<=[0-9A-Z_a-z])", r"(?=[0-9A-Z_a-z])");
        let (not_before, not_after) = (r"(?<![0-9A-Z_a-z])", r"(?![0-9A-Z_a-z])");
        let (one, other) = match letter {
            'b' => ([before, not_after], [not_before, after]),
            _ => ([before, after], [not_before, not_after]),
        };
        self.put(&["(?:", &one.concat(), "|", &other.concat(), ")"]);
    }

    /// Outside a class.
    fn escape(&mut self) -> Result<(), PatternError> {
        let Some(letter) = self.next() else {
            return self.syntax("bad escape (end of pattern)");
        };
        match letter {
            'w' => self.put(&["[", self.word(), "]"]),
            'W' => self.put(&["[^", self.word(), "]"]),
            's' => self.put(&["[", self.space(), "]"]),
            'S' => self.put(&["[^", self.space(), "]"]),
            'd' if self.flags.ascii => self.put(&["[", ASCII_DIGIT, "]"]),
            'D' if self.flags.ascii => self.put(&["[^", ASCII_DIGIT, "]"]),
            'b' | 'B' if self.flags.ascii => self.ascii_edge(letter),
            'Z' => self.out.push_str(r"\z"),
            'A' | 'b' | 'B' | 'd' | 'D' => self.out.extend(['\\', letter]),
            '1'..='7' if self.octal_digits() >= 2 => {
                self.at = self.at.saturating_sub(1);
                let letter = self.number(3, 8)?;
                if u32::from(letter) > 0o377 {
                    return self.syntax("octal escape value outside of range 0-0o377");
                }
                self.literal(letter);
            }
            '1'..='9' => {
                let mut number = String::from(letter);
                if let Some(digit) = self.peek(0).filter(char::is_ascii_digit) {
                    number.push(digit);
                    self.skip(1);
                }
                // In a group, so that a digit after it does not join the number.
                self.put(&[r"(?:\", &number, ")"]);
            }
            other => {
                let letter = self.escaped_letter(other)?;
                self.literal(letter);
            }
        }
        Ok(())
    }

    /// How many octal digits come next, up to three.
    fn octal_digits(&self) -> usize {
        (0..3)
            .take_while(|&ahead| matches!(self.peek(ahead), Some('0'..='7')))
            .count()
    }

    /// A letter that is written with a backslash, in a class or not.
    fn escaped_letter(&mut self, letter: char) -> Result<char, PatternError> {
        Ok(match letter {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'a' => '\u{7}',
            'x' => self.number(2, 16)?,
            'u' => self.number(4, 16)?,
            'U' => self.number(8, 16)?,
            '0' => {
                self.at = self.at.saturating_sub(1);
                self.number(self.octal_digits(), 8)?
            }
            letter if letter.is_ascii_alphanumeric() => return self.syntax("bad escape"),
            letter => letter,
        })
    }

    fn number(&mut self, digits: usize, radix: u32) -> Result<char, PatternError> {
        let text: String = (0..digits).filter_map(|ahead| self.peek(ahead)).collect();
        let letter = u32::from_str_radix(&text, radix)
            .ok()
            .filter(|_| text.len() == digits)
            .and_then(char::from_u32);
        match letter {
            Some(letter) => {
                self.skip(digits);
                Ok(letter)
            }
            None => self.syntax("incomplete escape"),
        }
    }

    fn literal(&mut self, letter: char) {
        if letter.is_ascii_punctuation() && letter != '<' && letter != '>' {
            self.out.push('\\');
        }
        if letter.is_whitespace() || letter.is_control() {
            let code = format!("{:x}", u32::from(letter));
            self.put(&[r"\x{", &code, "}"]);
        } else {
            self.out.push(letter);
        }
    }

    fn class(&mut self) -> Result<(), PatternError> {
        self.out.push('[');
        if self.peek(0) == Some('^') {
            self.skip(1);
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(letter) = self.next() else {
                return self.syntax("unterminated character set");
            };
            match letter {
                ']' if !first => break,
                '\\' => self.class_escape()?,
                '-' if self.is_range() => self.out.push('-'),
                letter => self.literal(letter),
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// Whether the `-` just read stands between two letters.
    fn is_range(&self) -> bool {
        let before = self
            .at
            .checked_sub(2)
            .and_then(|at| self.letters.get(at))
            .copied();
        let at_start = matches!(before, Some('[')) && !self.out.ends_with("\\[")
            || matches!(before, Some('^')) && self.out.ends_with("[^");
        let ours = [WORD, SPACE, ASCII_WORD, ASCII_SPACE, ASCII_DIGIT];
        let after_set = ours
            .iter()
            .chain(&[r"\d", r"\D", "]"])
            .any(|set| self.out.ends_with(set))
            && !self.out.ends_with("\\]");
        !at_start && !after_set && !matches!(self.peek(0), Some(']') | None)
    }

    fn class_escape(&mut self) -> Result<(), PatternError> {
        let Some(letter) = self.next() else {
            return self.syntax("unterminated character set");
        };
        match letter {
            'w' => self.out.push_str(self.word()),
            's' => self.out.push_str(self.space()),
            'W' => self.put(&["[^", self.word(), "]"]),
            'S' => self.put(&["[^", self.space(), "]"]),
            'd' if self.flags.ascii => self.out.push_str(ASCII_DIGIT),
            'D' if self.flags.ascii => self.put(&["[^", ASCII_DIGIT, "]"]),
            'd' | 'D' => self.out.extend(['\\', letter]),
            'b' => self.literal('\u{8}'),
            '1'..='7' => {
                self.at = self.at.saturating_sub(1);
                let letter = self.number(self.octal_digits(), 8)?;
                self.literal(letter);
            }
            other => {
                let letter = self.escaped_letter(other)?;
                self.literal(letter);
            }
        }
        Ok(())
    }
}
