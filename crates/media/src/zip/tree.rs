//! A zip archive as a tree.

use std::{
    io::{self, BufReader, Read},
    sync::Arc,
};

use ::zip::{System, ZipArchive, read::ZipFileEntry, result::ZipError};
use chrono::NaiveDate;
use model::Timestamp;
use wire::{Budget, ParseError, Part, ReadAt, SourceReader};

use super::{
    constants::{
        METHOD_BZIP2, METHOD_DEFLATED, METHOD_DEFLATED_64, METHOD_LZMA, METHOD_STORED, METHOD_XZ,
        METHOD_ZSTD,
    },
    end,
    raw::{LocalHeader, LocalHeaders},
};
use crate::{
    Entry, Kind, MediaError, Tree,
    archive::{Index, mode, spool},
    codec::{Checked, Codec, Failed, lzma, zstd::ZstdReader},
    path,
};

/// Largest window of a member that is compressed with Zstandard: several members may be read at once.
const LARGEST_WINDOW: u64 = 32 << 20;

/// How much of the directory is read at a time.
const READ_LEN: usize = 32 << 10;

/// A zip archive.
#[derive(Debug)]
pub(crate) struct ZipTree {
    source: Arc<dyn ReadAt>,
    index: Index<Member>,
    budget: Budget,
}

/// Where the contents of a member are.
#[derive(Clone, Copy, Debug)]
struct Member {
    start: u64,
    stored_len: u64,
    len: u64,
    method: u16,
    crc32: u32,
    /// The name of the encryption, if it is encrypted.
    encryption: Option<&'static str>,
}

