//! Files with holes, in the four ways that GNU tar has stored them; bsdtar on a Mac writes the last one.
//!
//! Source: the manual of GNU tar, "Storing Sparse Files".

use std::sync::Arc;

use wire::{Cursor, ParseError};

use super::raw::{BLOCK, number};
use crate::{
    archive::{Contents, Stretch},
    extents::Run,
};

const STRUCTURE: &str = "map of a file with holes";

/// Most stretches that one file has.
const MOST_STRETCHES: usize = 1 << 16;

/// What is said of the holes of a file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Sparse {
    /// The name that the file has, where the header's is another one.
    pub(super) name: Option<String>,
    /// How long the file is with its holes.
    len: Option<u64>,
    /// Start and length of each stretch that is stored.
    map: Vec<(u64, u64)>,
    /// The start of a stretch whose length follows.
    start: Option<u64>,
    /// The map is the beginning of the contents.
    pub(super) has_map_in_contents: bool,
}

impl Sparse {
    /// Takes in a pax record whose key begins with `GNU.sparse.`.
    ///
    /// # Errors
    /// If it is no number where there should be one.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), ParseError> {
        match key {
            "name" => self.name = Some(value.to_owned()),
            "size" | "realsize" => self.len = Some(parse(value)?),
            "major" => self.has_map_in_contents = parse(value)? == 1,
            "offset" => self.start = Some(parse(value)?),
            "numbytes" => {
                let start = self.start.take();
                let start = start.ok_or_else(|| invalid("a length without a start"))?;
                self.add(start, parse(value)?)?;
            }
            "map" => {
                let mut numbers = value.split(',');
                while let (Some(start), Some(len)) = (numbers.next(), numbers.next()) {
                    self.add(parse(start)?, parse(len)?)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads the part of a header that older archives have: four stretches, and the length of the file; the answer is
    /// whether blocks with more stretches follow.
    pub(super) fn read_header(&mut self, block: &[u8]) -> Result<bool, ParseError> {
        let mut cursor = Cursor::new(STRUCTURE, block);
        cursor.seek_forward(386)?;
        self.read_stretches(&mut cursor, 4)?;
        let goes_on = cursor.u8()? != 0;
        self.len = number(cursor.take(12)?);
        Ok(goes_on)
    }

    /// Reads a block with more stretches; the answer is whether another one follows.
    pub(super) fn read_block(&mut self, block: &[u8]) -> Result<bool, ParseError> {
        let mut cursor = Cursor::new(STRUCTURE, block);
        self.read_stretches(&mut cursor, 21)?;
        Ok(cursor.u8()? != 0)
    }

    fn read_stretches(&mut self, cursor: &mut Cursor<'_>, count: usize) -> Result<(), ParseError> {
        for _ in 0..count {
            let (start, len) = (number(cursor.take(12)?), number(cursor.take(12)?));
            match (start, len) {
                (Some(0), Some(0)) => {}
                (Some(start), Some(len)) => self.add(start, len)?,
                _ => return Err(invalid("a stretch that is no number")),
            }
        }
        Ok(())
    }

    /// Reads the map that contents begin with; the answer is how long it is, with its padding.
    pub(super) fn read_contents(&mut self, bytes: &[u8]) -> Result<u64, ParseError> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let mut read = 0_u64;
        let mut next = || {
            let line = lines.next().unwrap_or_default();
            read = read.saturating_add(line.len() as u64).saturating_add(1);
            parse(&String::from_utf8_lossy(line))
        };
        let count = next()?;
        for _ in 0..count {
            let stretch = (next()?, next()?);
            self.add(stretch.0, stretch.1)?;
        }
        read.checked_next_multiple_of(BLOCK)
            .filter(|len| *len <= bytes.len() as u64)
            .ok_or_else(|| invalid("a map that is cut short"))
    }

    fn add(&mut self, start: u64, len: u64) -> Result<(), ParseError> {
        if self.map.len() >= MOST_STRETCHES {
            return Err(ParseError::Budget {
                structure: STRUCTURE,
                limit: MOST_STRETCHES as u64,
                unit: "stretches",
            });
        }
        self.map.push((start, len));
        Ok(())
    }

    /// The contents of a file whose stretches lie one after the other in `stored`.
    ///
    /// # Errors
    /// If they overlap, or are more or less than what is stored.
    pub(super) fn contents(self, stored: Stretch) -> Result<Contents, ParseError> {
        let mut runs = Vec::new();
        let (mut end, mut used) = (0_u64, 0_u64);
        for (start, len) in self.map {
            let hole = start
                .checked_sub(end)
                .ok_or_else(|| invalid("stretches that overlap"))?;
            for (start, len, place) in [
                (end, hole, None),
                (start, len, Some(stored.start.saturating_add(used))),
            ] {
                if len > 0 {
                    runs.push(Run { start, len, place });
                }
            }
            end = start.saturating_add(len);
            used = used.saturating_add(len);
        }
        let len = self.len.unwrap_or(end);
        let hole = len
            .checked_sub(end)
            .ok_or_else(|| invalid("a stretch after the end"))?;
        if used != stored.len {
            return Err(invalid("stretches that are not what is stored"));
        }
        if hole > 0 {
            runs.push(Run {
                start: end,
                len: hole,
                place: None,
            });
        }
        Ok(Contents::Sparse(Arc::from(runs), len))
    }
}

fn parse(digits: &str) -> Result<u64, ParseError> {
    digits
        .parse()
        .map_err(|_letters| invalid("a number with other letters than digits"))
}

fn invalid(what: &str) -> ParseError {
    ParseError::Invalid {
        structure: STRUCTURE,
        what: what.to_owned(),
        offset: 0,
    }
}
