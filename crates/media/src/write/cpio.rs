//! Writes cpio archives in the old portable form, as payloads are.

use std::io::{self, Read as _, Write};

use super::cannot_store;
use crate::{Entry, Kind, MediaError, Tree, archive::mode};

/// Longest file: its length has eleven octal digits.
const LONGEST: u64 = 1 << 33;

/// Writes `entries`, with the root before them, and the trailer after them.
///
/// # Errors
/// If a file cannot be read, is longer than 8 GiB or not as long as it was, or `out` cannot be written.
pub(super) fn write(
    tree: &dyn Tree,
    entries: &[Entry],
    out: &mut dyn Write,
    failed: &dyn Fn(io::Error) -> MediaError,
) -> Result<(), MediaError> {
    let root = tree.entry("")?;
    for (number, entry) in (1_u32..).zip([&root].into_iter().chain(entries)) {
        let name = if entry.path.is_empty() {
            ".".to_owned()
        } else {
            format!("./{}", entry.path)
        };
        let (kind, len) = match &entry.kind {
            Kind::File { len_bytes } => (mode::FILE, *len_bytes),
            Kind::Folder => (mode::FOLDER, 0),
            Kind::Link { target } => (mode::LINK, target.len() as u64),
        };
        if len >= LONGEST {
            return Err(cannot_store(&entry.path, "it is too large"));
        }
        let modified = entry.modified.map_or(0, |time| time.as_secs().max(0));
        let head = head(number, kind | entry.mode & 0o7777, modified, &name, len);
        out.write_all(head.as_bytes()).map_err(failed)?;
        let written = match &entry.kind {
            Kind::Folder => 0,
            Kind::Link { target } => {
                out.write_all(target.as_bytes()).map_err(failed)?;
                len
            }
            Kind::File { .. } => {
                let mut reader = tree.open(&entry.path)?.take(len.saturating_add(1));
                io::copy(&mut reader, out).map_err(MediaError::content(&entry.path))?
            }
        };
        if written != len {
            return Err(cannot_store(
                &entry.path,
                "its length changed while it was read",
            ));
        }
    }
    let trailer = head(0, 0, 0, "TRAILER!!!", 0);
    out.write_all(trailer.as_bytes()).map_err(failed)
}

/// Magic, device, number, mode, owner, group, names, device, time, length of the name and of the file.
fn head(number: u32, mode: u32, modified: i64, name: &str, len: u64) -> String {
    let number = number & 0o777_777;
    let modified = modified & 0o77_777_777_777;
    let name_len = name.len().saturating_add(1);
    format!(
        "070707000000{number:06o}{mode:06o}000000000000000001000000{modified:011o}{name_len:06o}{len:011o}{name}\0"
    )
}
