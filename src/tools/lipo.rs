//! `lipo -archs` and `lipo -info`: for which machines a program is.

use std::{io::Read as _, path::Path};

use wire::Cursor;

use super::{Refusal, Words};
use crate::printer::Printer;

/// No universal program has more.
const MOST_ARCHITECTURES: u32 = 64;
/// The longest header that is looked at.
const HEAD_BYTES: u64 = 8 + 32 * 64;

pub(super) fn run(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words = Words::read(words, &["-archs", "-info"], &[])?;
    let file = words.only("a file")?;
    let mut head = Vec::new();
    fs_err::File::open(Path::new(file))?
        .take(HEAD_BYTES)
        .read_to_end(&mut head)?;
    let (is_universal, names) = architectures(&head).map_err(|error| {
        Refusal::failed(format!(
            "can't figure out the architecture type of: {file} ({error})"
        ))
    })?;
    let names = names.join(" ");
    if words.has("-archs") {
        printer.data(names)?;
    } else if is_universal {
        printer.data(format!(
            "Architectures in the fat file: {file} are: {names} "
        ))?;
    } else {
        printer.data(format!("Non-fat file: {file} is architecture: {names}"))?;
    }
    Ok(0)
}

/// Whether there may be several, and their names.
///
/// # Source
/// `mach-o/fat.h`, `mach-o/loader.h`, `mach/machine.h`.
fn architectures(head: &[u8]) -> Result<(bool, Vec<String>), wire::ParseError> {
    let mut cursor = Cursor::new("Mach-O header", head);
    let entry_rest = match cursor.u32_be()? {
        0xcafe_babe => 12,
        0xcafe_babf => 24,
        0xcffa_edfe | 0xcefa_edfe => {
            let (kind, sub) = (cursor.u32_le()?, cursor.u32_le()?);
            return Ok((false, vec![name(kind, sub)]));
        }
        0xfeed_face | 0xfeed_facf => {
            let (kind, sub) = (cursor.u32_be()?, cursor.u32_be()?);
            return Ok((false, vec![name(kind, sub)]));
        }
        _ => return Err(cursor.invalid("the first four bytes are not a program's")),
    };
    let count = cursor.u32_be()?;
    // Java's classes begin with the same four bytes, and a version here.
    if count > MOST_ARCHITECTURES {
        return Err(cursor.invalid("too many architectures"));
    }
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(name(cursor.u32_be()?, cursor.u32_be()?));
        cursor.skip(entry_rest)?;
    }
    Ok((true, names))
}

fn name(kind: u32, sub: u32) -> String {
    match (kind, sub & 0x00ff_ffff) {
        (7, _) => "i386".to_owned(),
        (18, _) => "ppc".to_owned(),
        (0x0100_0012, _) => "ppc64".to_owned(),
        (0x0100_0007, 8) => "x86_64h".to_owned(),
        (0x0100_0007, _) => "x86_64".to_owned(),
        (0x0100_000c, 2) => "arm64e".to_owned(),
        (0x0100_000c, _) => "arm64".to_owned(),
        (kind, sub) => format!("(cputype ({kind}) cpusubtype ({sub}))"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_name_machines() {
        let thin = [0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1, 2, 0, 0, 0x80];
        assert_eq!(
            architectures(&thin).unwrap(),
            (false, vec!["arm64e".to_owned()])
        );
        let mut fat = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2];
        for kind in [7_u8, 12] {
            fat.extend([1, 0, 0, kind, 0, 0, 0, 3]);
            fat.extend([0; 12]);
        }
        let names = ["x86_64", "arm64"].map(str::to_owned).to_vec();
        assert_eq!(architectures(&fat).unwrap(), (true, names));
        for broken in [
            &fat[..10],
            b"\xca\xfe\xba\xbe\x00\x03\x00\x2d",
            b"#!/bin/sh",
            b"",
        ] {
            assert!(architectures(broken).is_err());
        }
    }
}
