//! Goes through an archive once and remembers where everything is.

use std::{collections::BTreeMap, sync::Arc};

use model::Timestamp;
use wire::{Budget, ParseError, ReadAt, read_vec};

use super::raw::{Header, LONGEST_HEADER};
use crate::{
    Entry, Kind, MediaError,
    archive::{Contents, Index, StoredTree, Stretch, mode},
    path,
};

pub(super) const STRUCTURE: &str = "cpio archive";

/// The name of the member that ends an archive.
pub(super) const TRAILER: &str = "TRAILER!!!";

/// Longest name that is read.
pub(super) const LONGEST_NAME: u64 = 16 << 10;

/// Opens the archive that `source` begins with.
///
/// # Errors
/// If it is damaged, does not end with its trailer, or has a name that leads out of the folder it is unpacked to.
pub(crate) fn open(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<StoredTree, MediaError> {
    let mut budget = budget.clone();
    let mut members = Members::new(&*source);
    let mut index = Index::new(STRUCTURE);
    let mut links = HardLinks::default();
    while let Some(member) = members.next()? {
        let Some(kind) = members.kind(&member)? else {
            budget.spend_entry()?;
            continue;
        };
        links.note(&member);
        let entry = Entry {
            path: member.path,
            kind,
            mode: member.header.mode & 0o7777,
            modified: Some(Timestamp::from_secs(i64::from(member.header.modified))),
            uid: Some(member.header.uid),
            gid: Some(member.header.gid),
        };
        index.add(entry, Some(member.data.into()), &mut budget)?;
    }
    links.join(&mut index)?;
    Ok(StoredTree::new(source, index))
}

/// A member as found.
#[derive(Debug)]
struct Member {
    path: String,
    header: Header,
    data: Stretch,
}

/// The members one after the other.
#[derive(Debug)]
struct Members<'a> {
    source: &'a dyn ReadAt,
    offset: u64,
}

impl<'a> Members<'a> {
    const fn new(source: &'a dyn ReadAt) -> Self {
        Self { source, offset: 0 }
    }

    /// The next member; none where the trailer is.
    fn next(&mut self) -> Result<Option<Member>, MediaError> {
        let left = self.source.len().saturating_sub(self.offset);
        let head = self.read(self.offset, left.min(LONGEST_HEADER))?;
        let header = Header::parse(&head)?;
        if header.name_len > LONGEST_NAME {
            return Err(self.invalid(format!("a name of {} bytes", header.name_len)));
        }
        let name = self.read(self.offset.saturating_add(header.len), header.name_len)?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = path::from_bytes(name);
        if name == TRAILER {
            return Ok(None);
        }
        let data = Stretch {
            start: self.padded(header.len.saturating_add(header.name_len), &header)?,
            len: header.data_len,
        };
        let end = data.start.checked_add(data.len);
        let Some(end) = end.filter(|end| *end <= self.source.len()) else {
            return Err(MediaError::Parse(ParseError::Short {
                structure: STRUCTURE,
                offset: data.start,
                needed: data.len,
                remain: self.source.len().saturating_sub(data.start),
            }));
        };
        self.offset = self.padded(end.saturating_sub(self.offset), &header)?;
        Ok(Some(Member {
            path: path::clean(&name)?,
            header,
            data,
        }))
    }

    /// What a member is; none for devices and pipes.
    fn kind(&self, member: &Member) -> Result<Option<Kind>, MediaError> {
        Ok(Some(match member.header.mode & mode::KIND {
            mode::FOLDER => Kind::Folder,
            mode::FILE => Kind::File {
                len_bytes: member.data.len,
            },
            mode::LINK if member.data.len <= mode::LONGEST_LINK => {
                let target = self.read(member.data.start, member.data.len)?;
                Kind::Link {
                    target: path::from_bytes(&target).into_owned(),
                }
            }
            mode::LINK => return Err(self.invalid("a link that is too long".to_owned())),
            _ => return Ok(None),
        }))
    }

    /// Where what comes `len` bytes after the header begins; padding counts from the header on.
    fn padded(&self, len: u64, header: &Header) -> Result<u64, MediaError> {
        len.checked_next_multiple_of(header.padding)
            .and_then(|len| self.offset.checked_add(len))
            .ok_or_else(|| self.invalid("a length that is too large".to_owned()))
    }

    fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, MediaError> {
        read_vec(self.source, offset, len).map_err(MediaError::content(STRUCTURE))
    }

    const fn invalid(&self, what: String) -> MediaError {
        MediaError::Parse(ParseError::Invalid {
            structure: STRUCTURE,
            what,
            offset: self.offset,
        })
    }
}

/// Names that share a file: writers store the contents with every name, or with the last one only.
#[derive(Debug, Default)]
struct HardLinks {
    contents: BTreeMap<(u64, u64), Stretch>,
    empty: Vec<(String, (u64, u64))>,
}

impl HardLinks {
    fn note(&mut self, member: &Member) {
        let is_file = member.header.mode & mode::KIND == mode::FILE;
        if !is_file || member.header.link_count < 2 {
            return;
        }
        if member.data.len > 0 {
            self.contents.insert(member.header.inode, member.data);
        } else {
            let waiting = (member.path.clone(), member.header.inode);
            self.empty.push(waiting);
        }
    }

    fn join(&self, index: &mut Index<Contents>) -> Result<(), MediaError> {
        for (path, inode) in &self.empty {
            if let Some(stretch) = self.contents.get(inode) {
                index.set_contents(path, stretch.len, (*stretch).into())?;
            }
        }
        Ok(())
    }
}
