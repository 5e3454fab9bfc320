//! Goes through an archive once and remembers where everything is.

use std::{collections::BTreeSet, sync::Arc};

use wire::{Budget, ParseError, ReadAt, read_vec};

use super::{
    pax::Pax,
    raw::{BLOCK, Header, Type, text},
    sparse::Sparse,
};
use crate::{
    Entry, Kind, MediaError,
    archive::{Contents, Index, StoredTree, Stretch},
    path,
};

const STRUCTURE: &str = "tar archive";

/// Longest run of records, name or target before a member.
const LONGEST_RECORDS: u64 = 1 << 20;

/// Opens the archive that `source` begins with.
///
/// # Errors
/// If it is damaged or cut short, or has a name that leads out of the folder it is unpacked to.
pub(crate) fn open(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<StoredTree, MediaError> {
    let mut budget = budget.clone();
    let mut members = Members::new(&*source);
    let mut index = Index::new(STRUCTURE);
    let mut left_out = BTreeSet::new();
    while let Some(member) = members.next(&mut budget)? {
        add(&mut index, member, &mut left_out, &mut budget)?;
    }
    Ok(StoredTree::new(source, index))
}

/// Adds a member; what is no file, folder or link is left out, and so are further names of it.
fn add(
    index: &mut Index<Contents>,
    member: Member,
    left_out: &mut BTreeSet<String>,
    budget: &mut Budget,
) -> Result<(), MediaError> {
    let Member { header, mut data } = member;
    let kind = match header.type_ {
        Type::Folder => Some(Kind::Folder),
        Type::SymbolicLink => Some(Kind::Link {
            target: header.target,
        }),
        Type::HardLink => {
            let original = path::clean(&header.target)?;
            match index.entry(&original) {
                // GNU's program stores further names of a link like those of a file.
                Ok(entry) if matches!(entry.kind, Kind::Link { .. }) => Some(entry.kind.clone()),
                Err(_) if left_out.contains(&original) => None,
                _ => {
                    // It shares the contents of a member before it.
                    let (entry, contents) = index.member(&original)?;
                    data = contents.clone();
                    Some(entry.kind.clone())
                }
            }
        }
        Type::File | Type::GnuSparse => Some(Kind::File {
            len_bytes: data.len(),
        }),
        _ => None, // devices and pipes
    };
    let Some(kind) = kind else {
        if let Ok(path) = path::clean(&header.path) {
            index.spend_path(&path)?;
            left_out.insert(path);
        }
        return Ok(budget.spend_entry()?);
    };
    let entry = Entry {
        path: path::clean(&header.path)?,
        kind,
        mode: header.mode,
        modified: Some(header.modified),
        uid: Some(header.uid),
        gid: Some(header.gid),
    };
    index.add(entry, Some(data), budget)
}

/// A member as found.
#[derive(Debug)]
struct Member {
    header: Header,
    data: Contents,
}

/// The members one after the other.
#[derive(Debug)]
struct Members<'a> {
    source: &'a dyn ReadAt,
    offset: u64,
    global: Pax,
}

impl<'a> Members<'a> {
    fn new(source: &'a dyn ReadAt) -> Self {
        Self {
            source,
            offset: 0,
            global: Pax::default(),
        }
    }

    /// The next member, with everything that goes before it taken in; none at the end.
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Member>, MediaError> {
        let mut pax = self.global.clone();
        loop {
            budget.spend_entry()?;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            if header.type_ == Type::GnuSparse {
                pax.sparse = Some(self.old_map()?);
            }
            let data = Stretch {
                start: self.offset,
                len: match header.type_ {
                    Type::HardLink | Type::SymbolicLink | Type::Folder => 0,
                    Type::Pax | Type::PaxGlobal | Type::GnuLongName | Type::GnuLongLink => {
                        header.len
                    }
                    _ => pax.len.unwrap_or(header.len),
                },
            };
            self.pass(data.len)?;
            match header.type_ {
                Type::Pax => pax.read(&self.records(data)?)?,
                Type::PaxGlobal => {
                    let records = self.records(data)?;
                    self.global.read(&records)?;
                    pax.read(&records)?;
                }
                Type::GnuLongName => pax.path = Some(text(&self.records(data)?)),
                Type::GnuLongLink => pax.target = Some(text(&self.records(data)?)),
                _ => {
                    let data = self.contents(&mut pax, data)?;
                    return Ok(Some(Member {
                        header: merged(header, pax),
                        data,
                    }));
                }
            }
        }
    }

    /// Where the contents are of what was stored; a file with holes has a map of them.
    fn contents(&self, pax: &mut Pax, mut stored: Stretch) -> Result<Contents, MediaError> {
        let Some(mut sparse) = pax.sparse.take() else {
            return Ok(stored.into());
        };
        pax.path = sparse.name.take().or_else(|| pax.path.take());
        if sparse.has_map_in_contents {
            let len = stored.len.min(LONGEST_RECORDS);
            let map_len = sparse.read_contents(&self.read(stored.start, len)?)?;
            stored.start = stored.start.saturating_add(map_len);
            stored.len = stored.len.saturating_sub(map_len);
        }
        Ok(sparse.contents(stored)?)
    }

    /// The map in the header that was read last, and in the blocks after it.
    fn old_map(&mut self) -> Result<Sparse, MediaError> {
        let mut sparse = Sparse::default();
        let header = self.read(self.offset.saturating_sub(BLOCK), BLOCK)?;
        let mut goes_on = sparse.read_header(&header)?;
        while goes_on {
            goes_on = sparse.read_block(&self.read(self.offset, BLOCK)?)?;
            self.offset = self.offset.saturating_add(BLOCK);
        }
        Ok(sparse)
    }

    /// The header that is next; none where the archive ends, with an empty block or without.
    fn header(&mut self) -> Result<Option<Header>, MediaError> {
        if self.offset == self.source.len() {
            return Ok(None);
        }
        let bytes = self.read(self.offset, BLOCK)?;
        let Some(block) = bytes.first_chunk::<512>() else {
            return Ok(None);
        };
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        self.offset = self.offset.saturating_add(BLOCK);
        Ok(Some(Header::parse(block)?))
    }

    /// Passes over contents and what pads them.
    fn pass(&mut self, len: u64) -> Result<(), MediaError> {
        let end = self.offset.checked_add(len);
        let next = len
            .checked_next_multiple_of(BLOCK)
            .and_then(|len| self.offset.checked_add(len));
        match (end, next) {
            (Some(end), Some(next)) if end <= self.source.len() => {
                self.offset = next.min(self.source.len());
                Ok(())
            }
            _ => Err(MediaError::Parse(ParseError::Short {
                structure: STRUCTURE,
                offset: self.offset,
                needed: len,
                remain: self.source.len().saturating_sub(self.offset),
            })),
        }
    }

    fn records(&self, data: Stretch) -> Result<Vec<u8>, MediaError> {
        if data.len > LONGEST_RECORDS {
            return Err(MediaError::Parse(ParseError::Budget {
                structure: "pax records",
                limit: LONGEST_RECORDS,
                unit: "bytes",
            }));
        }
        self.read(data.start, data.len)
    }

    fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, MediaError> {
        read_vec(self.source, offset, len).map_err(MediaError::content(STRUCTURE))
    }
}

fn merged(header: Header, pax: Pax) -> Header {
    Header {
        path: pax.path.unwrap_or(header.path),
        target: pax.target.unwrap_or(header.target),
        modified: pax.modified.unwrap_or(header.modified),
        uid: pax.uid.unwrap_or(header.uid),
        gid: pax.gid.unwrap_or(header.gid),
        ..header
    }
}
