//! XML as expat reads it, and its words and places for what is not well-formed.
//!
//! Only what property lists consist of is looked at closely: elements, text, references, CDATA sections, comments,
//! and a document type declaration, which is passed over.

mod markup;

/// Is told what is in a document; refuses with words of its own.
pub(super) trait Handler {
    /// An element begins; its start tag begins on this line.
    fn start(&mut self, _name: &str, _line: usize) -> Result<(), String> {
        Ok(())
    }

    /// An element ends; its end tag begins on this line.
    fn end(&mut self, _name: &str, _line: usize) -> Result<(), String> {
        Ok(())
    }

    /// Text, in as many pieces as it comes in.
    fn text(&mut self, _text: &str) {}

    /// An entity is declared.
    fn entity_declaration(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Why reading ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The XML is not well-formed.
    Malformed {
        /// Expat's words.
        what: &'static str,
        /// The byte at which it was seen.
        at: usize,
    },
    /// The handler does not want it.
    Refused(String),
}

const INVALID: &str = "not well-formed (invalid token)";
const NO_ELEMENT: &str = "no element found";
const JUNK: &str = "junk after document element";
const UNCLOSED: &str = "unclosed token";
const MISPLACED: &str = "XML or text declaration not at start of entity";

/// Reads a document in UTF-8 that begins with neither spaces nor a byte order mark.
///
/// # Errors
/// If it is not well-formed, or the handler refuses something.
///
/// # Source
/// `xmltok_impl.c` and `xmlparse.c` of expat 2.6.
pub(super) fn parse(text: &[u8], handler: &mut impl Handler) -> Result<(), Stop> {
    let mut parser = Parser {
        bytes: text,
        at: 0,
        line: 1,
        counted: 0,
        open: Vec::new(),
        has_type: false,
        handler,
    };
    parser.prolog()?;
    parser.content()?;
    parser.epilog()
}

/// Line, from 1, and column, from 0 and in letters, of a byte. A line ends as XML says.
pub(super) fn position(text: &[u8], at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let (mut line, mut column, mut last) = (1_usize, 0_usize, 0_u8);
    for byte in before {
        match byte {
            b'\n' if last == b'\r' => {}
            b'\n' | b'\r' => {
                line = line.saturating_add(1);
                column = 0;
            }
            // What continues a letter begins none.
            0x80..=0xbf => {}
            _ => column = column.saturating_add(1),
        }
        last = *byte;
    }
    (line, column)
}

const fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':' | 0x80..)
}

const fn continues_name(byte: u8) -> bool {
    begins_name(byte) || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
}

struct Parser<'a, H> {
    bytes: &'a [u8],
    at: usize,
    /// The line on which `counted` is.
    line: usize,
    counted: usize,
    open: Vec<&'a str>,
    /// Whether there is a document type declaration: what it refers to may declare any entity.
    has_type: bool,
    handler: &'a mut H,
}

impl<'a, H: Handler> Parser<'a, H> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, len: usize) {
        self.at = self.at.saturating_add(len).min(self.bytes.len());
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn looking_at(&self, start: &str) -> bool {
        self.rest().starts_with(start.as_bytes())
    }

    fn fail<T>(what: &'static str, at: usize) -> Result<T, Stop> {
        Err(Stop::Malformed { what, at })
    }

    /// What is here cannot be: the end, within the token that begins at `start`, or a byte.
    fn unexpected<T>(&self, start: usize) -> Result<T, Stop> {
        match self.peek() {
            None => Self::fail(UNCLOSED, start),
            Some(_) => Self::fail(INVALID, self.at),
        }
    }

    /// The length of the letter that begins here.
    fn letter(&self) -> Result<usize, Stop> {
        let rest = self.rest();
        let len = match rest {
            [b'\t' | b'\n' | b'\r' | 0x20..=0x7f, ..] => return Ok(1),
            [0xc2..=0xdf, ..] => 2,
            [0xe0..=0xef, ..] => 3,
            [0xf0..=0xf4, ..] => 4,
            _ => return Self::fail(INVALID, self.at),
        };
        let Some(letter) = rest.get(..len) else {
            return Self::fail("partial character", self.at);
        };
        match std::str::from_utf8(letter) {
            Ok("\u{fffe}" | "\u{ffff}") | Err(_) => Self::fail(INVALID, self.at),
            Ok(_) => Ok(len),
        }
    }

    fn spaces(&mut self) {
        let len = self
            .rest()
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.skip(len);
    }

