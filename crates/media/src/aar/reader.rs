//! Goes through an archive once and remembers where everything is.

use std::sync::Arc;

use model::Timestamp;
use wire::{Budget, ParseError, ReadAt, read_vec};

use super::raw::{FIXED, Header};
use crate::{
    Entry, Kind, MediaError,
    archive::{Index, StoredTree, Stretch},
    path,
};

const STRUCTURE: &str = "Apple archive";

/// Opens the archive that fills `source`; it was inflated before, if it was compressed.
///
/// # Errors
/// If it is damaged or cut short, or has a name that leads out of the folder it is unpacked to.
pub(crate) fn open(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<StoredTree, MediaError> {
    let mut budget = budget.clone();
    let mut index = Index::new(STRUCTURE);
    let mut offset = 0_u64;
    while offset < source.len() {
        let read =
            |start, len| read_vec(&*source, start, len).map_err(MediaError::content(STRUCTURE));
        let len = Header::len(&read(offset, FIXED)?)?;
        let header = Header::parse(&read(offset, len)?)?;
        let blobs = offset.saturating_add(len);
        let end = blobs.checked_add(header.blobs_len);
        let end = end.filter(|end| *end <= source.len());
        let end = end.ok_or(ParseError::Short {
            structure: STRUCTURE,
            offset: blobs,
            needed: header.blobs_len,
            remain: source.len().saturating_sub(blobs),
        })?;
        add(&mut index, header, blobs, &mut budget)?;
        offset = end;
    }
    Ok(StoredTree::new(source, index))
}

fn add(
    index: &mut Index<crate::archive::Contents>,
    header: Header,
    blobs: u64,
    budget: &mut Budget,
) -> Result<(), MediaError> {
    let (start, len) = header.data.unwrap_or((0, 0));
    let data = Stretch {
        start: blobs.saturating_add(start),
        len,
    };
    let (kind, usual) = match header.kind {
        b'D' => (Kind::Folder, 0o755),
        b'F' => (Kind::File { len_bytes: len }, 0o644),
        b'L' => {
            let target = header.target;
            (Kind::Link { target }, 0o777)
        }
        _ => return Ok(budget.spend_entry()?), // devices, pipes, what the archive says of itself
    };
    let path = path::clean(&header.path)?;
    if path.is_empty() {
        return Ok(budget.spend_entry()?);
    }
    let entry = Entry {
        path,
        kind,
        mode: header.mode.unwrap_or(usual),
        modified: header.modified.map(Timestamp::from_secs),
        uid: header.uid,
        gid: header.gid,
    };
    index.add(entry, Some(data.into()), budget)
}
