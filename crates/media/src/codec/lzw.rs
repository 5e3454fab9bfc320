//! What `compress` writes (`.Z`): LZW whose codes grow.
//!
//! After the magic comes a byte: the longest code in its low five bits, and in the highest whether code 256 empties the
//! table. Codes begin with 9 bits, the low ones first. They are written in groups of eight: where their length changes,
//! or the table is emptied, the rest of the group is filled up. There is no checksum and no mark at the end, so that a
//! stream that is cut is not noticed here.
//!
//! Source: `compress` of 4.3BSD; IEEE Std 1003.1-2024, `compress`.

use std::io::{self, BufReader, Read};

/// What a stream begins with.
const MAGIC: [u8; 2] = [0x1f, 0x9d];
const LEN_MASK: u8 = 0x1f;
const UNUSED_MASK: u8 = 0x60;
const EMPTIES: u8 = 0x80;

const SHORTEST_CODE: u32 = 9;
const LONGEST_CODE: u32 = 16;
const CODES_OF_A_GROUP: u32 = 8;

/// The code that empties the table.
const EMPTY: u16 = 256;

/// Whether a stream begins like this.
pub(crate) fn is_stream(start: &[u8]) -> bool {
    let Some([first, second, settings]) = start.first_chunk() else {
        return false;
    };
    [*first, *second] == MAGIC && Settings::of(*settings).is_some()
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    longest_code: u32,
    empties: bool,
}

impl Settings {
    fn of(byte: u8) -> Option<Self> {
        let longest_code = u32::from(byte & LEN_MASK);
        let known =
            (SHORTEST_CODE..=LONGEST_CODE).contains(&longest_code) && byte & UNUSED_MASK == 0;
        known.then_some(Self {
            longest_code,
            empties: byte & EMPTIES != 0,
        })
    }
}

/// Reads what a stream holds.
#[derive(Debug)]
pub(crate) struct LzwReader<R> {
    inner: BufReader<R>,
    /// None until the stream has begun.
    settings: Option<Settings>,
    bits: Bits,
    /// For every code from 256 on: the code of all but the last byte of its text, and that byte.
    table: Vec<(u16, u8)>,
    /// The code before, and the first byte of its text.
    before: Option<(u16, u8)>,
    /// Text that is to be passed on, the last byte first.
    text: Vec<u8>,
}

/// Where in a group of codes the reading is.
#[derive(Debug)]
struct Bits {
    code_len: u32,
    /// Bits that were read and not used, the next one lowest.
    waiting: u32,
    count: u32,
    codes_of_group: u32,
}

impl Bits {
    /// The next code; none where the stream ends.
    fn next(&mut self, inner: &mut impl Read) -> io::Result<Option<u16>> {
        while self.count < self.code_len {
            let Some(byte) = next_byte(inner)? else {
                return Ok(None);
            };
            self.waiting |= u32::from(byte).wrapping_shl(self.count);
            self.count = self.count.saturating_add(8);
        }
        let mask = 1_u32.wrapping_shl(self.code_len).wrapping_sub(1);
        let code = u16::try_from(self.waiting & mask).unwrap_or(u16::MAX);
        self.waiting = self.waiting.wrapping_shr(self.code_len);
        self.count = self.count.saturating_sub(self.code_len);
        self.codes_of_group = self.codes_of_group.saturating_add(1) % CODES_OF_A_GROUP;
        Ok(Some(code))
    }

    /// Passes over the rest of the group, and goes on with codes of another length.
    fn change_len(&mut self, inner: &mut impl Read, code_len: u32) -> io::Result<()> {
        while self.codes_of_group != 0 && self.next(inner)?.is_some() {}
        *self = Self::new(code_len);
        Ok(())
    }

    const fn new(code_len: u32) -> Self {
        Self {
            code_len,
            waiting: 0,
            count: 0,
            codes_of_group: 0,
        }
    }
}

