//! `launchctl plist`: the property list that a program has in it.

use std::{
    fmt::Write as _,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use proplist::Value;
use wire::{Cursor, ParseError};

use super::Refusal;
use crate::printer::Printer;

/// Where a program has its `Info.plist`.
const USUAL: &str = "__TEXT,__info_plist";
/// The longest list of load commands that is read.
const COMMANDS_BYTES: u32 = 1 << 20;
/// The longest property list that is read.
const PLIST_BYTES: u64 = 1 << 20;

/// `launchctl plist [SEGMENT,SECTION] FILE`.
pub(super) fn run(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let (section, file) = match words {
        [verb, file] if verb == "plist" => (USUAL, file),
        [verb, section, file] if verb == "plist" => (section.as_str(), file),
        _ => return Err(Refusal::NotServed("anything but `plist`".to_owned())),
    };
    let (segment, section) = section
        .split_once(',')
        .ok_or_else(|| Refusal::failed(format!("{section} is no segment and section")))?;
    let mut program = fs_err::File::open(Path::new(file))?;
    let unreadable = |error: ParseError| Refusal::failed(format!("{file}: {error}"));
    let start = architecture(&read(&mut program, 0, 28)?).map_err(unreadable)?;
    let (is_64, len_bytes) = header(&read(&mut program, start, 32)?).map_err(unreadable)?;
    let commands = read(&mut program, start, u64::from(len_bytes).saturating_add(32))?;
    let place = place(&commands, is_64, segment, section).map_err(unreadable)?;
    let (offset, len_bytes) = place
        .ok_or_else(|| Refusal::failed(format!("{file} does not have a {segment},{section}")))?;
    if len_bytes > PLIST_BYTES {
        return Err(Refusal::failed(format!("{file}: the section is too long")));
    }
    let bytes = read(&mut program, start.saturating_add(offset), len_bytes)?;
    let end = bytes.iter().rposition(|byte| *byte != 0);
    let bytes = bytes.get(..=end.unwrap_or(0)).unwrap_or_default();
    let value = proplist::from_bytes(bytes).map_err(Refusal::failed)?;
    let mut text = String::new();
    show(&value, 0, &mut text);
    printer.data(format!("{text};"))?;
    Ok(0)
}

/// What is in a file at `offset`, as far as it goes.
fn read(file: &mut fs_err::File, offset: u64, len_bytes: u64) -> Result<Vec<u8>, Refusal> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(len_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where the program for the first architecture begins.
///
/// # Source
/// `mach-o/fat.h`.
fn architecture(head: &[u8]) -> Result<u64, ParseError> {
    let mut cursor = Cursor::new("Mach-O header", head);
    match cursor.u32_be()? {
        0xcafe_babe => {
            cursor.skip(12)?;
            Ok(cursor.u32_be()?.into())
        }
        0xcafe_babf => {
            cursor.skip(12)?;
            cursor.u64_be()
        }
        _ => Ok(0),
    }
}

/// Whether the program is one of 64 bits, and the length of its load commands.
///
/// # Source
/// `mach-o/loader.h`, `mach_header_64`.
fn header(head: &[u8]) -> Result<(bool, u32), ParseError> {
    let mut cursor = Cursor::new("Mach-O header", head);
    let is_64 = match cursor.u32_le()? {
        0xfeed_facf => true,
        0xfeed_face => false,
        _ => return Err(cursor.invalid("the first four bytes are not a program's")),
    };
    cursor.skip(16)?;
    let len_bytes = cursor.u32_le()?;
    if len_bytes > COMMANDS_BYTES {
        return Err(cursor.invalid("too many load commands"));
    }
    Ok((is_64, len_bytes))
}

/// Where a section is: offset and length.
///
/// # Source
/// `mach-o/loader.h`, `segment_command`, `segment_command_64`.
fn place(
    commands: &[u8],
    is_64: bool,
    segment: &str,
    section: &str,
) -> Result<Option<(u64, u64)>, ParseError> {
    let (kind, header_bytes, skipped, word) = if is_64 {
        (0x19, 32, 56, 8)
    } else {
        (0x1, 28, 40, 4)
    };
    let mut cursor = Cursor::new("load commands", commands);
    cursor.skip(header_bytes)?;
    while cursor.rest().len() >= 8 {
        let found = cursor.u32_le()?;
        let len_bytes = cursor.u32_le()?;
        let rest = u64::from(len_bytes).checked_sub(8);
        let rest = rest.ok_or_else(|| cursor.invalid("a load command is shorter than itself"))?;
        let mut command = cursor.part("segment", rest)?;
        if found != kind {
            continue;
        }
        command.skip(skipped)?;
        let count = command.u32_le()?;
        command.skip(4)?;
        for _ in 0..count {
            let names = (name(command.take(16)?), name(command.take(16)?));
            command.skip(word)?;
            let len_bytes = if is_64 {
                command.u64_le()?
            } else {
                command.u32_le()?.into()
            };
            let offset = command.u32_le()?;
            command.skip(if is_64 { 28 } else { 24 })?;
            if names == (section.as_bytes(), segment.as_bytes()) {
                return Ok(Some((offset.into(), len_bytes)));
            }
        }
    }
    Ok(None)
}

fn name(padded: &[u8]) -> &[u8] {
    padded.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// As `launchctl` writes values: `"key" = "text";`.
fn show(value: &Value, depth: usize, text: &mut String) {
    let indent = "\t".repeat(depth);
    // Writing to a String cannot fail.
    match value {
        Value::Dict(dict) => {
            text.push_str("{\n");
            for (key, value) in dict {
                write!(text, "{indent}\t\"{key}\" = ").unwrap_or_default();
                show(value, depth.saturating_add(1), text);
                text.push_str(";\n");
            }
            write!(text, "{indent}}}").unwrap_or_default();
        }
        Value::Array(values) => {
            text.push_str("(\n");
            for value in values {
                write!(text, "{indent}\t").unwrap_or_default();
                show(value, depth.saturating_add(1), text);
                text.push_str(";\n");
            }
            write!(text, "{indent})").unwrap_or_default();
        }
        Value::Bool(truth) => write!(text, "{truth}").unwrap_or_default(),
        Value::Integer(number) => write!(text, "{number}").unwrap_or_default(),
        other => {
            let shown = other.as_str().unwrap_or("…");
            write!(text, "\"{shown}\"").unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of 64 bits with one section.
    fn program(contents: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xcf, 0xfa, 0xed, 0xfe];
        bytes.extend([0; 12]);
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(152_u32.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(0x19_u32.to_le_bytes());
        bytes.extend(152_u32.to_le_bytes());
        bytes.extend([0; 56]);
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend([0; 4]);
        for name in ["__info_plist", "__TEXT"] {
            let mut padded = name.as_bytes().to_vec();
            padded.resize(16, 0);
            bytes.extend(padded);
        }
        bytes.extend([0; 8]);
        bytes.extend(u64::try_from(contents.len()).unwrap().to_le_bytes());
        bytes.extend(184_u32.to_le_bytes());
        bytes.extend([0; 28]);
        bytes.extend(contents);
        bytes
    }

    #[test]
    fn a_section_is_found_and_every_truncation_is_none() {
        let program = program(b"plist");
        assert_eq!(architecture(&program).unwrap(), 0);
        assert_eq!(header(&program).unwrap(), (true, 152));
        let found = place(&program[..184], true, "__TEXT", "__info_plist").unwrap();
        assert_eq!(found, Some((184, 5)));
        assert_eq!(
            place(&program[..184], true, "__TEXT", "__text").unwrap(),
            None
        );
        for end in 0..184 {
            let cut = place(&program[..end], true, "__TEXT", "__info_plist");
            assert!(!matches!(cut, Ok(Some(_))), "{end}");
        }
    }

    #[test]
    fn values_are_written_as_launchctl_does() {
        let plist = "<plist><dict><key>V</key><string>1.2</string><key>L</key><array><true/></array></dict></plist>";
        let value = proplist::from_bytes(plist.as_bytes()).unwrap();
        let mut text = String::new();
        show(&value, 0, &mut text);
        assert_eq!(
            text,
            "{\n\t\"V\" = \"1.2\";\n\t\"L\" = (\n\t\ttrue;\n\t);\n}"
        );
    }
}
