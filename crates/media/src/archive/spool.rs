//! Inflates what can only be read from front to back, so that it can be read anywhere.

use std::{
    fs::File,
    io::{self, Read, Write as _},
    sync::Arc,
};

use wire::{Budget, ReadAt, read_up_to};

use crate::MediaError;

/// What is spooled in memory; more goes to an unnamed temporary file.
const IN_MEMORY: usize = 1 << 20;

/// Reads `reader` to its end, into memory if it is small and into an unnamed temporary file otherwise.
///
/// # Errors
/// If it cannot be read, `budget` has too few bytes left, or there is no room.
pub(crate) fn spool(
    what: &str,
    mut reader: impl Read,
    budget: &mut Budget,
) -> Result<Arc<dyn ReadAt>, MediaError> {
    let mut start = Vec::new();
    (&mut reader)
        .take(IN_MEMORY as u64)
        .read_to_end(&mut start)
        .map_err(MediaError::content(what))?;
    budget.spend_bytes(start.len() as u64)?;
    if start.len() < IN_MEMORY {
        return Ok(Arc::new(start));
    }
    let spool_error = MediaError::content("the temporary file");
    let mut file = tempfile::tempfile().map_err(&spool_error)?;
    file.write_all(&start).map_err(&spool_error)?;
    let mut len = start.len() as u64;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(MediaError::content(what)(error)),
        };
        budget.spend_bytes(read as u64)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        file.write_all(bytes).map_err(&spool_error)?;
        len = len.saturating_add(read as u64);
    }
    Ok(Arc::new(Spool { file, len }))
}

/// An unnamed temporary file.
#[derive(Debug)]
struct Spool {
    file: File,
    len: u64,
}

impl ReadAt for Spool {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt as _;

        self.file.read_at(buffer, offset)
    }
}

/// The first `N` bytes from `offset` on, with zeros for what is missing.
pub(crate) fn peek<const N: usize>(source: &dyn ReadAt, offset: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    read_up_to(source, offset, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_contents_come_out_as_they_went_in() {
        for len in [0, 10, IN_MEMORY - 1, IN_MEMORY, IN_MEMORY + 300_000] {
            let contents: Vec<u8> = (0..=250).cycle().take(len).collect();
            let mut budget = Budget::new("spool", 4 << 20, 1, 1);
            let source = spool("x", contents.as_slice(), &mut budget).unwrap();
            assert_eq!(source.len(), len as u64);
            assert_eq!(wire::read_vec(&*source, 0, len as u64).unwrap(), contents);
        }
    }

    #[test]
    fn a_bomb_is_stopped() {
        let mut budget = Budget::new("spool", 3 << 20, 1, 1);
        assert!(spool("x", io::repeat(0), &mut budget).is_err());
    }
}
