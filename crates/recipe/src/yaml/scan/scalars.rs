//! Scalars: blocks after `|` and `>`, texts in quotes, plain words.

use super::{
    Scanned, Scanner, Token,
    letters::{END, is_blank, is_break, is_line_end},
};

/// What becomes of the line breaks that end a block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Chomping {
    Clip,
    Keep,
    Strip,
}

impl Scanner {
    pub(super) fn block_scalar(&mut self, style: char) -> Scanned {
        self.allow_key = true;
        self.drop_possible_key()?;
        self.letters.skip(1);
        let (chomping, increment) = self.block_indicators()?;
        self.rest_of_line()?;
        let least = self.indent.saturating_add(1).max(1);
        let (indent, breaks) = if let Some(increment) = increment {
            let indent = least.saturating_add(increment).saturating_sub(1);
            (indent, self.block_breaks(indent))
        } else {
            let (breaks, deepest) = self.block_indentation();
            (least.max(deepest), breaks)
        };
        let text = self.block_lines(style == '>', chomping, indent, breaks);
        self.add(Token::Scalar { text, plain: false });
        Ok(())
    }

    fn block_indicators(&mut self) -> Scanned<(Chomping, Option<i64>)> {
        let (mut chomping, mut increment) = (None, None);
        for _ in 0..2 {
            match self.letters.here() {
                '+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                '-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                digit @ '1'..='9' if increment.is_none() => {
                    increment = digit.to_digit(10).map(i64::from);
                }
                _ => break,
            }
            self.letters.skip(1);
        }
        if !(self.letters.here() == ' ' || is_line_end(self.letters.here())) {
            return Err(self.wrong("a block takes `+` or `-` and a digit from 1 to 9"));
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn block_lines(
        &mut self,
        folded: bool,
        chomping: Chomping,
        indent: i64,
        mut breaks: String,
    ) -> String {
        let (mut text, mut line_break) = (String::new(), None);
        let is_space = |letter: char| matches!(letter, ' ' | '\t');
        while self.letters.column() == indent && self.letters.here() != END {
            text.push_str(&breaks);
            let more_indented = is_space(self.letters.here());
            text.push_str(&self.letters.take_while(|letter| !is_line_end(letter)));
            line_break = self.letters.take_break();
            breaks = self.block_breaks(indent);
            let next = self.letters.here();
            if self.letters.column() != indent || next == END {
                break;
            }
            if folded && line_break == Some('\n') && !more_indented && !is_space(next) {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.extend(line_break);
            }
        }
        if chomping != Chomping::Strip {
            text.extend(line_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        text
    }

    /// The line breaks before a block's first letter, and how deep any line of blanks among them went.
    fn block_indentation(&mut self) -> (String, i64) {
        let (mut breaks, mut deepest) = (String::new(), 0);
        loop {
            if self.letters.here() == ' ' {
                self.letters.skip(1);
                deepest = self.letters.column().max(deepest);
            } else if let Some(line_break) = self.letters.take_break() {
                breaks.push(line_break);
            } else {
                return (breaks, deepest);
            }
        }
    }

    fn block_breaks(&mut self, indent: i64) -> String {
        let mut breaks = String::new();
        loop {
            while self.letters.column() < indent && self.letters.here() == ' ' {
                self.letters.skip(1);
            }
            match self.letters.take_break() {
                Some(line_break) => breaks.push(line_break),
                None => return breaks,
            }
        }
    }

    pub(super) fn flow_scalar(&mut self, quote: char) -> Scanned {
        self.note_possible_key()?;
        self.allow_key = false;
        self.letters.skip(1);
        let mut text = String::new();
        self.flow_letters(quote, &mut text)?;
        while self.letters.here() != quote {
            self.flow_blanks(&mut text)?;
            self.flow_letters(quote, &mut text)?;
        }
        self.letters.skip(1);
        self.add(Token::Scalar { text, plain: false });
        Ok(())
    }

    fn flow_letters(&mut self, quote: char, text: &mut String) -> Scanned {
        let double = quote == '"';
        loop {
            let run = self
                .letters
                .take_while(|letter| !is_blank(letter) && !matches!(letter, '\'' | '"' | '\\'));
            text.push_str(&run);
            match self.letters.here() {
                '\'' if !double && self.letters.ahead(1) == '\'' => {
                    text.push('\'');
                    self.letters.skip(2);
                }
                letter @ ('\'' | '"') if letter != quote => {
                    text.push(letter);
                    self.letters.skip(1);
                }
                '\\' if double => self.escape(text)?,
                '\\' => {
                    text.push('\\');
                    self.letters.skip(1);
                }
                _ => return Ok(()),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Scanned {
        self.letters.skip(1);
        let letter = self.letters.here();
        if is_break(letter) {
            self.letters.take_break();
            return self.flow_breaks(text);
        }
        self.letters.skip(1);
        text.push(match letter {
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            ' ' | '"' | '\\' | '/' => letter,
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' => self.escaped(2)?,
            'u' => self.escaped(4)?,
            'U' => self.escaped(8)?,
            _ => return Err(self.wrong(&format!("the escape `\\{letter}`"))),
        });
        Ok(())
    }

    fn escaped(&mut self, digits: usize) -> Scanned<char> {
        let text = self.letters.take(digits);
        let all = text.len() == digits && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        u32::from_str_radix(&text, 16)
            .ok()
            .filter(|_| all)
            .and_then(char::from_u32)
            .ok_or_else(|| self.wrong(&format!("an escape takes {digits} digits of a character")))
    }

    fn flow_blanks(&mut self, text: &mut String) -> Scanned {
        let blanks = self
            .letters
            .take_while(|letter| matches!(letter, ' ' | '\t'));
        if self.letters.here() == END {
            return Err(self.wrong("a text in quotes does not end"));
        }
        let Some(line_break) = self.letters.take_break() else {
            text.push_str(&blanks);
            return Ok(());
        };
        let mut breaks = String::new();
        self.flow_breaks(&mut breaks)?;
        fold(line_break, &breaks, text);
        Ok(())
    }

    fn flow_breaks(&mut self, breaks: &mut String) -> Scanned {
        loop {
            if self.letters.is_document_mark() {
                return Err(self.wrong("the document ends inside a text in quotes"));
            }
            self.letters
                .skip_while(|letter| matches!(letter, ' ' | '\t'));
            match self.letters.take_break() {
                Some(line_break) => breaks.push(line_break),
                None => return Ok(()),
            }
        }
    }

    pub(super) fn plain_scalar(&mut self) -> Scanned {
        self.note_possible_key()?;
        self.allow_key = false;
        let indent = self.indent.saturating_add(1);
        let line = self.letters.line();
        let (mut text, mut blanks) = (String::new(), String::new());
        while self.letters.here() != '#' {
            let len = self.plain_len();
            if len == 0 {
                break;
            }
            self.allow_key = false;
            text.push_str(&blanks);
            text.push_str(&self.letters.take(len));
            blanks = self.plain_blanks();
            if blanks.is_empty() || (!self.in_flow() && self.letters.column() < indent) {
                break;
            }
        }
        self.tokens
            .push_back((line, Token::Scalar { text, plain: true }));
        Ok(())
    }

    fn plain_len(&self) -> usize {
        let ends = |distance: usize| {
            let (letter, next) = (
                self.letters.ahead(distance),
                self.letters.ahead(distance.saturating_add(1)),
            );
            is_blank(letter)
                || (letter == ':' && (is_blank(next) || (self.in_flow() && ",[]{}".contains(next))))
                || (self.in_flow() && ",?[]{}".contains(letter))
        };
        let mut len = 0_usize;
        while !ends(len) {
            len = len.saturating_add(1);
        }
        len
    }

    /// What stands between two words of a plain scalar; nothing if it ends here. A tab ends it.
    fn plain_blanks(&mut self) -> String {
        let blanks = self.letters.take_while(|letter| letter == ' ');
        let Some(line_break) = self.letters.take_break() else {
            return blanks;
        };
        self.allow_key = true;
        let mut breaks = String::new();
        loop {
            if self.letters.is_document_mark() {
                return String::new();
            }
            self.letters.skip_while(|letter| letter == ' ');
            match self.letters.take_break() {
                Some(line_break) => breaks.push(line_break),
                None => break,
            }
        }
        let mut folded = String::new();
        fold(line_break, &breaks, &mut folded);
        folded
    }
}

/// One line break is a blank, further ones stand for themselves.
fn fold(line_break: char, breaks: &str, text: &mut String) {
    if line_break != '\n' {
        text.push(line_break);
    } else if breaks.is_empty() {
        text.push(' ');
    }
    text.push_str(breaks);
}
