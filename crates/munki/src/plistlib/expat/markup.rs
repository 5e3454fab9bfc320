//! Tags, comments, instructions, sections, references and the document type.

use std::borrow::Cow;

use super::{Handler, NO_ELEMENT, Parser, Stop, UNCLOSED};

/// Control characters that XML cannot refer to, besides those below the tab, and two that are none.
const NO_LETTERS: [char; 22] = [
    '\u{b}', '\u{c}', '\u{e}', '\u{f}', '\u{10}', '\u{11}', '\u{12}', '\u{13}', '\u{14}', '\u{15}',
    '\u{16}', '\u{17}', '\u{18}', '\u{19}', '\u{1a}', '\u{1b}', '\u{1c}', '\u{1d}', '\u{1e}',
    '\u{1f}', '\u{fffe}', '\u{ffff}',
];

impl<H: Handler> Parser<'_, H> {
    pub(super) fn start_tag(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.skip(1);
        let name = self.name(start)?;
        let line = self.line_of(start);
        let is_empty = self.attributes(start)?;
        self.handler.start(name, line).map_err(Stop::Refused)?;
        if is_empty {
            return self.handler.end(name, line).map_err(Stop::Refused);
        }
        self.open.push(name);
        Ok(())
    }

    /// What follows the name in a start tag; whether the element ends with the tag.
    fn attributes(&mut self, start: usize) -> Result<bool, Stop> {
        loop {
            let before = self.at;
            self.spaces();
            match self.rest() {
                [b'>', ..] => {
                    self.skip(1);
                    return Ok(false);
                }
                [b'/', ..] => {
                    self.skip(1);
                    if self.peek() != Some(b'>') {
                        return self.unexpected(start);
                    }
                    self.skip(1);
                    return Ok(true);
                }
                _ if self.at == before => return self.unexpected(start),
                _ => self.attribute(start)?,
            }
        }
    }

    fn attribute(&mut self, start: usize) -> Result<(), Stop> {
        self.name(start)?;
        self.spaces();
        if self.peek() != Some(b'=') {
            return self.unexpected(start);
        }
        self.skip(1);
        self.spaces();
        let Some(quote @ (b'"' | b'\'')) = self.peek() else {
            return self.unexpected(start);
        };
        self.skip(1);
        loop {
            match self.peek() {
                None | Some(b'<') => return self.unexpected(start),
                Some(byte) if byte == quote => {
                    self.skip(1);
                    return Ok(());
                }
                Some(b'&') => {
                    let reference = self.at;
                    self.referred(reference, start)?;
                }
                Some(_) => {
                    let len = self.letter()?;
                    self.skip(len);
                }
            }
        }
    }

    pub(super) fn end_tag(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.skip(2);
        let name = self.name(start)?;
        self.spaces();
        if self.peek() != Some(b'>') {
            return self.unexpected(start);
        }
        self.skip(1);
        if self.open.pop() != Some(name) {
            return Self::fail("mismatched tag", start.saturating_add(2));
        }
        let line = self.line_of(start);
        self.handler.end(name, line).map_err(Stop::Refused)
    }

    pub(super) fn comment(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.skip(3);
        if self.peek() != Some(b'-') {
            return self.unexpected(start);
        }
        self.skip(1);
        while !self.looking_at("--") {
            if self.rest().is_empty() || self.rest() == b"-" {
                return Self::fail(UNCLOSED, start);
            }
            let len = self.letter()?;
            self.skip(len);
        }
        self.skip(2);
        if self.peek() != Some(b'>') {
            return self.unexpected(start);
        }
        self.skip(1);
        Ok(())
    }

    /// A processing instruction, or an XML declaration, unless that is `misplaced`.
    pub(super) fn instruction(
        &mut self,
        start: usize,
        misplaced: Option<&'static str>,
    ) -> Result<(), Stop> {
        self.skip(2);
        let name = self.name(start)?;
        if let (Some(what), "xml") = (misplaced, name) {
            return Self::fail(what, start);
        }
        let name_ends = self.looking_at("?>") || self.rest() == b"?";
        if !name_ends && !matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            return self.unexpected(start);
        }
        while !self.looking_at("?>") {
            if self.rest().is_empty() {
                return Self::fail(UNCLOSED, start);
            }
            let len = self.letter()?;
            self.skip(len);
        }
        self.skip(2);
        Ok(())
    }

    pub(super) fn character_data(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.skip(2);
        for expected in b"[CDATA[" {
            if self.peek() != Some(*expected) {
                return self.unexpected(start);
            }
            self.skip(1);
        }
        let from = self.at;
        while !self.looking_at("]]>") {
            // Brackets at the end may be the half of what closes it.
            if matches!(self.rest(), [] | b"]" | b"]]") {
                return Self::fail("unclosed CDATA section", self.at);
            }
            let len = self.letter()?;
            self.skip(len);
        }
        self.hand_over(from, self.at);
        self.skip(3);
        Ok(())
    }

    pub(super) fn reference(&mut self) -> Result<(), Stop> {
        let start = self.at;
        let letter = self.referred(start, start)?;
        self.handler.text(&letter);
        Ok(())
    }

    /// What the reference at `start` stands for, within the token that begins at `token`.
    fn referred(&mut self, start: usize, token: usize) -> Result<Cow<'static, str>, Stop> {
        self.skip(1);
        if self.peek() == Some(b'#') {
            let letter = self.numbered(start, token)?;
            return Ok(Cow::Owned(letter.into()));
        }
        let name = self.name(token)?;
        if self.peek() != Some(b';') {
            return self.unexpected(token);
        }
        self.skip(1);
        Ok(Cow::Borrowed(match name {
            "lt" => "<",
            "gt" => ">",
            "amp" => "&",
            "quot" => "\"",
            "apos" => "'",
            // What the document type refers to may declare it, and is not read.
            _ if self.has_type => "",
            _ => return Self::fail("undefined entity", start),
        }))
    }

    fn numbered(&mut self, start: usize, token: usize) -> Result<char, Stop> {
        self.skip(1);
        let radix = if self.peek() == Some(b'x') {
            self.skip(1);
            16
        } else {
            10
        };
        let from = self.at;
        let is_digit = |byte: u8| char::from(byte).is_digit(radix);
        while self.peek().is_some_and(is_digit) {
            self.skip(1);
        }
        if self.at == from || self.peek() != Some(b';') {
            return self.unexpected(token);
        }
        let digits = self.bytes.get(from..self.at).unwrap_or_default();
        self.skip(1);
        std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u32::from_str_radix(digits, radix).ok())
            .and_then(char::from_u32)
            .filter(|letter| !NO_LETTERS.contains(letter) && *letter >= '\t')
            .map_or_else(
                || Self::fail("reference to invalid character number", start),
                Ok,
            )
    }

    /// Passes over the document type; what it declares is not looked at.
    pub(super) fn document_type(&mut self) -> Result<(), Stop> {
        self.has_type = true;
        self.skip(9);
        let mut in_subset = false;
        loop {
            if self.looking_at("<!ENTITY") {
                self.handler.entity_declaration().map_err(Stop::Refused)?;
            }
            match self.peek() {
                None => return Self::fail(NO_ELEMENT, self.at),
                Some(quote @ (b'"' | b'\'')) => self.literal(quote)?,
                Some(b'[') => in_subset = true,
                Some(b']') => in_subset = false,
                Some(b'>') if !in_subset => {
                    self.skip(1);
                    return Ok(());
                }
                Some(_) => {}
            }
            let len = self.letter()?;
            self.skip(len);
        }
    }

    /// Goes on to the quote that ends a literal.
    pub(super) fn literal(&mut self, quote: u8) -> Result<(), Stop> {
        let start = self.at;
        self.skip(1);
        while self.peek() != Some(quote) {
            if self.rest().is_empty() {
                return Self::fail(UNCLOSED, start);
            }
            let len = self.letter()?;
            self.skip(len);
        }
        Ok(())
    }
}
