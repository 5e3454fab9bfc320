//! Goes through an archive while it is read, contents included.

use std::io::BufRead;

use model::Timestamp;
use wire::{ParseError, fill_with};

use super::{
    raw::Header,
    reader::{LONGEST_NAME, STRUCTURE, TRAILER},
};
use crate::{Entry, Kind, MediaError, archive::mode, path};

/// The members of an archive, one after the other, each with its contents.
///
/// The old binary form is not read like this: no payload of a package is in it.
#[derive(Debug)]
pub(crate) struct Stream<R> {
    reader: R,
    offset: u64,
    /// Contents that were not read yet, and what they are padded with.
    left: u64,
    padding: u64,
}

/// A member whose contents come next.
#[derive(Debug)]
pub(crate) struct Streamed {
    /// None for devices and pipes.
    pub(crate) entry: Option<Entry>,
    /// Whether other names may have the same contents.
    pub(crate) is_shared: bool,
}

/// Whether an archive that begins like this can be read so.
pub(crate) fn is_streamable(start: [u8; 6]) -> bool {
    head_len(start).is_some()
}

const fn head_len(magic: [u8; 6]) -> Option<usize> {
    match &magic {
        b"070707" => Some(76),
        b"070701" | b"070702" => Some(110),
        _ => None,
    }
}

impl<R: BufRead> Stream<R> {
    /// The archive that `reader` begins with.
    pub(crate) const fn new(reader: R) -> Self {
        Self {
            reader,
            offset: 0,
            left: 0,
            padding: 0,
        }
    }

    /// The next member; none where the trailer is. What was not read of the one before is passed over.
    ///
    /// # Errors
    /// If it is damaged, or has a name that leads out of the folder it is unpacked to.
    pub(crate) fn next(&mut self) -> Result<Option<Streamed>, MediaError> {
        self.contents(|_| Ok(()))?;
        self.left = self.padding;
        self.contents(|_| Ok(()))?;
        let header = self.header()?;
        if header.name_len > LONGEST_NAME {
            return Err(self.invalid(format!("a name of {} bytes", header.name_len)));
        }
        let name = self.bytes(header.name_len)?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = path::from_bytes(name);
        if name == TRAILER {
            return Ok(None);
        }
        let path = path::clean(&name)?;
        self.left = padding_of(header.len.saturating_add(header.name_len), &header);
        self.contents(|_| Ok(()))?;
        self.left = header.data_len;
        self.padding = padding_of(header.data_len, &header);
        let entry = self.kind(&header)?.map(|kind| Entry {
            path,
            kind,
            mode: header.mode & 0o7777,
            modified: Some(Timestamp::from_secs(i64::from(header.modified))),
            uid: Some(header.uid),
            gid: Some(header.gid),
        });
        let is_file = header.mode & mode::KIND == mode::FILE;
        Ok(Some(Streamed {
            entry,
            is_shared: is_file && header.link_count >= 2,
        }))
    }

    /// Gives what is left of a member's contents to `take`, and says how many bytes that were.
    ///
    /// # Errors
    /// Those of `take`, or if they end too early.
    pub(crate) fn contents(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), MediaError>,
    ) -> Result<u64, MediaError> {
        let failed = MediaError::content(STRUCTURE);
        let len = self.left;
        while self.left > 0 {
            let bytes = self.reader.fill_buf().map_err(&failed)?;
            if bytes.is_empty() {
                return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
            }
            let most = usize::try_from(self.left).unwrap_or(usize::MAX);
            let taken = bytes.len().min(most);
            take(bytes.get(..taken).unwrap_or_default())?;
            self.reader.consume(taken);
            self.left = self.left.saturating_sub(taken as u64);
            self.offset = self.offset.saturating_add(taken as u64);
        }
        Ok(len)
    }

    /// Reads what follows the trailer, so that everything around the archive is found to be whole.
    ///
    /// # Errors
    /// If it is not.
    pub(crate) fn finish(mut self) -> Result<(), MediaError> {
        let failed = MediaError::content(STRUCTURE);
        loop {
            let len = self.reader.fill_buf().map_err(&failed)?.len();
            if len == 0 {
                return Ok(());
            }
            self.reader.consume(len);
        }
    }

    fn header(&mut self) -> Result<Header, MediaError> {
        let mut magic = [0; 6];
        magic.copy_from_slice(&self.bytes(6)?);
        let Some(len) = head_len(magic) else {
            return Err(self.invalid("no `070701`, `070702` or `070707`".to_owned()));
        };
        let rest = self.bytes(len.saturating_sub(magic.len()) as u64)?;
        Ok(Header::parse(&[&magic[..], &rest].concat())?)
    }

    /// What a member is; none for devices and pipes.
    fn kind(&mut self, header: &Header) -> Result<Option<Kind>, MediaError> {
        Ok(Some(match header.mode & mode::KIND {
            mode::FOLDER => Kind::Folder,
            mode::FILE => Kind::File {
                len_bytes: header.data_len,
            },
            mode::LINK if header.data_len <= mode::LONGEST_LINK => {
                self.left = 0;
                let target = self.bytes(header.data_len)?;
                Kind::Link {
                    target: path::from_bytes(&target).into_owned(),
                }
            }
            mode::LINK => return Err(self.invalid("a link that is too long".to_owned())),
            _ => return Ok(None),
        }))
    }

    /// The next few bytes.
    fn bytes(&mut self, len: u64) -> Result<Vec<u8>, MediaError> {
        let failed = MediaError::content(STRUCTURE);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = fill_with(&mut bytes, |_, rest| self.reader.read(rest)).map_err(&failed)?;
        if read < bytes.len() {
            return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
        }
        self.offset = self.offset.saturating_add(len);
        Ok(bytes)
    }

    const fn invalid(&self, what: String) -> MediaError {
        MediaError::Parse(ParseError::Invalid {
            structure: STRUCTURE,
            what,
            offset: self.offset,
        })
    }
}

/// How many bytes follow `len` of a member until the next thing of it begins.
fn padding_of(len: u64, header: &Header) -> u64 {
    let padded = len.checked_next_multiple_of(header.padding);
    padded.unwrap_or(len).saturating_sub(len)
}
