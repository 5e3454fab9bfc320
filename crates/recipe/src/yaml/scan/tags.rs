//! Directives, anchors, aliases and tags.

use super::{
    Directive, Scanned, Scanner, Token,
    letters::{is_blank, is_line_end, is_word},
};

impl Scanner {
    pub(super) fn directive(&mut self) -> Scanned {
        self.leave_blocks()?;
        self.letters.skip(1);
        let name = self.letters.take_while(is_word);
        if name.is_empty() || !(self.letters.here() == ' ' || is_line_end(self.letters.here())) {
            return Err(self.wrong("`%` without the name of a directive"));
        }
        let directive = match name.as_str() {
            "YAML" => self.version()?,
            "TAG" => self.tag_directive()?,
            _ => {
                self.letters.skip_while(|letter| !is_line_end(letter));
                Directive::Other
            }
        };
        self.rest_of_line()?;
        self.add(Token::Directive(directive));
        Ok(())
    }

    fn version(&mut self) -> Scanned<Directive> {
        self.letters.skip_while(|letter| letter == ' ');
        let major = self.letters.take_while(|letter| letter.is_ascii_digit());
        let dot = self.letters.take_while(|letter| letter == '.');
        let minor = self.letters.take_while(|letter| letter.is_ascii_digit());
        let ends = self.letters.here() == ' ' || is_line_end(self.letters.here());
        match major.parse() {
            Ok(major) if dot == "." && !minor.is_empty() && ends => Ok(Directive::Version(major)),
            _ => Err(self.wrong("`%YAML` without a version")),
        }
    }

    fn tag_directive(&mut self) -> Scanned<Directive> {
        self.letters.skip_while(|letter| letter == ' ');
        let handle = self.tag_handle()?;
        if self.letters.skip_while(|letter| letter == ' ') == 0 {
            return Err(self.wrong("`%TAG` without a prefix"));
        }
        let prefix = self.tag_uri()?;
        if !(self.letters.here() == ' ' || is_line_end(self.letters.here())) {
            return Err(self.wrong("the prefix of `%TAG` does not end"));
        }
        Ok(Directive::Tag { handle, prefix })
    }

    /// Blanks, a comment, the line break; nothing else.
    pub(super) fn rest_of_line(&mut self) -> Scanned {
        self.letters.skip_while(|letter| letter == ' ');
        if self.letters.here() == '#' {
            self.letters.skip_while(|letter| !is_line_end(letter));
        }
        if !is_line_end(self.letters.here()) {
            return Err(self.wrong("the line ought to end here"));
        }
        self.letters.take_break();
        Ok(())
    }

    pub(super) fn anchor_or_alias(&mut self, indicator: char) -> Scanned {
        self.note_possible_key()?;
        self.allow_key = false;
        self.letters.skip(1);
        let name = self.letters.take_while(is_word);
        let next = self.letters.here();
        if name.is_empty() || !(is_blank(next) || "?:,]}%@`".contains(next)) {
            return Err(self.wrong("an anchor or alias has a name of letters and digits"));
        }
        self.add(if indicator == '*' {
            Token::Alias(name)
        } else {
            Token::Anchor(name)
        });
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Scanned {
        self.note_possible_key()?;
        self.allow_key = false;
        let (handle, suffix) = match self.letters.ahead(1) {
            '<' => {
                self.letters.skip(2);
                let suffix = self.tag_uri()?;
                if self.letters.here() != '>' {
                    return Err(self.wrong("a tag without its `>`"));
                }
                self.letters.skip(1);
                (None, suffix)
            }
            next if is_blank(next) => {
                self.letters.skip(1);
                (None, "!".to_owned())
            }
            _ => {
                let handle = if self.has_named_handle() {
                    self.tag_handle()?
                } else {
                    self.letters.skip(1);
                    "!".to_owned()
                };
                (Some(handle), self.tag_uri()?)
            }
        };
        if !(self.letters.here() == ' ' || is_line_end(self.letters.here())) {
            return Err(self.wrong("a tag does not end"));
        }
        self.add(Token::Tag { handle, suffix });
        Ok(())
    }

    /// Whether another `!` follows in the same word.
    fn has_named_handle(&self) -> bool {
        let mut distance = 1_usize;
        loop {
            match self.letters.ahead(distance) {
                '!' => return true,
                letter if letter == ' ' || is_line_end(letter) => return false,
                _ => distance = distance.saturating_add(1),
            }
        }
    }

    /// `!`, `!!` or `!name!`.
    fn tag_handle(&mut self) -> Scanned<String> {
        let mut handle = self.letters.take(1);
        if handle == "!" && self.letters.here() != ' ' {
            handle.push_str(&self.letters.take_while(is_word));
            handle.push_str(&self.letters.take(1));
        }
        if !handle.starts_with('!') || !handle.ends_with('!') {
            return Err(self.wrong("the handle of a tag is in `!`"));
        }
        Ok(handle)
    }

    fn tag_uri(&mut self) -> Scanned<String> {
        let is_uri = |letter: char| {
            letter.is_ascii_alphanumeric() || "-;/?:@&=+$,_.!~*'()[]".contains(letter)
        };
        let mut bytes = Vec::new();
        loop {
            bytes.extend_from_slice(self.letters.take_while(is_uri).as_bytes());
            if self.letters.here() != '%' {
                break;
            }
            self.letters.skip(1);
            match u8::from_str_radix(&self.letters.take(2), 16) {
                Ok(byte) => bytes.push(byte),
                Err(_) => return Err(self.wrong("`%` without two digits in a tag")),
            }
        }
        match String::from_utf8(bytes) {
            Ok(uri) if !uri.is_empty() => Ok(uri),
            _ => Err(self.wrong("a tag without a name")),
        }
    }
}
