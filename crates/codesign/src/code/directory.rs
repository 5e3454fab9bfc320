//! The code directory: a hash of everything that the signature vouches for.

use wire::{Cursor, ParseError};

use super::super_blob::CODE_DIRECTORY;
use crate::hash::Algorithm;

const SUPPORTS_SCATTER: u32 = 0x2_0100;
const SUPPORTS_TEAM_ID: u32 = 0x2_0200;
const SUPPORTS_LONG_LIMIT: u32 = 0x2_0300;
const MAX_SPECIAL: u64 = 64;
const EARLIEST: u32 = 0x2_0001;
/// A higher major number would mean a layout that is not understood.
const NEXT_MAJOR: u32 = 0x3_0000;

/// A code directory (`CS_CodeDirectory` in `cs_blobs.h`).
#[derive(Clone, Debug)]
pub(crate) struct CodeDirectory<'a> {
    whole: &'a [u8],
    pub(crate) flags: u32,
    pub(crate) identifier: String,
    pub(crate) team_id: Option<String>,
    pub(crate) hash: HashKind,
    pub(crate) platform: u8,
    /// How many bytes of the code are hashed, from its start.
    pub(crate) code_limit: u64,
    /// How many bytes a page has; nothing if all of the code is one page.
    pub(crate) page_len: Option<u64>,
    special: Vec<&'a [u8]>,
    pages: Vec<&'a [u8]>,
}

/// How the hashes in a directory were made (`CS_HASHTYPE_…`).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum HashKind {
    // By strength, weakest first.
    Sha1,
    Sha256Truncated,
    Sha256,
    Sha384,
}

impl HashKind {
    /// How many bytes a hash has.
    pub(crate) const fn len(self) -> u8 {
        match self {
            Self::Sha1 | Self::Sha256Truncated => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// The algorithm behind it.
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha1 => Algorithm::Sha1,
            Self::Sha256Truncated | Self::Sha256 => Algorithm::Sha256,
            Self::Sha384 => Algorithm::Sha384,
        }
    }

    /// Its name, as `codesign --display` prints it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha256Truncated => "sha256-truncated",
            Self::Sha384 => "sha384",
        }
    }

    /// The number by which directories and notarization tickets name it.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 2,
            Self::Sha256Truncated => 3,
            Self::Sha384 => 4,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [
            Self::Sha1,
            Self::Sha256,
            Self::Sha256Truncated,
            Self::Sha384,
        ]
        .into_iter()
        .find(|kind| kind.number() == number)
    }

    /// The hash of `bytes`.
    pub(crate) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut digest = self.algorithm().digest(bytes);
        digest.truncate(usize::from(self.len()));
        digest
    }

    /// The full `digest` as directories of this kind store it.
    pub(crate) fn cut(self, digest: &[u8]) -> &[u8] {
        digest.get(..usize::from(self.len())).unwrap_or(digest)
    }
}

impl<'a> CodeDirectory<'a> {
    /// Reads a directory with its header.
    pub(crate) fn parse(whole: &'a [u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("code directory", whole);
        cursor.magic(CODE_DIRECTORY)?;
        cursor.skip(4)?; // the length, by which `whole` was cut out
        let version = cursor.u32_be()?;
        if !(EARLIEST..NEXT_MAJOR).contains(&version) {
            return Err(cursor.unsupported(format!("version {version:#x}")));
        }
        let flags = cursor.u32_be()?;
        let hashes_at = u64::from(cursor.u32_be()?);
        let identifier_at = u64::from(cursor.u32_be()?);
        let special_count = u64::from(cursor.u32_be()?);
        let page_count = u64::from(cursor.u32_be()?);
        let short_limit = u64::from(cursor.u32_be()?);
        let hash_len = cursor.u8()?;
        let kind = cursor.u8()?;
        let Some(hash) = HashKind::from_number(kind) else {
            return Err(cursor.unsupported(format!("the kind of hash {kind}")));
        };
        if hash_len != hash.len() {
            return Err(cursor.invalid("a length of hashes that does not fit their kind"));
        }
        let platform = cursor.u8()?;
        let page_shift = cursor.u8()?;
        cursor.skip(4)?; // spare
        let tail = Tail::read(&mut cursor, version)?;
        let page_len = match page_shift {
            0 => None,
            9..=24 => Some(1_u64 << page_shift),
            _ => return Err(cursor.unsupported(format!("pages of 2^{page_shift} bytes"))),
        };
        let (special, pages) = hashes(whole, (hashes_at, hash_len), special_count, page_count)?;
        let directory = Self {
            whole,
            flags,
            identifier: text_at(whole, identifier_at)?,
            team_id: tail.team_at.map(|at| text_at(whole, at)).transpose()?,
            hash,
            platform,
            code_limit: tail.long_limit.unwrap_or(short_limit),
            page_len,
            special,
            pages,
        };
        if directory.pages_needed() != page_count {
            return Err(
                cursor.invalid("a number of pages that does not fit the length of the code")
            );
        }
        Ok(directory)
    }

