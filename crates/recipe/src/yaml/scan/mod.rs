//! Letters to tokens, by the rules of YAML 1.1 with the liberties that `PyYAML` takes.
//!
//! A key is known as one only when its `:` comes, so tokens wait in a queue until nothing can be put before them.
//!
//! # Source
//! YAML 1.1; `PyYAML` 6.0.3 `scanner.py`: a key ends on its line and within 1024 letters, tabs separate nothing,
//! what is in brackets or quotes may stand at any indentation.

mod letters;
mod scalars;
mod tags;

use std::collections::VecDeque;

use self::letters::{END, Letters, is_blank, is_line_end};
use crate::YamlError;

/// Brackets in brackets; the composer stops sooner.
const DEEPEST: usize = 512;
/// A key is no longer than this.
const LONGEST_KEY: usize = 1024;

/// A part of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    Alias(String),
    Anchor(String),
    BlockEnd,
    BlockEntry,
    BlockMappingStart,
    BlockSequenceStart,
    Directive(Directive),
    DocumentEnd,
    DocumentStart,
    FlowEntry,
    FlowMappingEnd,
    FlowMappingStart,
    FlowSequenceEnd,
    FlowSequenceStart,
    Key,
    Scalar {
        text: String,
        plain: bool,
    },
    StreamEnd,
    Tag {
        handle: Option<String>,
        suffix: String,
    },
    Value,
}

/// A line that begins with `%`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Directive {
    /// `%YAML`, and the first number of its version.
    Version(u64),
    /// `%TAG`.
    Tag { handle: String, prefix: String },
    /// Another, without meaning.
    Other,
}

/// What may turn out to be a key.
#[derive(Clone, Copy, Debug)]
struct PossibleKey {
    /// Which token it is, counted from the first of all.
    token: usize,
    /// Whether it can be nothing else.
    required: bool,
    at: usize,
    line: usize,
    column: i64,
}

/// Gives the tokens of a document one after the other.
#[derive(Debug)]
pub(super) struct Scanner {
    letters: Letters,
    tokens: VecDeque<(usize, Token)>,
    taken: usize,
    done: bool,
    /// The indentation of the block collection that is open, and of those around it.
    indent: i64,
    indents: Vec<i64>,
    allow_key: bool,
    /// For each bracket that is open, and for none.
    possible_keys: Vec<Option<PossibleKey>>,
}

