//! Programs: where a Mach-O file keeps its architectures, and each of them its signature.
//!
//! # Source
//! `mach-o/loader.h` and `mach-o/fat.h`; what is refused besides, `Universal` and `MachO::validateStructure` in
//! Apple's open Security sources.

use std::sync::Arc;

use wire::{Cursor, ParseError, Part, ReadAt, read_up_to, read_vec};

use crate::flaw::Flaw;

const FAT: u32 = 0xcafe_babe;
const FAT_64: u32 = 0xcafe_babf;
const THIN: [u32; 4] = [0xfeed_face, 0xfeed_facf, 0xcefa_edfe, 0xcffa_edfe];
const LC_SEGMENT: u32 = 0x1;
const LC_SYMTAB: u32 = 0x2;
const LC_SEGMENT_64: u32 = 0x19;
const LC_CODE_SIGNATURE: u32 = 0x1d;

/// A Java class begins as a fat file does; no fat file has as many architectures as the lowest Java version says.
const MAX_ARCHITECTURES: u32 = 30;
/// The bits of a variant of a processor that are no capabilities.
const VARIANT: u32 = 0x00ff_ffff;
const MAX_COMMANDS_LEN: u32 = 4 << 20;
const MAX_SIGNATURE_LEN: u64 = 256 << 20;
const MAX_INFO_LEN: u64 = 4 << 20;

/// Whether a file that begins with `head` is a program.
pub(crate) fn is_program(head: &[u8]) -> bool {
    let mut cursor = Cursor::new("Mach-O file", head);
    match (cursor.u32_be(), cursor.u32_be()) {
        (Ok(FAT | FAT_64), Ok(count)) => (1..=MAX_ARCHITECTURES).contains(&count),
        (Ok(magic), _) => THIN.contains(&magic),
        _ => false,
    }
}

/// One architecture of a program.
#[derive(Clone, Debug)]
pub(crate) struct Architecture {
    /// `arm64`, `x86_64`.
    pub(crate) name: String,
    /// The kind of processor and its variant, as numbers.
    kind: (u32, u32),
    /// Its bytes, and nothing else's.
    pub(crate) image: Arc<dyn ReadAt>,
    /// The embedded signature: where it begins, and its bytes. Nothing if it is not signed.
    pub(crate) signature: Option<(u64, Vec<u8>)>,
    /// The information property list that a program without a bundle carries in itself.
    pub(crate) info: Option<Vec<u8>>,
}

/// The architectures of the program in `source`, in file order. They may not overlap, nothing but zeros may lie
/// between them, and nothing after them.
pub(crate) fn architectures(source: &Arc<dyn ReadAt>) -> Result<Vec<Architecture>, Flaw> {
    let mut head = [0; 8];
    let len = read_up_to(source.as_ref(), 0, &mut head).map_err(|error| unreadable(&error))?;
    let mut cursor = Cursor::new("Mach-O file", head.get(..len).unwrap_or_default());
    let wide = match cursor.u32_be()? {
        FAT => false,
        FAT_64 => true,
        _ => return Ok(vec![architecture(Arc::clone(source))?]),
    };
    let count = cursor.u32_be()?;
    if !(1..=MAX_ARCHITECTURES).contains(&count) {
        return Err(cursor.invalid(format!("{count} architectures")).into());
    }
    let table_len = u64::from(count).saturating_mul(if wide { 32 } else { 20 });
    let table = read(source.as_ref(), 8, table_len)?;
    let mut table = Cursor::new("table of architectures", &table);
    let mut places = Vec::new();
    for _ in 0..count {
        places.push(place(&mut table, wide)?);
    }
    places.sort_unstable();
    judge_places(source.as_ref(), table_len.saturating_add(8), &places)?;
    let mut architectures: Vec<Architecture> = Vec::new();
    for Place {
        offset, len, kind, ..
    } in places
    {
        let found = architecture(Arc::new(Part::new(Arc::clone(source), offset, len)))?;
        // What the table says of the variant differs from what the architecture says in programs of old.
        if found.kind.0 != kind.0 {
            return Err(Flaw::new(
                "malformed",
                "an architecture that is another than the table says",
            ));
        }
        let is_same = |other: &Architecture| {
            other.kind.0 == found.kind.0 && (other.kind.1 ^ found.kind.1) & VARIANT == 0
        };
        if architectures.iter().any(is_same) {
            return Err(Flaw::new(
                "malformed",
                format!("the architecture {} twice", found.name),
            ));
        }
        architectures.push(found);
    }
    Ok(architectures)
}

