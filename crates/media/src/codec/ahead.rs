//! Reads on while what was read is being used.

use std::{
    io::{self, BufRead, Read},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread::{self, JoinHandle},
};

use wire::fill_with;

const BLOCK: usize = 256 << 10;
/// How many blocks may wait to be used.
const MOST_WAITING: usize = 4;

/// A reader that another thread reads: inflating and writing go on side by side.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    /// An empty block ends them; none when nobody wants them any more.
    blocks: Option<Receiver<io::Result<Vec<u8>>>>,
    used: Sender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
    is_at_end: bool,
    thread: Option<JoinHandle<()>>,
}

impl ReadAhead {
    /// Begins to read `reader`.
    ///
    /// # Errors
    /// If there can be no other thread.
    pub(crate) fn new(reader: Box<dyn Read + Send>) -> io::Result<Self> {
        let (blocks, filled) = sync_channel(MOST_WAITING);
        let (used, empty) = channel();
        let thread = thread::Builder::new()
            .name("read ahead".to_owned())
            .spawn(move || read_on(reader, &blocks, &empty))?;
        Ok(Self {
            blocks: Some(filled),
            used,
            block: Vec::new(),
            at: 0,
            is_at_end: false,
            thread: Some(thread),
        })
    }

    fn next_block(&mut self) -> io::Result<()> {
        // Where it is not wanted back, there is nothing more to be read.
        let used = std::mem::take(&mut self.block);
        self.used.send(used).unwrap_or_default();
        let next = self.blocks.as_ref().and_then(|blocks| blocks.recv().ok());
        self.block = next.ok_or_else(|| io::Error::other("the reader failed before"))??;
        self.at = 0;
        self.is_at_end = self.block.is_empty();
        Ok(())
    }
}

/// Reads blocks until nobody takes them, or there are no more.
fn read_on(
    mut reader: Box<dyn Read + Send>,
    blocks: &SyncSender<io::Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
) {
    loop {
        let mut block = empty.try_recv().unwrap_or_default();
        block.resize(BLOCK, 0);
        let read = fill_with(&mut block, |_, rest| reader.read(rest));
        let is_last = !matches!(read, Ok(1..));
        let read = read.map(|len| {
            block.truncate(len);
            block
        });
        if blocks.send(read).is_err() || is_last {
            return;
        }
    }
}

impl BufRead for ReadAhead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.block.len() && !self.is_at_end {
            self.next_block()?;
        }
        Ok(self.block.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, len: usize) {
        self.at = self.at.saturating_add(len);
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl Drop for ReadAhead {
    /// Waits for the thread, so that what it reads is closed.
    fn drop(&mut self) {
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_there_is_and_then_the_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::InvalidData.into())
            }
        }
        let contents: Vec<u8> = (0..=250).cycle().take(3 * BLOCK + 7).collect();
        let mut all = Vec::new();
        let reader = Box::new(io::Cursor::new(contents.clone()));
        let mut ahead = ReadAhead::new(reader).unwrap();
        ahead.read_to_end(&mut all).unwrap();
        assert_eq!(all, contents);
        assert_eq!(ahead.read(&mut [0]).unwrap(), 0);

        let reader = io::Cursor::new(contents).chain(Broken);
        let mut ahead = ReadAhead::new(Box::new(reader)).unwrap();
        let error = ahead.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(ahead.read(&mut [0]).is_err());
    }

    #[test]
    fn a_thread_that_falls_is_no_end() {
        struct Falls;
        impl Read for Falls {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("as it is meant to")
            }
        }
        let mut ahead = ReadAhead::new(Box::new(Falls)).unwrap();
        assert!(ahead.read(&mut [0]).is_err());
    }

    #[test]
    fn may_be_left_before_the_end() {
        let mut ahead = ReadAhead::new(Box::new(io::repeat(1))).unwrap();
        assert_eq!(ahead.read(&mut [0; 3]).unwrap(), 3);
    }
}