type Scanned<T = ()> = Result<T, YamlError>;

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        Self {
            letters: Letters::new(text),
            tokens: VecDeque::new(),
            taken: 0,
            done: false,
            indent: -1,
            indents: Vec::new(),
            allow_key: true,
            possible_keys: vec![None],
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Scanned<&Token> {
        self.fill()?;
        Ok(self
            .tokens
            .front()
            .map_or(&Token::StreamEnd, |(_, token)| token))
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Scanned<Token> {
        self.fill()?;
        self.taken = self.taken.saturating_add(1);
        Ok(self
            .tokens
            .pop_front()
            .map_or(Token::StreamEnd, |(_, token)| token))
    }

    /// The line of the next token.
    pub(super) fn line(&self) -> usize {
        self.tokens
            .front()
            .map_or_else(|| self.letters.line(), |(line, _)| *line)
    }

    fn fill(&mut self) -> Scanned {
        loop {
            if self.done {
                return Ok(());
            }
            if !self.tokens.is_empty() {
                self.forget_stale_keys()?;
                let first = self
                    .possible_keys
                    .iter()
                    .flatten()
                    .map(|key| key.token)
                    .min();
                if first != Some(self.taken) {
                    return Ok(());
                }
            }
            self.scan_token()?;
        }
    }

    fn scan_token(&mut self) -> Scanned {
        self.skip_to_token();
        self.forget_stale_keys()?;
        let column = self.letters.column();
        self.unwind(column);
        let (letter, next) = (self.letters.here(), self.letters.ahead(1));
        match letter {
            END => self.stream_end(),
            '%' if column == 0 => self.directive(),
            '-' if column == 0 && self.letters.is_mark('-') => {
                self.document_mark(Token::DocumentStart)
            }
            '.' if column == 0 && self.letters.is_mark('.') => {
                self.document_mark(Token::DocumentEnd)
            }
            '[' => self.flow_start(Token::FlowSequenceStart),
            '{' => self.flow_start(Token::FlowMappingStart),
            ']' => self.flow_end(Token::FlowSequenceEnd),
            '}' => self.flow_end(Token::FlowMappingEnd),
            ',' => self.flow_entry(),
            '-' if is_blank(next) => self.block_entry(),
            '?' if self.in_flow() || is_blank(next) => self.key(),
            ':' if self.in_flow() || is_blank(next) => self.value(),
            '*' | '&' => self.anchor_or_alias(letter),
            '!' => self.tag(),
            '|' | '>' if !self.in_flow() => self.block_scalar(letter),
            '\'' | '"' => self.flow_scalar(letter),
            _ if self.begins_plain(letter, next) => self.plain_scalar(),
            _ => Err(self.wrong(&format!("nothing can begin with {letter:?}"))),
        }
    }

    fn begins_plain(&self, letter: char, next: char) -> bool {
        let indicator = "-?:,[]{}#&*!|>'\"%@`".contains(letter);
        let may = letter == '-' || (!self.in_flow() && matches!(letter, '?' | ':'));
        (!indicator && !is_blank(letter)) || (may && !is_blank(next))
    }

    /// Passes blanks, comments and line breaks. A tab is none of these.
    fn skip_to_token(&mut self) {
        if self.letters.at() == 0 && self.letters.here() == '\u{feff}' {
            self.letters.skip(1);
        }
        loop {
            self.letters.skip_while(|letter| letter == ' ');
            if self.letters.here() == '#' {
                self.letters.skip_while(|letter| !is_line_end(letter));
            }
            if self.letters.take_break().is_none() {
                return;
            }
            if !self.in_flow() {
                self.allow_key = true;
            }
        }
    }

    const fn in_flow(&self) -> bool {
        self.possible_keys.len() > 1
    }

    fn wrong(&self, what: &str) -> YamlError {
        wrong(self.letters.line(), what)
    }

    fn add(&mut self, token: Token) {
        self.tokens.push_back((self.letters.line(), token));
    }

    fn forget_stale_keys(&mut self) -> Scanned {
        let (at, line) = (self.letters.at(), self.letters.line());
        for possible in &mut self.possible_keys {
            let Some(key) = possible else { continue };
            if key.line != line || at.saturating_sub(key.at) > LONGEST_KEY {
                if key.required {
                    return Err(wrong(key.line, "a key without `:`"));
                }
                *possible = None;
            }
        }
        Ok(())
    }

    /// What comes next may be a key.
    fn note_possible_key(&mut self) -> Scanned {
        let required = !self.in_flow() && self.indent == self.letters.column();
        if !self.allow_key {
            return Ok(());
        }
        self.drop_possible_key()?;
        let key = PossibleKey {
            token: self.taken.saturating_add(self.tokens.len()),
            required,
            at: self.letters.at(),
            line: self.letters.line(),
            column: self.letters.column(),
        };
        if let Some(innermost) = self.possible_keys.last_mut() {
            *innermost = Some(key);
        }
        Ok(())
    }

    fn take_possible_key(&mut self) -> Option<PossibleKey> {
        self.possible_keys.last_mut().and_then(Option::take)
    }

    fn drop_possible_key(&mut self) -> Scanned {
        match self.take_possible_key() {
            Some(key) if key.required => Err(wrong(key.line, "a key without `:`")),
            _ => Ok(()),
        }
    }

    fn unwind(&mut self, column: i64) {
        if self.in_flow() {
            return;
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.add(Token::BlockEnd);
        }
    }

    /// Whether `column` opens a deeper block collection.
    fn indent_to(&mut self, column: i64) -> bool {
        let deeper = self.indent < column;
        if deeper {
            self.indents.push(self.indent);
            self.indent = column;
        }
        deeper
    }

    fn stream_end(&mut self) -> Scanned {
        self.possible_keys.truncate(1);
        self.unwind(-1);
        self.drop_possible_key()?;
        self.add(Token::StreamEnd);
        self.done = true;
        Ok(())
    }

    fn document_mark(&mut self, token: Token) -> Scanned {
        self.leave_blocks()?;
        self.letters.skip(3);
        self.add(token);
        Ok(())
    }

    /// Before what stands between documents.
    fn leave_blocks(&mut self) -> Scanned {
        self.unwind(-1);
        self.drop_possible_key()?;
        self.allow_key = false;
        Ok(())
    }

    fn flow_start(&mut self, token: Token) -> Scanned {
        self.note_possible_key()?;
        if self.possible_keys.len() > DEEPEST {
            return Err(self.wrong("brackets nested too deeply"));
        }
        self.possible_keys.push(None);
        self.allow_key = true;
        self.letters.skip(1);
        self.add(token);
        Ok(())
    }

    fn flow_end(&mut self, token: Token) -> Scanned {
        self.drop_possible_key()?;
        if !self.in_flow() {
            return Err(self.wrong("a bracket closes that was not opened"));
        }
        self.possible_keys.pop();
        self.allow_key = false;
        self.letters.skip(1);
        self.add(token);
        Ok(())
    }

    fn flow_entry(&mut self) -> Scanned {
        self.allow_key = true;
        self.drop_possible_key()?;
        self.letters.skip(1);
        self.add(Token::FlowEntry);
        Ok(())
    }

    fn block_entry(&mut self) -> Scanned {
        if !self.in_flow() {
            if !self.allow_key {
                return Err(self.wrong("a list cannot begin here"));
            }
            if self.indent_to(self.letters.column()) {
                self.add(Token::BlockSequenceStart);
            }
        }
        self.allow_key = true;
        self.drop_possible_key()?;
        self.letters.skip(1);
        self.add(Token::BlockEntry);
        Ok(())
    }

    fn key(&mut self) -> Scanned {
        if !self.in_flow() {
            if !self.allow_key {
                return Err(self.wrong("a key cannot stand here"));
            }
            if self.indent_to(self.letters.column()) {
                self.add(Token::BlockMappingStart);
            }
        }
        self.allow_key = !self.in_flow();
        self.drop_possible_key()?;
        self.letters.skip(1);
        self.add(Token::Key);
        Ok(())
    }

    fn value(&mut self) -> Scanned {
        if let Some(key) = self.take_possible_key() {
            let place = key.token.saturating_sub(self.taken).min(self.tokens.len());
            self.tokens.insert(place, (key.line, Token::Key));
            if !self.in_flow() && self.indent_to(key.column) {
                self.tokens
                    .insert(place, (key.line, Token::BlockMappingStart));
            }
            self.allow_key = false;
        } else {
            if !self.in_flow() {
                if !self.allow_key {
                    return Err(self.wrong("a `:` cannot stand here"));
                }
                if self.indent_to(self.letters.column()) {
                    self.add(Token::BlockMappingStart);
                }
            }
            self.allow_key = !self.in_flow();
            self.drop_possible_key()?;
        }
        self.letters.skip(1);
        self.add(Token::Value);
        Ok(())
    }
}

fn wrong(line: usize, what: &str) -> YamlError {
    YamlError::Syntax {
        line,
        what: what.to_owned(),
    }
}