/// Whether the architectures lie one after the other up to the end of the file, no further apart than they must.
fn judge_places(source: &dyn ReadAt, mut end: u64, places: &[Place]) -> Result<(), Flaw> {
    for (index, place) in places.iter().enumerate() {
        need_zeros(source, end, place.offset)?;
        let room = place.offset.saturating_sub(end);
        if index > 0 && room >> place.alignment.min(63) != 0 {
            return Err(Flaw::new(
                "stray-bytes",
                "more room between architectures than they need to be aligned",
            ));
        }
        end = place.offset.saturating_add(place.len);
        if end > source.len() {
            return Err(Flaw::new(
                "malformed",
                "an architecture that reaches beyond the end of the file",
            ));
        }
    }
    if end == source.len() {
        Ok(())
    } else {
        Err(Flaw::new(
            "stray-bytes",
            "bytes after the last architecture",
        ))
    }
}

/// Where the table says that an architecture lies, in order of place.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    offset: u64,
    len: u64,
    kind: (u32, u32),
    /// As a power of two.
    alignment: u32,
}

fn place(table: &mut Cursor<'_>, wide: bool) -> Result<Place, ParseError> {
    let kind = (table.u32_be()?, table.u32_be()?);
    let (offset, len) = if wide {
        (table.u64_be()?, table.u64_be()?)
    } else {
        (u64::from(table.u32_be()?), u64::from(table.u32_be()?))
    };
    let alignment = table.u32_be()?;
    if wide {
        table.skip(4)?; // reserved
    }
    if offset.trailing_zeros() < alignment {
        return Err(table.invalid("an architecture that is not aligned as the table says"));
    }
    Ok(Place {
        offset,
        len,
        kind,
        alignment,
    })
}

fn need_zeros(source: &dyn ReadAt, from: u64, to: u64) -> Result<(), Flaw> {
    let Some(mut left) = to.checked_sub(from) else {
        return Err(Flaw::new("malformed", "architectures that overlap"));
    };
    let mut block = [0; 4096];
    let mut at = from;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        let wanted = block.get_mut(..want).unwrap_or_default();
        let got = read_up_to(source, at, wanted).map_err(|error| unreadable(&error))?;
        if got == 0 || wanted.iter().take(got).any(|byte| *byte != 0) {
            return Err(Flaw::new(
                "stray-bytes",
                "bytes beside what is signed, which nothing protects",
            ));
        }
        at = at.saturating_add(got as u64);
        left = left.saturating_sub(got as u64);
    }
    Ok(())
}

fn architecture(image: Arc<dyn ReadAt>) -> Result<Architecture, Flaw> {
    let head = read(image.as_ref(), 0, 28)?;
    let mut header = Header::read(&head)?;
    let start = if header.wide { 32 } else { 28 };
    let commands = read(image.as_ref(), start, u64::from(header.commands_len))?;
    let mut cursor = Cursor::new("load commands", &commands);
    let mut signature = None;
    for _ in 0..header.commands {
        let kind = header.u32(&mut cursor)?;
        let len = u64::from(header.u32(&mut cursor)?);
        let mut command = cursor.part("load command", len.saturating_sub(8))?;
        match kind {
            LC_CODE_SIGNATURE => {
                let place = (header.u32(&mut command)?, header.u32(&mut command)?);
                if signature.replace(place).is_some() {
                    return Err(Flaw::new("malformed", "two signatures in one architecture"));
                }
            }
            LC_SEGMENT | LC_SEGMENT_64 => {
                header.segment(&mut command, kind == LC_SEGMENT_64, image.len())?;
            }
            LC_SYMTAB => header.symbols(&mut command)?,
            _ => {}
        }
    }
    cursor.finish()?;
    if signature.is_some() && header.end != Some(image.len()) {
        return Err(Flaw::new(
            "stray-bytes",
            "the program does not end where its last segment ends",
        ));
    }
    let after_commands = start.saturating_add(u64::from(header.commands_len));
    Ok(Architecture {
        name: architecture_name(header.kind),
        kind: header.kind,
        signature: signature
            .map(|place| embedded(&image, place, after_commands))
            .transpose()?,
        info: header
            .info
            .map(|(offset, len)| read(image.as_ref(), offset, len))
            .transpose()?,
        image,
    })
}

/// The signature's place and bytes. It must be the last thing in the architecture but for zeros: nothing protects what
/// follows it.
fn embedded(
    image: &Arc<dyn ReadAt>,
    (offset, len): (u32, u32),
    after: u64,
) -> Result<(u64, Vec<u8>), Flaw> {
    let (offset, len) = (u64::from(offset), u64::from(len));
    if offset < after || len > MAX_SIGNATURE_LEN {
        return Err(Flaw::new(
            "malformed",
            "a signature in a place where none can be",
        ));
    }
    let bytes = read(image.as_ref(), offset, len)?;
    need_zeros(image.as_ref(), offset.saturating_add(len), image.len())?;
    Ok((offset, bytes))
}

