//! A requirement's text as words and signs.
//!
//! # Source
//! The lexer in `requirements.grammar` of Apple's open Security sources. Two things are read beyond it, so that what
//! is printed can be read back: backslashes in quotes, and hexadecimal digits for names.

use super::RequirementError;

/// One word or sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    /// `0x…`: bytes.
    Bytes(Vec<u8>),
    /// `H"…"`: a digest.
    Hash(Vec<u8>),
    /// Digits.
    Integer(String),
    /// A path that needs no quotes: `/path/to`.
    Path(String),
    /// Text in quotes.
    Quoted(String),
    /// A punctuation mark.
    Sign(&'static str),
    /// A name: words with dots between them, the first of which begins with a letter.
    Word(String),
}

/// The longer ones first.
const SIGNS: [&str; 16] = [
    "==", "=>", "<=", ">=", "(", ")", "[", "]", ",", ";", "=", "~", "<", ">", "!", "-",
];
const STAR: &str = "*";

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
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n'));
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
        if self.eat("0x") {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            return bytes(&digits, at).map(Token::Bytes);
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Token::Integer(self.take_while(|c| c.is_ascii_digit())));
        }
        if self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(Token::Word(self.name()));
        }
        if self.rest.starts_with('/') {
            return self.path(at).map(Token::Path);
        }
        match SIGNS.iter().chain([&STAR]).find(|sign| self.eat(sign)) {
            Some(sign) => Ok(Token::Sign(sign)),
            None => Err(fault(at, "a character that has no meaning outside quotes")),
        }
    }

    /// After a dot comes a word or a number, and not a mixture that begins with a digit.
    fn name(&mut self) -> String {
        let mut name = self.take_while(|c| c.is_ascii_alphanumeric());
        while let Some(next) = self
            .rest
            .strip_prefix('.')
            .and_then(|rest| rest.chars().next())
            .filter(char::is_ascii_alphanumeric)
        {
            self.next();
            name.push('.');
            let after_digit = next.is_ascii_digit();
            name.push_str(
                &self.take_while(|c| c.is_ascii_digit() || !after_digit && c.is_ascii_alphabetic()),
            );
        }
        name
    }

    fn path(&mut self, at: usize) -> Result<String, RequirementError> {
        let mut path = String::new();
        let mut parts: usize = 0;
        while self.eat("/") {
            let part = self.take_while(|c| c.is_ascii_alphanumeric());
            if !part.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Err(fault(at, "a path that needs quotes"));
            }
            path.push('/');
            path.push_str(&part);
            parts = parts.saturating_add(1);
        }
        match parts {
            0 | 1 => Err(fault(at, "a path that needs quotes")),
            _ => Ok(path),
        }
    }

    fn quoted(&mut self, at: usize) -> Result<String, RequirementError> {
        let mut text = String::new();
        loop {
            let place = self.at;
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => match self.next() {
                    Some(c @ ('"' | '\\')) => text.push(c),
                    Some(_) => {
                        return Err(fault(place, "a backslash before neither of `\"` and `\\`"));
                    }
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