impl<R: Read> LzwReader<R> {
    /// Reads the stream that `inner` holds.
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner: BufReader::new(inner),
            settings: None,
            bits: Bits::new(SHORTEST_CODE),
            table: Vec::new(),
            before: None,
            text: Vec::new(),
        }
    }

    fn settings(&mut self) -> io::Result<Settings> {
        if let Some(settings) = self.settings {
            return Ok(settings);
        }
        let mut head = [0; 3];
        self.inner.read_exact(&mut head)?;
        let [first, second, settings] = head;
        self.settings = Settings::of(settings).filter(|_| [first, second] == MAGIC);
        let settings = self
            .settings
            .ok_or_else(|| broken("does not begin as one"))?;
        self.empty(settings);
        Ok(settings)
    }

    /// Forgets all text but the single bytes. Code 256 is never text where it empties the table.
    fn empty(&mut self, settings: Settings) {
        self.table.clear();
        if settings.empties {
            self.table.push((0, 0));
        }
        self.before = None;
    }

    /// Makes the text of the next code ready; false at the end.
    fn next_text(&mut self, settings: Settings) -> io::Result<bool> {
        let longest = settings.longest_code;
        let room = 1_usize.wrapping_shl(self.bits.code_len).saturating_sub(256);
        if self.table.len() > room.saturating_sub(1) && self.bits.code_len < longest {
            let longer = self.bits.code_len.saturating_add(1);
            self.bits.change_len(&mut self.inner, longer)?;
        }
        let Some(code) = self.bits.next(&mut self.inner)? else {
            return Ok(false);
        };
        if code == EMPTY && settings.empties {
            self.bits.change_len(&mut self.inner, SHORTEST_CODE)?;
            self.empty(settings);
            return Ok(true);
        }
        let first = self.spell(code)?;
        let most = 1_usize.wrapping_shl(longest).saturating_sub(256);
        if let Some((before, _)) = self.before
            && self.table.len() < most
        {
            self.table.push((before, first));
        }
        self.before = Some((code, first));
        Ok(true)
    }

    /// Puts the text of `code` into `text`, and says what its first byte is.
    fn spell(&mut self, code: u16) -> io::Result<u8> {
        let mut at = code;
        if usize::from(code) == self.table.len().saturating_add(256) {
            // The code that is about to be entered: the text before, and its own first byte again.
            let (before, first) = self.before.ok_or_else(|| broken("a code without text"))?;
            self.text.push(first);
            at = before;
        }
        // An entry refers to earlier ones only, so this comes to an end.
        while let Some(place) = at.checked_sub(256) {
            let Some((rest, last)) = self.table.get(usize::from(place)) else {
                return Err(broken("a code without text"));
            };
            self.text.push(*last);
            at = *rest;
        }
        let first = u8::try_from(at).unwrap_or_default();
        self.text.push(first);
        Ok(first)
    }
}

impl<R: Read> Read for LzwReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let settings = self.settings()?;
        let mut read = 0_usize;
        for place in buffer.iter_mut() {
            while self.text.is_empty() {
                if !self.next_text(settings)? {
                    return Ok(read);
                }
            }
            *place = self.text.pop().unwrap_or_default();
            read = read.saturating_add(1);
        }
        Ok(read)
    }
}