impl ZipTree {
    /// Reads the central directory.
    ///
    /// # Errors
    /// If it is damaged, or has a name that leads out of the folder it is unpacked to, or members that overlap.
    pub(crate) fn open(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<Self, MediaError> {
        let archive = directory(&source)?;
        let mut tree = Self {
            source,
            index: Index::new("zip archive"),
            budget: budget.clone(),
        };
        let directory = archive.metadata();
        let mut entries = (0..directory.len())
            .map(|position| directory.entry(position).map_err(broken))
            .peekable();
        let source = Arc::clone(&tree.source);
        let mut headers = LocalHeaders::new(&*source);
        while let Some(found) = entries.next() {
            let found = found?;
            let next = entries.peek().and_then(|next| next.as_ref().ok());
            let header =
                headers.read(found.header_start(), next.map(ZipFileEntry::header_start))?;
            tree.add(&found, &header)?;
        }
        tree.check_overlaps()?;
        Ok(tree)
    }

    /// States that no two members have the same bytes: a small archive would be of any size when unpacked. Of several
    /// with one path, which some writers leave behind, only the last one counts.
    fn check_overlaps(&self) -> Result<(), MediaError> {
        let members = self.index.members();
        let mut stretches: Vec<_> = members
            .filter(|(entry, member)| !entry.is_folder() && member.stored_len > 0)
            .map(|(entry, member)| {
                let end = member.start.saturating_add(member.stored_len);
                (member.start, end, entry.path.as_str())
            })
            .collect();
        stretches.sort_unstable();
        for pair in stretches.windows(2) {
            let [(_, end, first), (start, _, second)] = pair else {
                continue;
            };
            if start < end {
                return Err(MediaError::Parse(ParseError::Invalid {
                    structure: "zip archive",
                    what: format!("`{first}` and `{second}` overlap"),
                    offset: *start,
                }));
            }
        }
        Ok(())
    }

    fn add(&mut self, found: &ZipFileEntry<'_>, header: &LocalHeader) -> Result<(), MediaError> {
        let name = match std::str::from_utf8(found.name_raw()) {
            // Apple's tools write UTF-8 and do not set the flag that says so.
            Ok(name) => name.to_owned(),
            Err(_) => found.name().map_err(broken)?.into_owned(),
        };
        let path = path::clean(&name)?;
        let member = Member {
            start: header.data_start,
            stored_len: found.compressed_size(),
            len: found.size(),
            method: header.method,
            crc32: found.crc32(),
            encryption: header.encryption().or_else(|| {
                found
                    .encrypted()
                    .then_some("a method that only the directory knows of")
            }),
        };
        let stored_mode = found.unix_mode();
        let kind = match stored_mode.map(|mode| mode & mode::KIND) {
            _ if name.ends_with('/') => Kind::Folder,
            Some(mode::FOLDER) => Kind::Folder,
            // Where it leads is encrypted too.
            Some(mode::LINK) if member.encryption.is_some() => Kind::File {
                len_bytes: member.len,
            },
            Some(mode::LINK) => Kind::Link {
                target: self.link_target(&path, &member)?,
            },
            Some(mode::FILE | 0) | None => Kind::File {
                len_bytes: member.len,
            },
            Some(_) => return Ok(()), // devices and pipes
        };
        if path.is_empty() {
            return Ok(());
        }
        let permissions = stored_mode
            .map(|mode| mode & 0o7777)
            // FAT has no permissions: these the zip crate made up.
            .filter(|mode| *mode != 0 && found.system() != System::Dos);
        let usual = if kind == Kind::Folder { 0o755 } else { 0o644 };
        let entry = Entry {
            path,
            mode: permissions.unwrap_or(usual),
            modified: header
                .extra
                .modified
                .map(Timestamp::from_secs)
                .or_else(|| dos_time(found)),
            uid: header.extra.uid,
            gid: header.extra.gid,
            kind,
        };
        self.index.add(entry, Some(member), &mut self.budget)
    }

    fn link_target(&self, path: &str, member: &Member) -> Result<String, MediaError> {
        let mut target = Vec::new();
        self.reader(path, member)?
            .take(mode::LONGEST_LINK)
            .read_to_end(&mut target)
            .map_err(MediaError::content(path))?;
        Ok(String::from_utf8_lossy(&target).into_owned())
    }

    fn reader(&self, path: &str, member: &Member) -> Result<Box<dyn Read + Send>, MediaError> {
        if let Some(how) = member.encryption {
            let what = format!("`{path}` in the zip archive");
            return Err(MediaError::Locked { what, how });
        }
        let stored = SourceReader::new(Arc::new(self.part(member)));
        let inflated: Box<dyn Read + Send> = match member.method {
            METHOD_STORED => Box::new(stored),
            METHOD_DEFLATED => Box::new(flate2::read::DeflateDecoder::new(stored)),
            METHOD_DEFLATED_64 => Box::new(deflate64::Deflate64Decoder::new(stored)),
            METHOD_BZIP2 => Codec::Bzip2.reader(Box::new(stored)),
            METHOD_LZMA => match lzma::zip_member(stored, member.len) {
                Ok(reader) => Box::new(reader),
                Err(error) => Box::new(Failed::new(error)),
            },
            METHOD_ZSTD => Box::new(ZstdReader::new(stored, LARGEST_WINDOW)),
            METHOD_XZ => Codec::Xz.reader(Box::new(stored)),
            other => {
                return Err(MediaError::Parse(ParseError::Unsupported {
                    structure: "zip archive",
                    what: format!("compression method {other} of `{path}`"),
                }));
            }
        };
        Ok(Box::new(Checked::new(inflated, member.len, member.crc32)))
    }

    fn part(&self, member: &Member) -> Part {
        Part::new(Arc::clone(&self.source), member.start, member.stored_len)
    }
}

impl Tree for ZipTree {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        self.index.entry(path).cloned()
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        self.index.children(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, MediaError> {
        let (_, member) = self.index.member(path)?;
        self.reader(path, member)
    }

    /// A stored member is spooled too: only reading it through proves its checksum.
    fn source(&self, path: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
        spool(path, self.open(path)?, &mut self.budget.clone())
    }

    fn has_twins(&self) -> bool {
        true
    }
}

type Reader = BufReader<SourceReader>;

/// Reads the central directory, which ends the file unless something was appended to the archive.
fn directory(source: &Arc<dyn ReadAt>) -> Result<ZipArchive<Reader>, MediaError> {
    // An entry is read in three pieces, of some tens of bytes each.
    let reader = |source| BufReader::with_capacity(READ_LEN, SourceReader::new(source));
    let error = match ZipArchive::new(reader(Arc::clone(source))) {
        Ok(archive) => return Ok(archive),
        Err(error) => error,
    };
    let end = end::find(&**source).map_err(MediaError::content("the zip archive's end"))?;
    match end.filter(|end| *end < source.len()) {
        Some(end) => {
            let archive: Arc<dyn ReadAt> = Arc::new(Part::new(Arc::clone(source), 0, end));
            ZipArchive::new(reader(archive)).map_err(broken)
        }
        None => Err(broken(error)),
    }
}

/// The time in the time zone of whoever made the archive, which is not known: taken as UTC.
fn dos_time(found: &ZipFileEntry<'_>) -> Option<Timestamp> {
    let time = found.last_modified()?;
    let date = NaiveDate::from_ymd_opt(
        i32::from(time.year()),
        u32::from(time.month()),
        u32::from(time.day()),
    )?;
    let time = date.and_hms_opt(
        u32::from(time.hour()),
        u32::from(time.minute()),
        u32::from(time.second()),
    )?;
    Some(Timestamp::from(time.and_utc()))
}

fn broken(error: ZipError) -> MediaError {
    MediaError::Content {
        path: "the zip archive's directory".to_owned(),
        source: match error {
            ZipError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        },
    }
}
