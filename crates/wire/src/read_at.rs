//! Sources of bytes that are read by offset, without a hidden position.

use std::{fmt, fs::File, io, path::Path, sync::Arc};

/// Bytes that can be read anywhere, by many at once.
pub trait ReadAt: fmt::Debug + Send + Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Reads into `buffer` from `offset` on; fewer bytes than asked for only at the end, 0 beyond it.
    ///
    /// # Errors
    /// If the source cannot be read, or is found to be broken there.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Says that `len` bytes from `offset` on will be read soon, one after the other: a source for which that is work may
    /// begin with it. By default nothing is done.
    fn expect(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..))
            .unwrap_or(&[]);
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }
}

/// A file of the host.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens the file at `path`, which must be a regular one.
    ///
    /// # Errors
    /// If it cannot be opened or is something else.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(File::open(path)?)
    }

    /// An open file, which must be a regular one.
    ///
    /// # Errors
    /// If it is something else.
    pub fn of(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        Ok(Self {
            file,
            len: metadata.len(),
        })
    }
}

impl ReadAt for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt as _;

        fill_with(buffer, |done, rest| {
            self.file.read_at(rest, offset.saturating_add(done))
        })
    }
}

/// A stretch of another source, as a source of its own.
#[derive(Clone, Debug)]
pub struct Part {
    source: Arc<dyn ReadAt>,
    start: u64,
    len: u64,
}

impl Part {
    /// The `len` bytes of `source` from `start` on; fewer if it ends before.
    pub fn new(source: Arc<dyn ReadAt>, start: u64, len: u64) -> Self {
        let len = len.min(source.len().saturating_sub(start));
        Self { source, start, len }
    }
}

impl ReadAt for Part {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = left.min(buffer.len());
        match (buffer.get_mut(..len), self.start.checked_add(offset)) {
            (Some(buffer), Some(offset)) if len > 0 => self.source.read_at(offset, buffer),
            _ => Ok(0),
        }
    }

    fn expect(&self, offset: u64, len: u64) {
        let len = len.min(self.len.saturating_sub(offset));
        self.source.expect(self.start.saturating_add(offset), len);
    }
}

/// Reads a source from front to back.
#[derive(Clone, Debug)]
pub struct SourceReader {
    source: Arc<dyn ReadAt>,
    offset: u64,
}

impl SourceReader {
    /// A reader at the start of `source`.
    pub const fn new(source: Arc<dyn ReadAt>) -> Self {
        Self { source, offset: 0 }
    }
}

impl io::Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read_at(self.offset, buffer)?;
        self.offset = self.offset.saturating_add(len as u64);
        Ok(len)
    }
}

impl io::Seek for SourceReader {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let target = match to {
            io::SeekFrom::Start(offset) => Some(offset),
            io::SeekFrom::Current(by) => self.offset.checked_add_signed(by),
            io::SeekFrom::End(by) => self.source.len().checked_add_signed(by),
        };
        self.offset = target.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a position before the start")
        })?;
        Ok(self.offset)
    }
}

/// Fills `buffer` from `offset` on as far as the source goes, and says how far that was.
///
/// # Errors
/// If the source cannot be read.
pub fn read_up_to(source: &dyn ReadAt, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    fill_with(buffer, |done, rest| {
        source.read_at(offset.saturating_add(done), rest)
    })
}

/// The `len` bytes from `offset` on, grown as they are read: `len` may be a lie.
///
/// # Errors
/// `UnexpectedEof` if the source ends before; its own error if it cannot be read.
pub fn read_vec(source: &dyn ReadAt, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    if source
        .len()
        .checked_sub(offset)
        .is_none_or(|left| left < len)
    {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let len =
        usize::try_from(len).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut bytes = vec![0; len];
    let read = read_up_to(source, offset, &mut bytes)?;
    if read < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// Fills `buffer` by as many calls of `read` as it takes, and says how many bytes that were: fewer only if `read` gave
/// none. `read` is told how many bytes there are already, and what is left of the buffer.
///
/// # Errors
/// The first one of `read` other than an interruption.
pub fn fill_with(
    buffer: &mut [u8],
    mut read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0_usize;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match read(done as u64, rest) {
            Ok(0) => break,
            Ok(len) => done = done.saturating_add(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::*;

    #[test]
    fn a_part_stays_inside() {
        let whole: Arc<dyn ReadAt> = Arc::new(b"abcdef".to_vec());
        let part = Part::new(Arc::clone(&whole), 2, 3);
        assert_eq!(read_vec(&part, 0, 3).unwrap(), b"cde");
        assert!(read_vec(&part, 1, 3).is_err());
        assert_eq!(Part::new(Arc::clone(&whole), 4, 100).len(), 2);
        assert_eq!(Part::new(whole, u64::MAX, 1).len(), 0);
    }

    #[test]
    fn a_lie_about_the_length_costs_nothing() {
        assert!(read_vec(&vec![0_u8; 4], 0, u64::MAX).is_err());
    }

    #[test]
    fn reads_and_seeks_as_files_do() {
        let mut reader = SourceReader::new(Arc::new(b"abcdef".to_vec()));
        reader.seek(io::SeekFrom::End(-2)).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ef");
        assert!(reader.seek(io::SeekFrom::Current(-7)).is_err());
    }
}