    /// All its bytes.
    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.whole
    }

    /// The hash of all its bytes.
    pub(crate) fn own_hash(&self) -> Vec<u8> {
        self.hash.of(self.whole)
    }

    /// The first 20 bytes of its hash, by which the code is known.
    pub(crate) fn cdhash(&self) -> Vec<u8> {
        let mut hash = self.own_hash();
        hash.truncate(20);
        hash
    }

    /// The hash for the special slot `number`, from 1; nothing if there is none, or it is zero.
    pub(crate) fn special(&self, number: u32) -> Option<&'a [u8]> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        let hash = self.special.get(index)?;
        hash.iter().any(|byte| *byte != 0).then_some(*hash)
    }

    /// How many special slots there are, filled or not.
    pub(crate) fn special_count(&self) -> u32 {
        u32::try_from(self.special.len()).unwrap_or(u32::MAX)
    }

    /// The hashes of the pages in order.
    pub(crate) fn pages(&self) -> &[&'a [u8]] {
        &self.pages
    }

    const fn pages_needed(&self) -> u64 {
        match self.page_len {
            Some(len) => self.code_limit.div_ceil(len),
            None if self.code_limit == 0 => 0,
            None => 1,
        }
    }
}

struct Tail {
    team_at: Option<u64>,
    long_limit: Option<u64>,
}

impl Tail {
    fn read(cursor: &mut Cursor<'_>, version: u32) -> Result<Self, ParseError> {
        let mut tail = Self {
            team_at: None,
            long_limit: None,
        };
        if version >= SUPPORTS_SCATTER && cursor.u32_be()? != 0 {
            return Err(cursor.unsupported("code that is scattered"));
        }
        if version >= SUPPORTS_TEAM_ID {
            tail.team_at = Some(u64::from(cursor.u32_be()?)).filter(|at| *at != 0);
        }
        if version >= SUPPORTS_LONG_LIMIT {
            cursor.skip(4)?; // spare
            tail.long_limit = Some(cursor.u64_be()?).filter(|limit| *limit != 0);
        }
        Ok(tail)
    }
}

fn text_at(whole: &[u8], at: u64) -> Result<String, ParseError> {
    let mut cursor = Cursor::new("code directory", whole);
    cursor.skip(at)?;
    let text = cursor.c_string()?;
    if text.is_empty() || text.contains(|c: char| c.is_control() || c == '\u{fffd}') {
        Err(cursor.invalid("a name that is empty or not text"))
    } else {
        Ok(text)
    }
}

type Hashes<'a> = (Vec<&'a [u8]>, Vec<&'a [u8]>);

/// The special hashes, number 1 first, which lie before `start` from high to low; and those of the pages after it.
fn hashes(
    whole: &[u8],
    (start, len): (u64, u8),
    special: u64,
    pages: u64,
) -> Result<Hashes<'_>, ParseError> {
    let mut cursor = Cursor::new("code directory", whole);
    let len = u64::from(len);
    if special > MAX_SPECIAL {
        return Err(cursor.invalid("too many special hashes"));
    }
    let before = special.saturating_mul(len);
    let Some(first) = start.checked_sub(before) else {
        return Err(cursor.invalid("special hashes that begin before the directory"));
    };
    cursor.skip(first)?;
    let mut special_hashes = Vec::new();
    for _ in 0..special {
        special_hashes.push(cursor.take(len)?);
    }
    special_hashes.reverse();
    let mut page_hashes = Vec::new();
    for _ in 0..pages {
        page_hashes.push(cursor.take(len)?);
    }
    Ok((special_hashes, page_hashes))
}
