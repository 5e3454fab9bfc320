//! Hashes code page by page, for all directories in one pass.

use wire::{ReadAt, read_up_to};

use super::CodeDirectory;
use crate::{flaw::Flaw, hash::Hasher};

const BLOCK_LEN: u64 = 256 << 10;

/// Whether every page of `code` has the hash that every directory states.
pub(super) fn verify(code: &dyn ReadAt, directories: &[CodeDirectory<'_>]) -> Result<(), Flaw> {
    let mut walks: Vec<Walk<'_, '_>> = directories.iter().map(Walk::new).collect();
    let limit = directories
        .iter()
        .map(|directory| directory.code_limit)
        .max()
        .unwrap_or(0);
    let mut block = vec![0; usize::try_from(BLOCK_LEN.min(limit)).unwrap_or(0)];
    let mut offset = 0;
    while offset < limit {
        let len = read_up_to(code, offset, &mut block).map_err(|error| {
            Flaw::new(
                "unreadable",
                format!("the code cannot be read at byte {offset}: {error}"),
            )
        })?;
        let Some(bytes) = block.get(..len).filter(|bytes| !bytes.is_empty()) else {
            return Err(Flaw::new(
                "code-short",
                format!("the code ends at byte {offset}, before all of it was hashed"),
            ));
        };
        for walk in &mut walks {
            walk.take(offset, bytes)?;
        }
        offset = offset.saturating_add(len as u64);
    }
    walks.into_iter().try_for_each(Walk::finish)
}

/// One directory's way through the code.
struct Walk<'d, 'a> {
    directory: &'d CodeDirectory<'a>,
    hasher: Hasher,
    page: usize,
    /// How many bytes of the page are still to come.
    left: u64,
}

impl<'d, 'a> Walk<'d, 'a> {
    fn new(directory: &'d CodeDirectory<'a>) -> Self {
        let mut walk = Self {
            directory,
            hasher: directory.hash.algorithm().hasher(),
            page: 0,
            left: 0,
        };
        walk.left = walk.page_len();
        walk
    }

    fn page_len(&self) -> u64 {
        self.directory.page_len.unwrap_or(u64::MAX)
    }

    fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Flaw> {
        let wanted = self.directory.code_limit.saturating_sub(offset);
        let mut rest = up_to(bytes, wanted).0;
        while !rest.is_empty() {
            let (now, later) = up_to(rest, self.left);
            self.hasher.update(now);
            self.left = self.left.saturating_sub(now.len() as u64);
            if self.left == 0 {
                self.end_page()?;
            }
            rest = later;
        }
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), Flaw> {
        let fresh = self.directory.hash.algorithm().hasher();
        let digest = std::mem::replace(&mut self.hasher, fresh).finish();
        let hash = self.directory.hash.cut(digest);
        let stated = self.directory.pages().get(self.page);
        if stated.copied() != Some(hash.as_slice()) {
            let (page, of) = (self.page, self.directory.pages().len());
            return Err(Flaw::new(
                "page-hash-wrong",
                format!("page {page} of {of} was altered"),
            ));
        }
        self.page = self.page.saturating_add(1);
        self.left = self.page_len();
        Ok(())
    }

    fn finish(mut self) -> Result<(), Flaw> {
        if self.left != self.page_len() {
            self.end_page()?;
        }
        if self.page == self.directory.pages().len() {
            Ok(())
        } else {
            Err(Flaw::new("code-short", "hashes of pages that do not exist"))
        }
    }
}

fn up_to(bytes: &[u8], len: u64) -> (&[u8], &[u8]) {
    usize::try_from(len)
        .ok()
        .and_then(|len| bytes.split_at_checked(len))
        .unwrap_or((bytes, &[]))
}
