//! Hashes code page by page, for all directories in one pass. That a directory has as many hashes as its length of code
//! needs was seen to when it was read.

use wire::{ReadAt, read_up_to};

use super::CodeDirectory;
use crate::{
    flaw::Flaw,
    hash::{Algorithm, Hasher},
    lanes,
    turns::each_in_turn,
};

/// How much code is read at a time: a whole number of pages of every directory, whose lengths are powers of two and at
/// most 16 MiB.
const BLOCK_LEN: u64 = 256 << 10;

/// Whether every page of `code` has the hash that every directory states.
pub(super) fn verify(code: &dyn ReadAt, directories: &[CodeDirectory<'_>]) -> Result<(), Flaw> {
    let (whole, paged): (Vec<_>, Vec<_>) = directories
        .iter()
        .partition(|directory| directory.page_len.is_none());
    verify_pages(code, &paged)?;
    verify_whole(code, &whole)
}

/// A part of the code.
#[derive(Debug, Default)]
struct Block {
    offset: u64,
    bytes: Vec<u8>,
}

/// Reads code from front to back.
struct Reader<'c> {
    code: &'c dyn ReadAt,
    offset: u64,
    limit: u64,
    block_len: u64,
}

impl<'c> Reader<'c> {
    fn new(code: &'c dyn ReadAt, directories: &[&CodeDirectory<'_>]) -> Self {
        let limits = directories.iter().map(|directory| directory.code_limit);
        let page_lens = directories
            .iter()
            .filter_map(|directory| directory.page_len);
        Self {
            code,
            offset: 0,
            limit: limits.max().unwrap_or(0),
            block_len: page_lens.fold(BLOCK_LEN, u64::max),
        }
    }

    /// Reads the next block; `false` at the end.
    fn next(&mut self, block: &mut Block) -> Result<bool, Flaw> {
        let offset = self.offset;
        let wanted = self.limit.saturating_sub(offset).min(self.block_len);
        if wanted == 0 {
            return Ok(false);
        }
        block.offset = offset;
        block
            .bytes
            .resize(usize::try_from(wanted).unwrap_or(usize::MAX), 0);
        let read = read_up_to(self.code, offset, &mut block.bytes).map_err(|error| {
            Flaw::new(
                "unreadable",
                format!("the code cannot be read at byte {offset}: {error}"),
            )
        })?;
        if read < block.bytes.len() {
            let end = offset.saturating_add(read as u64);
            return Err(Flaw::new(
                "code-short",
                format!("the code ends at byte {end}, before all of it was hashed"),
            ));
        }
        self.offset = offset.saturating_add(wanted);
        Ok(true)
    }
}

/// For directories that hash the code in pages.
fn verify_pages(code: &dyn ReadAt, directories: &[&CodeDirectory<'_>]) -> Result<(), Flaw> {
    let mut reader = Reader::new(code, directories);
    let blocks = reader.limit.div_ceil(reader.block_len);
    each_in_turn(
        usize::try_from(blocks).unwrap_or(usize::MAX),
        |block| reader.next(block),
        |block: &mut Block| {
            let mut directories = directories.iter();
            directories.try_for_each(|directory| verify_block(block, directory))
        },
    )
}

/// Compares the pages that lie in `block`.
fn verify_block(block: &Block, directory: &CodeDirectory<'_>) -> Result<(), Flaw> {
    let page_len = directory.page_len.unwrap_or(u64::MAX);
    let wanted = directory.code_limit.saturating_sub(block.offset);
    let code = up_to(&block.bytes, wanted);
    let first = block.offset.checked_div(page_len).unwrap_or(0);
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let page_len = usize::try_from(page_len).unwrap_or(usize::MAX);
    let mut pages = (first..).zip(code.chunks(page_len.max(1)));
    let algorithm = directory.hash.algorithm();
    while let Some((number, page)) = pages.next() {
        let next = match algorithm {
            Algorithm::Sha256 => pages.next(),
            _ => None,
        };
        let Some((next_number, next)) = next else {
            compare(directory, number, &algorithm.digest(page))?;
            continue;
        };
        let [digest, next_digest] = lanes::digests(page, next);
        compare(directory, number, &digest)?;
        compare(directory, next_number, &next_digest)?;
    }
    Ok(())
}

/// For directories that know one hash of all the code, as those of disk images do.
fn verify_whole(code: &dyn ReadAt, directories: &[&CodeDirectory<'_>]) -> Result<(), Flaw> {
    let mut hashers: Vec<Hasher> = directories
        .iter()
        .map(|directory| directory.hash.algorithm().hasher())
        .collect();
    let mut reader = Reader::new(code, directories);
    let mut block = Block::default();
    while reader.next(&mut block)? {
        for (directory, hasher) in directories.iter().zip(&mut hashers) {
            let wanted = directory.code_limit.saturating_sub(block.offset);
            hasher.update(up_to(&block.bytes, wanted));
        }
    }
    for (directory, hasher) in directories.iter().zip(hashers) {
        if directory.code_limit > 0 {
            compare(directory, 0, &hasher.finish())?;
        }
    }
    Ok(())
}

fn compare(directory: &CodeDirectory<'_>, page: usize, digest: &[u8]) -> Result<(), Flaw> {
    let stated = directory.pages().get(page);
    if stated.copied() == Some(directory.hash.cut(digest)) {
        return Ok(());
    }
    let of = directory.pages().len();
    Err(Flaw::new(
        "page-hash-wrong",
        format!("page {page} of {of} was altered"),
    ))
}

/// The first `len` bytes; all, where there are no more.
fn up_to(bytes: &[u8], len: u64) -> &[u8] {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    bytes.get(..len).unwrap_or(bytes)
}
