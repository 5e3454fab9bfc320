//! A requirement's text as words and signs.

use super::RequirementError;

/// One word or sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    /// `0x…`, or the digits in `H"…"`, or `$…`: bytes.
    Bytes(Vec<u8>),
    /// `H"…"`: a digest.
    Hash(Vec<u8>),
    /// A punctuation mark: one of `( ) [ ] , ; = == => ~ < > <= >= ! - * && ||`.
    Sign(&'static str),
    /// Text in quotes.
    Quoted(String),
    /// A word: letters, digits, dots, underscores, hyphens; or a number.
    Word(String),
}

const SIGNS: [&str; 19] = [
    "==", "=>", "<=", ">=", "&&", "||", "(", ")", "[", "]", ",", ";", "=", "~", "<", ">", "!", "-",
    "*",
];

/// The words and signs of `text`, each with its place in characters from 1; comments are passed over.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, RequirementError> {
    let mut lexer = Lexer { rest: text, at: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        if lexer.rest.is_empty() {
            return Ok(tokens);
        }
        let at = lexer.at;
        tokens.push((at, lexer.token()?));
    }
}

struct Lexer<'a> {
    rest: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn skip_blank(&mut self) -> Result<(), RequirementError> {
        loop {
            let start = self.at;
            self.take_while(char::is_whitespace);
            if self.eat("//") || self.eat("#") {
                self.take_while(|c| c != '\n');
            } else if self.eat("/*") {
                while !self.eat("*/") {
                    if self.next().is_none() {
                        return Err(fault(start, "a comment without an end"));
                    }
                }
            }
            if self.at == start {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, RequirementError> {
        let at = self.at;
        if self.eat("\"") {
            return self.quoted(at).map(Token::Quoted);
        }
        if self.eat("H\"") {
            let digits = self.quoted(at)?;
            return bytes(&digits, at).map(Token::Hash);
        }
        if self.eat("0x") || self.eat("$") {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            return bytes(&digits, at).map(Token::Bytes);
        }
        if self.rest.starts_with(is_word) {
            return Ok(Token::Word(self.word()));
        }
        match SIGNS.iter().find(|sign| self.eat(sign)) {
            Some(sign) => Ok(Token::Sign(sign)),
            None => Err(fault(at, "a character that has no meaning")),
        }
    }

    /// A hyphen is part of a word only within it: `-1` is a sign and a number, `gimp-2` one word.
    fn word(&mut self) -> String {
        let mut word = self.take_while(is_word);
        while self.rest.starts_with('-') && self.rest.chars().nth(1).is_some_and(is_word) {
            self.next();
            word.push('-');
            word.push_str(&self.take_while(is_word));
        }
        word
    }

    fn quoted(&mut self, at: usize) -> Result<String, RequirementError> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => match self.next() {
                    Some(c) => text.push(c),
                    None => return Err(fault(at, "text without an end")),
                },
                Some(c) => text.push(c),
                None => return Err(fault(at, "text without an end")),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        self.at = self.at.saturating_add(1);
        Some(c)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(sign) else {
            return false;
        };
        self.rest = rest;
        self.at = self.at.saturating_add(sign.chars().count());
        true
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.rest.chars().next().filter(|c| wanted(*c)) {
            taken.push(c);
            self.next();
        }
        taken
    }
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_')
}

fn bytes(digits: &str, at: usize) -> Result<Vec<u8>, RequirementError> {
    match hex::decode(digits) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(fault(at, "hexadecimal digits in pairs are expected")),
    }
}

pub(super) fn fault(at: usize, what: impl Into<String>) -> RequirementError {
    RequirementError {
        what: what.into(),
        at,
    }
}
