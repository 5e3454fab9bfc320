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
        let head = Head {
            number,
            mode: kind | entry.mode & 0o7777,
            owner: (entry.uid.unwrap_or(0), entry.gid.unwrap_or(0)),
            modified: entry.modified.map_or(0, |time| time.as_secs().max(0)),
            len,
        };
        out.write_all(head.text(&name).as_bytes()).map_err(failed)?;
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
    let trailer = Head::default().text("TRAILER!!!");
    out.write_all(trailer.as_bytes()).map_err(failed)
}

/// What comes before a member, besides its name.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    number: u32,
    mode: u32,
    owner: (u32, u32),
    modified: i64,
    len: u64,
}

impl Head {
    /// Magic, device, number, mode, owner, group, names, device, time, length of the name and of the file.
    fn text(self, name: &str) -> String {
        let (owner, group) = self.owner;
        let [number, owner, group] = [self.number, owner, group].map(|number| number & 0o777_777);
        let (mode, len) = (self.mode, self.len);
        let modified = self.modified & 0o77_777_777_777;
        let name_len = name.len().saturating_add(1);
        format!(
            "070707000000{number:06o}{mode:06o}{owner:06o}{group:06o}000001000000{modified:011o}{name_len:06o}\
             {len:011o}{name}\0"
        )
    }
}
