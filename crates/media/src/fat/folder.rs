//! What is in a folder: short entries, and the long names before them.

use chrono::NaiveDate;
use model::Timestamp;
use wire::{Cursor, ParseError};

use super::raw::{RawEntry, ShortEntry, Width};

/// Bits of [`ShortEntry::case`].
const SMALL_NAME: u8 = 0x08;
const SMALL_EXTENSION: u8 = 0x10;

/// Most parts of a long name: 255 units of UTF-16.
const MOST_PARTS: usize = 20;

/// A file or a folder.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) short: ShortEntry,
}

/// What the bytes of a folder hold on a volume of that width, without `.` and `..`.
///
/// # Errors
/// If they are cut short.
pub(super) fn items(bytes: &[u8], width: Width) -> Result<Vec<Item>, ParseError> {
    let mut cursor = Cursor::new("FAT folder", bytes);
    let mut items = Vec::new();
    let mut long = LongName::default();
    while !cursor.is_empty() {
        match RawEntry::parse(&mut cursor)? {
            RawEntry::End => break,
            RawEntry::Unused => long = LongName::default(),
            RawEntry::Name {
                number,
                is_last,
                checksum,
                text,
            } => long.add(number, is_last, checksum, text),
            RawEntry::Short(mut short) => {
                if width != Width::Fat32 {
                    // Numbers of clusters have no high half there: OS/2 and others keep something else in its place.
                    short.first_cluster &= 0xffff;
                }
                let name = std::mem::take(&mut long).finish(&short.name);
                if !short.name.starts_with(b".") {
                    let name = name.unwrap_or_else(|| short_name(&short));
                    items.push(Item { name, short });
                }
            }
        }
    }
    Ok(items)
}

/// A long name: its parts lie in front of the short entry, the last one first.
#[derive(Debug, Default)]
struct LongName {
    /// The parts that were found, the last one of the name first.
    parts: Vec<[u16; 13]>,
    /// The number of the next part, and what the sum of the short name must be; none if a part is amiss.
    expected: Option<(u8, u8)>,
}

impl LongName {
    fn add(&mut self, number: u8, is_last: bool, checksum: u8, text: [u16; 13]) {
        if is_last {
            *self = Self {
                parts: Vec::new(),
                expected: Some((number, checksum)),
            };
        }
        self.expected = match self.expected {
            Some(expected) if expected == (number, checksum) && self.parts.len() < MOST_PARTS => {
                self.parts.push(text);
                Some((number.saturating_sub(1), checksum))
            }
            _ => None,
        };
    }

    /// The name, if it is whole and belongs to that short one; older systems change that and leave the long one.
    fn finish(self, short: &[u8; 11]) -> Option<String> {
        if self.expected != Some((0, checksum(short))) {
            return None;
        }
        let units = self.parts.into_iter().rev().flatten();
        let units = units.take_while(|unit| *unit != 0);
        let name = char::decode_utf16(units);
        Some(
            name.map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
        )
    }
}

/// The sum of a short name that the parts of its long one carry.
pub(super) fn checksum(short: &[u8; 11]) -> u8 {
    short
        .iter()
        .fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// A short name as paths have it. Which code page its bytes are of is not said; the American one is taken.
fn short_name(short: &ShortEntry) -> String {
    let (name, extension) = short.name.split_at(8);
    let name = part(name, short.case & SMALL_NAME != 0);
    let extension = part(extension, short.case & SMALL_EXTENSION != 0);
    if extension.is_empty() {
        return name;
    }
    format!("{name}.{extension}")
}

fn part(bytes: &[u8], is_small: bool) -> String {
    let text: String = bytes.iter().map(|byte| code_page_437(*byte)).collect();
    let text = text.trim_end_matches(' ');
    if is_small {
        return text.to_lowercase();
    }
    text.to_owned()
}

/// A character of the code page of American machines; 5 stands for 0xe5, which marks what was deleted.
fn code_page_437(byte: u8) -> char {
    const UPPER: &str = "\u{c7}\u{fc}\u{e9}\u{e2}\u{e4}\u{e0}\u{e5}\u{e7}\u{ea}\u{eb}\u{e8}\u{ef}\u{ee}\u{ec}\u{c4}\u{c5}\u{c9}\
        \u{e6}\u{c6}\u{f4}\u{f6}\u{f2}\u{fb}\u{f9}\u{ff}\u{d6}\u{dc}\u{a2}\u{a3}\u{a5}\u{20a7}\u{192}\u{e1}\
        \u{ed}\u{f3}\u{fa}\u{f1}\u{d1}\u{aa}\u{ba}\u{bf}\u{2310}\u{ac}\u{bd}\u{bc}\u{a1}\u{ab}\u{bb}\u{2591}\
        \u{2592}\u{2593}\u{2502}\u{2524}\u{2561}\u{2562}\u{2556}\u{2555}\u{2563}\u{2551}\u{2557}\u{255d}\u{255c}\
        \u{255b}\u{2510}\u{2514}\u{2534}\u{252c}\u{251c}\u{2500}\u{253c}\u{255e}\u{255f}\u{255a}\u{2554}\u{2569}\
        \u{2566}\u{2560}\u{2550}\u{256c}\u{2567}\u{2568}\u{2564}\u{2565}\u{2559}\u{2558}\u{2552}\u{2553}\u{256b}\
        \u{256a}\u{2518}\u{250c}\u{2588}\u{2584}\u{258c}\u{2590}\u{2580}\u{3b1}\u{df}\u{393}\u{3c0}\u{3a3}\
        \u{3c3}\u{b5}\u{3c4}\u{3a6}\u{398}\u{3a9}\u{3b4}\u{221e}\u{3c6}\u{3b5}\u{2229}\u{2261}\u{b1}\u{2265}\
        \u{2264}\u{2320}\u{2321}\u{f7}\u{2248}\u{b0}\u{2219}\u{b7}\u{221a}\u{207f}\u{b2}\u{25a0}\u{a0}";
    match byte {
        5 => '\u{3c3}',
        0..=0x7f => char::from(byte),
        _ => UPPER
            .chars()
            .nth(usize::from(byte.saturating_sub(0x80)))
            .unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// The time in the time zone of whoever wrote the file, which is not known: taken as UTC.
pub(super) fn time((time, date): (u16, u16)) -> Option<Timestamp> {
    let bits = |value: u16, low: u32, len: u32| {
        u32::from(value).wrapping_shr(low) & 1_u32.wrapping_shl(len).saturating_sub(1)
    };
    let year = i32::try_from(bits(date, 9, 7))
        .unwrap_or(0)
        .saturating_add(1980);
    let day = NaiveDate::from_ymd_opt(year, bits(date, 5, 4), bits(date, 0, 5))?;
    let seconds = bits(time, 0, 5).saturating_mul(2);
    let time = day.and_hms_opt(bits(time, 11, 5), bits(time, 5, 6), seconds)?;
    Some(Timestamp::from(time.and_utc()))
}