struct Header {
    little: bool,
    wide: bool,
    kind: (u32, u32),
    commands: u32,
    commands_len: u32,
    info: Option<(u64, u64)>,
    /// Where the last segment ends, or the symbols if there is none of that name before them.
    end: Option<u64>,
}

impl Header {
    fn read(head: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("Mach-O header", head);
        let (little, wide) = match cursor.u32_be()? {
            0xfeed_face => (false, false),
            0xfeed_facf => (false, true),
            0xcefa_edfe => (true, false),
            0xcffa_edfe => (true, true),
            _ => return Err(cursor.invalid("no program begins like this")),
        };
        let mut header = Self {
            little,
            wide,
            kind: (0, 0),
            commands: 0,
            commands_len: 0,
            info: None,
            end: None,
        };
        header.kind = (header.u32(&mut cursor)?, header.u32(&mut cursor)?);
        cursor.skip(4)?; // what kind of file: program, library, plug-in
        header.commands = header.u32(&mut cursor)?;
        header.commands_len = header.u32(&mut cursor)?;
        if header.commands_len > MAX_COMMANDS_LEN {
            return Err(cursor.invalid("load commands of that length"));
        }
        Ok(header)
    }

    fn u32(&self, cursor: &mut Cursor<'_>) -> Result<u32, ParseError> {
        if self.little {
            cursor.u32_le()
        } else {
            cursor.u32_be()
        }
    }

    fn word(&self, cursor: &mut Cursor<'_>, wide: bool) -> Result<u64, ParseError> {
        match (wide, self.little) {
            (true, true) => cursor.u64_le(),
            (true, false) => cursor.u64_be(),
            (false, _) => self.u32(cursor).map(u64::from),
        }
    }

    fn symbols(&mut self, command: &mut Cursor<'_>) -> Result<(), ParseError> {
        command.skip(8)?; // where the symbols are, and how many
        let (offset, len) = (self.u32(command)?, self.u32(command)?);
        if self.end.is_none() {
            self.end = u64::from(offset).checked_add(u64::from(len));
        }
        Ok(())
    }

    /// Looks whether a segment lies in the file, and for the information property list in it.
    fn segment(&mut self, command: &mut Cursor<'_>, wide: bool, file_len: u64) -> Result<(), Flaw> {
        let name: [u8; 16] = command.array()?;
        command.skip(if wide { 16 } else { 8 })?; // place in memory
        let (offset, len) = (self.word(command, wide)?, self.word(command, wide)?);
        if name.starts_with(b"__LINKEDIT\0") && self.end.is_none() {
            self.end = offset.checked_add(len);
        }
        if offset.checked_add(len).is_none_or(|end| end > file_len) {
            return Err(Flaw::new(
                "malformed",
                "a segment that reaches beyond the end of the file",
            ));
        }
        command.skip(8)?; // protection
        let sections = self.u32(command)?;
        command.skip(4)?; // flags
        for _ in 0..sections {
            let mut section = command.part("section", if wide { 80 } else { 68 })?;
            let name: [u8; 16] = section.array()?;
            let segment: [u8; 16] = section.array()?;
            section.skip(if wide { 8 } else { 4 })?; // place in memory
            let len = self.word(&mut section, wide)?;
            let offset = u64::from(self.u32(&mut section)?);
            let is_info = name == *b"__info_plist\0\0\0\0" && segment.starts_with(b"__TEXT\0");
            if is_info && (len > MAX_INFO_LEN || self.info.replace((offset, len)).is_some()) {
                return Err(Flaw::new(
                    "malformed",
                    "an information property list that is too long or there twice",
                ));
            }
        }
        Ok(())
    }
}

fn architecture_name((kind, subkind): (u32, u32)) -> String {
    match (kind, subkind & VARIANT) {
        (7, _) => "i386".to_owned(),
        (0x0100_0007, 8) => "x86_64h".to_owned(),
        (0x0100_0007, _) => "x86_64".to_owned(),
        (0x0100_000c, 2) => "arm64e".to_owned(),
        (0x0100_000c, _) => "arm64".to_owned(),
        (18, _) => "ppc".to_owned(),
        (0x0100_0012, _) => "ppc64".to_owned(),
        (kind, subkind) => format!("{kind:#x}/{subkind}"),
    }
}

fn read(source: &dyn ReadAt, offset: u64, len: u64) -> Result<Vec<u8>, Flaw> {
    read_vec(source, offset, len).map_err(|error| unreadable(&error))
}

fn unreadable(error: &std::io::Error) -> Flaw {
    Flaw::new("unreadable", format!("the program cannot be read: {error}"))
}