    /// The name that begins here, within the token that begins at `start`.
    fn name(&mut self, start: usize) -> Result<&'a str, Stop> {
        let from = self.at;
        while let Some(byte) = self.peek() {
            if !begins_name(byte) && (self.at == from || !continues_name(byte)) {
                break;
            }
            let len = self.letter()?;
            self.skip(len);
        }
        let name = self.bytes.get(from..self.at).unwrap_or_default();
        match std::str::from_utf8(name) {
            Ok(name) if !name.is_empty() && self.peek().is_some() => Ok(name),
            _ => self.unexpected(start),
        }
    }

    fn line_of(&mut self, at: usize) -> usize {
        let between = self.bytes.get(self.counted..at).unwrap_or_default();
        let (lines, _) = position(between, between.len());
        self.line = self.line.saturating_add(lines.saturating_sub(1));
        self.counted = at.max(self.counted);
        self.line
    }

    /// Everything before the root element.
    fn prolog(&mut self) -> Result<(), Stop> {
        if self.looking_at("<?xml") {
            self.instruction(0, None)?;
        }
        loop {
            self.spaces();
            let start = self.at;
            match self.rest() {
                [] => return Self::fail(NO_ELEMENT, start),
                [b'<', b'!', b'-', ..] => self.comment()?,
                [b'<', b'?', ..] => self.instruction(start, Some(MISPLACED))?,
                [b'<', b'!', ..] if self.looking_at("<!DOCTYPE") && !self.has_type => {
                    self.document_type()?;
                }
                [b'<', next, ..] if begins_name(*next) => return Ok(()),
                _ => return self.stray("syntax error"),
            }
        }
    }

    /// The root element.
    fn content(&mut self) -> Result<(), Stop> {
        self.markup()?;
        while !self.open.is_empty() {
            match self.peek() {
                None => {
                    // A CR at the end may be the half of a line's end.
                    let is_half = self.bytes.ends_with(b"\r");
                    return Self::fail(NO_ELEMENT, self.at.saturating_sub(usize::from(is_half)));
                }
                Some(b'<') => self.markup()?,
                Some(b'&') => self.reference()?,
                Some(_) => self.characters()?,
            }
        }
        Ok(())
    }

    /// Everything after the root element.
    fn epilog(&mut self) -> Result<(), Stop> {
        loop {
            self.spaces();
            let start = self.at;
            match self.rest() {
                [] => return Ok(()),
                [b'<', b'!', b'-', ..] => self.comment()?,
                [b'<', b'?', ..] => self.instruction(start, Some(JUNK))?,
                _ => return self.stray(JUNK),
            }
        }
    }

    /// Something is here that stands outside of elements; expat looks at the whole token before it says `what`.
    fn stray<T>(&mut self, what: &'static str) -> Result<T, Stop> {
        let start = self.at;
        match self.rest() {
            [b'<', next, ..] if begins_name(*next) => return Self::fail(what, start),
            [b'<', b'!', next, ..] if next.is_ascii_alphabetic() => {
                return Self::fail(what, start);
            }
            [b'<', b'!', ..] => self.skip(2),
            [b'<', ..] => self.skip(1),
            [
                b',' | b']' | b'[' | b'(' | b')' | b'|' | b'>' | b'%' | b'#',
                ..,
            ] => {
                return Self::fail(what, start);
            }
            [quote @ (b'"' | b'\''), ..] => {
                self.literal(*quote)?;
                self.skip(1);
                if matches!(
                    self.peek(),
                    None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'>' | b'%' | b'[')
                ) {
                    return Self::fail(what, start);
                }
            }
            _ => {
                while self.peek().is_some_and(continues_name) {
                    let len = self.letter()?;
                    self.skip(len);
                }
                let ends = self
                    .peek()
                    .is_none_or(|next| b" \t\n\r>),|[%?*+".contains(&next));
                if self.at > start && ends {
                    return Self::fail(what, start);
                }
                self.letter()?;
            }
        }
        self.unexpected(start)
    }

    fn characters(&mut self) -> Result<(), Stop> {
        let from = self.at;
        let mut fault = Ok(());
        while let Some(byte) = self.peek() {
            if matches!(byte, b'<' | b'&') {
                break;
            }
            if self.looking_at("]]>") {
                fault = Self::fail(INVALID, self.at.saturating_add(2));
                break;
            }
            match self.letter() {
                Ok(len) => self.skip(len),
                Err(stop) => {
                    fault = Err(stop);
                    break;
                }
            }
        }
        self.hand_over(from, self.at);
        fault
    }

    /// Hands text over; lines end with LF.
    fn hand_over(&mut self, from: usize, to: usize) {
        let text = self.bytes.get(from..to).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        if text.contains('\r') {
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            self.handler.text(&text);
        } else {
            self.handler.text(&text);
        }
    }

    fn markup(&mut self) -> Result<(), Stop> {
        let start = self.at;
        match self.rest() {
            [_, b'!', b'-', ..] => self.comment(),
            [_, b'!', b'[', ..] => self.character_data(),
            [_, b'!', ..] => {
                self.skip(2);
                self.unexpected(start)
            }
            [_, b'?', ..] => self.instruction(start, Some(MISPLACED)),
            [_, b'/', ..] => self.end_tag(),
            _ => self.start_tag(),
        }
    }
}
