//! LZMA without a container of its own, and the older file format around it.
//!
//! Source: `lzma-specification.txt` of the LZMA SDK; `APPNOTE` 6.3.10, 5.8.8; `lzma_alone` of XZ Utils for what a file
//! must look like to be taken for one.

use std::io::{self, Read};

use lzma_rust2::LzmaReader;
use wire::Cursor;

/// Largest dictionary of a stream, what `xz -9` uses: several streams may be read at once.
pub(crate) const LARGEST_DICTIONARY: u64 = 64 << 20;

/// Smallest dictionary that any encoder writes.
const SMALLEST_DICTIONARY: u32 = 4 << 10;

/// A file that says how long it is and claims to be longer is none. XZ Utils draw the line at the same place.
const LONGEST_FILE: u64 = 256 << 30;

/// What stands for a length that is not known.
const UNKNOWN_LEN: u64 = u64::MAX;

/// Reads `len` bytes of LZMA with those properties; up to the end marker if no length is known.
///
/// # Errors
/// If the properties are none, the dictionary is larger than `most` bytes, or the stream does not begin.
pub(crate) fn reader<R: Read>(
    compressed: R,
    properties: &[u8],
    len: Option<u64>,
    most: u64,
) -> io::Result<LzmaReader<R>> {
    let mut cursor = Cursor::new("lzma properties", properties);
    let (numbers, dictionary) = cursor
        .u8()
        .and_then(|numbers| Ok((numbers, cursor.u32_le()?)))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    // No distance reaches back further than the contents are long.
    let needed = u64::from(dictionary).min(len.unwrap_or(u64::MAX));
    if needed > most {
        let what = format!("lzma stream: a dictionary of {needed} bytes, the limit is {most}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let len = len.unwrap_or(UNKNOWN_LEN);
    LzmaReader::new_with_props(compressed, len, numbers, dictionary, None)
}

/// Reads a file in the older format: properties, length, stream.
///
/// # Errors
/// As [`reader`].
pub(super) fn file<R: Read>(mut compressed: R) -> io::Result<LzmaReader<R>> {
    let mut properties = [0; 5];
    compressed.read_exact(&mut properties)?;
    let mut len = [0; 8];
    compressed.read_exact(&mut len)?;
    let len = Some(u64::from_le_bytes(len)).filter(|len| *len != UNKNOWN_LEN);
    reader(compressed, &properties, len, LARGEST_DICTIONARY)
}

/// Reads a member of a zip archive, which has a version and the length of the properties before them.
///
/// # Errors
/// As [`reader`].
pub(crate) fn zip_member<R: Read>(mut compressed: R, len: u64) -> io::Result<LzmaReader<R>> {
    let mut head = [0; 9];
    compressed.read_exact(&mut head)?;
    let [_, _, 5, 0, properties @ ..] = head else {
        let what = "lzma member of a zip archive: properties that are not 5 bytes long";
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    };
    reader(compressed, &properties, Some(len), LARGEST_DICTIONARY)
}

/// Whether a file begins like one in the older format, which has no magic: its properties are those that encoders
/// write, its length is credible, and the first byte of the stream is the zero that it must be.
pub(crate) fn is_file(start: &[u8]) -> bool {
    let mut cursor = Cursor::new("lzma file", start);
    let (Ok(numbers), Ok(dictionary), Ok(len), Ok(first)) =
        (cursor.u8(), cursor.u32_le(), cursor.u64_le(), cursor.u8())
    else {
        return false;
    };
    let (literal, position) = (numbers % 9, numbers / 9 % 5);
    let is_round = dictionary.is_power_of_two()
        || (dictionary.count_ones() == 2
            && dictionary
                .leading_zeros()
                .saturating_add(dictionary.trailing_zeros())
                == 30);
    numbers < 9 * 5 * 5
        && literal.saturating_add(position) <= 4
        && dictionary >= SMALLEST_DICTIONARY
        && is_round
        && (len == UNKNOWN_LEN || len < LONGEST_FILE)
        && first == 0
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    use lzma_rust2::{LzmaOptions, LzmaWriter};

    use super::*;
    use crate::codec::Codec;

    /// A file in the older format that says how long it is, or ends with a marker.
    pub(crate) fn compress(contents: &[u8], says_len: bool) -> Vec<u8> {
        let mut options = LzmaOptions::with_preset(1);
        options.dict_size = 1 << 16;
        let len = says_len.then_some(contents.len() as u64);
        let mut writer = LzmaWriter::new_use_header(Vec::new(), &options, len).unwrap();
        writer.write_all(contents).unwrap();
        writer.finish().unwrap()
    }

    fn inflate(file: &[u8]) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        let reader = Codec::Lzma.reader(Box::new(io::Cursor::new(file.to_vec())));
        reader.take(1 << 20).read_to_end(&mut contents)?;
        Ok(contents)
    }

    #[test]
    fn files_with_and_without_a_length_are_read() {
        let contents = b"some text, some text, some text".repeat(99);
        for says_len in [true, false] {
            let file = compress(&contents, says_len);
            assert!(is_file(&file));
            assert_eq!(inflate(&file).unwrap(), contents);
            // The last bytes of the stream say nothing any more.
            for len in 0..file.len() - 5 {
                assert!(inflate(&file[..len]).is_err(), "cut to {len}");
            }
        }
    }

    #[test]
    fn hardly_anything_else_is_taken_for_a_file() {
        let file = compress(b"text", true);
        let changed = |at: usize, byte: u8| {
            let mut file = file.clone();
            file[at] = byte;
            is_file(&file)
        };
        assert!(!changed(0, 225), "properties");
        assert!(!changed(0, 8 + 9 * 4), "too many bits of context");
        assert!(!changed(1, 1), "an odd dictionary");
        assert!(!changed(3, 0), "no dictionary");
        assert!(changed(2, 0x80), "one and a half powers of two");
        assert!(!changed(10, 1), "an incredible length");
        assert!(!changed(13, 1), "no zero");
        assert!(!is_file(&file[..13]));
        assert!(!is_file(&[0; 64]));
        assert!(!is_file(b"]\0\0 this is a text that looks"));
    }

    #[test]
    fn a_dictionary_that_is_too_large_is_refused() {
        let mut file = compress(b"text", false);
        file[1..5].copy_from_slice(&(128_u32 << 20).to_le_bytes());
        let error = inflate(&file).unwrap_err();
        assert!(error.to_string().contains("dictionary"), "{error}");
    }
}
