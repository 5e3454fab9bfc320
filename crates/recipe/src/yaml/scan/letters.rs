//! The letters of a document, and where one stands among them.

/// Follows the last letter. No document holds it.
pub(super) const END: char = '\0';

/// A position in a text that only ever moves forward.
#[derive(Debug)]
pub(super) struct Letters {
    text: Vec<char>,
    at: usize,
    line: usize,
    column: i64,
}

impl Letters {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
            at: 0,
            line: 1,
            column: 0,
        }
    }

    /// How many letters were passed.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The line, from 1.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// The column, from 0; signed, because the outermost indentation is −1.
    pub(super) const fn column(&self) -> i64 {
        self.column
    }

    /// The letter under the position.
    pub(super) fn here(&self) -> char {
        self.ahead(0)
    }

    /// The letter `distance` further on.
    pub(super) fn ahead(&self, distance: usize) -> char {
        let at = self.at.saturating_add(distance);
        self.text.get(at).copied().unwrap_or(END)
    }

    /// Moves over `count` letters.
    pub(super) fn skip(&mut self, count: usize) {
        for _ in 0..count {
            let Some(letter) = self.text.get(self.at).copied() else {
                return;
            };
            self.at = self.at.saturating_add(1);
            if is_break(letter) && !(letter == '\r' && self.here() == '\n') {
                self.line = self.line.saturating_add(1);
                self.column = 0;
            } else if letter != '\u{feff}' {
                self.column = self.column.saturating_add(1);
            }
        }
    }

    /// Moves over the letters that are `wanted` and gives how many they were.
    pub(super) fn skip_while(&mut self, wanted: fn(char) -> bool) -> usize {
        let count = self.count_while(wanted);
        self.skip(count);
        count
    }

    /// Takes the letters that are `wanted`.
    pub(super) fn take_while(&mut self, wanted: fn(char) -> bool) -> String {
        let count = self.count_while(wanted);
        self.take(count)
    }

    /// Takes `count` letters.
    pub(super) fn take(&mut self, count: usize) -> String {
        let taken: String = self.text.iter().skip(self.at).take(count).collect();
        self.skip(count);
        taken
    }

    /// Takes a line break, if one is here: what it means to a text, a line feed mostly.
    pub(super) fn take_break(&mut self) -> Option<char> {
        match (self.here(), self.ahead(1)) {
            ('\r', '\n') => {
                self.skip(2);
                Some('\n')
            }
            ('\r' | '\n' | '\u{85}', _) => {
                self.skip(1);
                Some('\n')
            }
            (separator @ ('\u{2028}' | '\u{2029}'), _) => {
                self.skip(1);
                Some(separator)
            }
            _ => None,
        }
    }

    /// Whether `---` or `...` stands here on its own.
    pub(super) fn is_document_mark(&self) -> bool {
        self.is_mark('-') || self.is_mark('.')
    }

    /// Whether three times `letter` stands here on its own.
    pub(super) fn is_mark(&self, letter: char) -> bool {
        (0..3).all(|distance| self.ahead(distance) == letter) && is_blank(self.ahead(3))
    }

    fn count_while(&self, wanted: fn(char) -> bool) -> usize {
        let rest = self.text.iter().skip(self.at);
        rest.take_while(|letter| wanted(**letter)).count()
    }
}

/// Ends a line.
pub(super) const fn is_break(letter: char) -> bool {
    matches!(letter, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Ends a line or the document.
pub(super) const fn is_line_end(letter: char) -> bool {
    letter == END || is_break(letter)
}

/// Ends a word.
pub(super) const fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t') || is_line_end(letter)
}

/// A letter of names: of anchors, handles, directives.
pub(super) const fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}