fn next_byte(inner: &mut impl Read) -> io::Result<Option<u8>> {
    let mut byte = [0];
    loop {
        match inner.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => {
                let [byte] = byte;
                return Ok(Some(byte));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("compress stream: {what}"),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::robustness::XorShift;
    use crate::samples::bytes;

    /// What `compress` 5.0 makes of 400 times `some text, `.
    const OF_COMPRESS: &str = "
        1f9d9073deb42903824e193c7458800838b0e0c1840b051234885021c3890f2d4a74583162438a102f720cb911a4c68f
        193d62ec28d2a4ca9127579244c9b264ca96376dd6a43953664c982f5de2dce933684e9e3f85eaec09742853a5488d12
        6dba34e9d1a24ead4e858ab5aad4a757a946cdfa552bd8ad61b98aed3ad62bd9b76ee3b69dcbb6eedabb6af3a6dd8bb6
        efd9bf6603971d0c972e5ebe8009cbb5abd7afe0c28c113f5e7cd8b162c38d1343aeac9972e6c998255f8e6c79f3e7d1
        9c4193ee1cbab467d1a661bf76dd9af56ad5a9519f8e4dfbb66ed9b571ef9e6d3b37efe2c383ffee6d9cb870e0be8f3f
        679e3cbaf3e5c8a137572e1dfbf4ecd4b557df6e9dfbf5eee8cfab37cfbebc7bf2f0c7cb174f3fbc7df0f8bfebf7ce3f
        7dfbf8f5e5d7df7aefcd77df7efe15182082040278e080ff192860820e4ed8a0840c46b820840a3e4821861c56986187
        166ae8e1851b7e98228a279a58228923e606
    ";

    fn read(stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        LzwReader::new(stream).read_to_end(&mut contents)?;
        Ok(contents)
    }

    /// Codes as they are written: in groups, which are filled up where codes become longer or the table is emptied.
    struct Writer {
        settings: u8,
        longest: u32,
        code_len: u32,
        group: Vec<u32>,
        out: Vec<u8>,
    }

    impl Writer {
        fn code(&mut self, code: u32) {
            self.group.push(code);
            if self.group.len() == 8 {
                self.end_group(8);
            }
        }

        fn end_group(&mut self, fill_to: usize) {
            let mut bits = vec![false; 0];
            self.group.resize(fill_to.max(self.group.len()), 0);
            for code in self.group.drain(..) {
                bits.extend((0..self.code_len).map(|bit| code >> bit & 1 == 1));
            }
            for byte in bits.chunks(8) {
                let byte = byte.iter().enumerate();
                self.out
                    .push(byte.fold(0, |sum, (at, bit)| sum | u8::from(*bit) << at));
            }
        }

        fn change_len(&mut self, code_len: u32) {
            if !self.group.is_empty() {
                self.end_group(8);
            }
            self.code_len = code_len;
        }
    }

    /// Compresses in the plainest way; where the table is full, it is emptied if the settings allow it.
    pub(crate) fn compress(contents: &[u8], settings: u8) -> Vec<u8> {
        let longest = u32::from(settings & LEN_MASK);
        let mut writer = Writer {
            settings,
            longest,
            code_len: 9,
            group: Vec::new(),
            out: vec![0x1f, 0x9d, settings],
        };
        let first_free = 256 + u32::from(writer.settings & EMPTIES != 0);
        let mut table = std::collections::HashMap::new();
        let (mut free, mut text) = (first_free, None);
        for byte in contents {
            let Some(code) = text else {
                text = Some(u32::from(*byte));
                continue;
            };
            if let Some(longer) = table.get(&(code, *byte)) {
                text = Some(*longer);
                continue;
            }
            writer.code(code);
            text = Some(u32::from(*byte));
            if free < 1 << writer.longest {
                table.insert((code, *byte), free);
                free += 1;
                // The reader enters each text one code later, and so does its codes' length change.
                if free > 1 << writer.code_len && writer.code_len < writer.longest {
                    let longer = writer.code_len + 1;
                    writer.change_len(longer);
                }
            } else if settings & EMPTIES != 0 {
                writer.code(256);
                writer.change_len(9);
                table.clear();
                free = first_free;
            }
        }
        if let Some(code) = text {
            writer.code(code);
        }
        writer.end_group(0);
        writer.out
    }

    #[test]
    fn a_stream_of_compress_is_read() {
        let stream = bytes(OF_COMPRESS);
        assert!(is_stream(&stream));
        assert_eq!(read(&stream).unwrap(), b"some text, ".repeat(400));
    }

    #[test]
    fn codes_of_every_length_come_out_as_they_went_in() {
        let mut random = XorShift(0x9e37_79b9_7f4a_7c15);
        let contents: Vec<u8> = (0..300_000)
            .map(|_| u8::try_from(random.below(11)).unwrap())
            .collect();
        for settings in [0x89, 0x8c, 0x90, 0x09, 0x0c, 0x10] {
            let stream = compress(&contents, settings);
            assert!(read(&stream).unwrap() == contents, "{settings:#x}");
        }
        assert_eq!(read(&compress(b"", 0x90)).unwrap(), b"");
    }

    #[test]
    fn what_is_no_stream_is_an_error() {
        let stream = bytes(OF_COMPRESS);
        for len in 0..3 {
            assert!(read(&stream[..len]).is_err(), "cut to {len}");
        }
        for settings in [0x88, 0x91, 0xb0, 0xd0] {
            assert!(read(&[0x1f, 0x9d, settings]).is_err(), "{settings:#x}");
            assert!(!is_stream(&[0x1f, 0x9d, settings, 0]));
        }
        // A first code that has no text, and one after it that is further on than the next.
        assert!(read(b"\x1f\x9d\x90\xff\xff").is_err());
        assert!(read(b"\x1f\x9d\x90\x61\xfe\xff").is_err());
        assert!(!is_stream(b"\x1f\x9d"));
    }
}
