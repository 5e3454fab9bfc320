//! The bytes of sealed files, compared with what is sealed of them.

use std::{io::Read, mem, ops::Range};

use media::Tree;

use crate::{
    flaw::Flaw,
    hash::{Algorithm, Hasher},
    lanes::{self, BLOCK_LEN, Block, Lane},
    turns::{Turns, in_turn},
};

/// How much of a file is read at a time.
const READ_LEN: usize = 128 << 10;

/// The longest file that a thread takes in hand beside another one, where a second thread might take it instead.
const LONGEST_BESIDE: u64 = 1 << 20;

/// A file that is there, and the hashes that its bytes ought to have.
#[derive(Debug)]
pub(super) struct SealedFile<'a> {
    /// Relative to the sealed folder.
    pub(super) relative: String,
    pub(super) path: String,
    pub(super) len_bytes: u64,
    pub(super) sha1: Option<&'a [u8]>,
    pub(super) sha256: Option<&'a [u8]>,
}

/// What a thread asks for, and gets.
struct Wish<'a> {
    longest: u64,
    file: Option<&'a SealedFile<'a>>,
}

/// Compares the bytes of `files` with what is sealed of them, in several threads, and in each of them two files side by
/// side.
pub(super) fn compare_files<'a>(
    tree: &'a dyn Tree,
    files: &'a [SealedFile<'a>],
) -> Result<(), Flaw> {
    let mut rest = files.iter().peekable();
    let next = |wish: &mut Wish<'a>| {
        wish.file = rest.next_if(|file| file.len_bytes <= wish.longest);
        Ok(wish.file.is_some())
    };
    in_turn(files.len(), next, |turns| compare_in_turn(tree, turns))
}

fn compare_in_turn<'a, N>(tree: &'a dyn Tree, turns: &Turns<'_, N>)
where
    N: FnMut(&mut Wish<'a>) -> Result<bool, Flaw>,
{
    let longest_beside = if turns.are_shared() {
        LONGEST_BESIDE
    } else {
        u64::MAX
    };
    let (mut one, mut beside) = (Seat::new(u64::MAX), Seat::new(longest_beside));
    loop {
        one.prepare(tree, turns);
        beside.prepare(tree, turns);
        let blocks = match (one.blocks(), beside.blocks()) {
            (0, 0) => return,
            (0, blocks) | (blocks, 0) => blocks,
            (blocks, others) => blocks.min(others),
        };
        lanes::take(one.next(blocks), beside.next(blocks));
    }
}

/// Where a file is read and hashed, and after it another one.
struct Seat<'a> {
    longest: u64,
    reading: Option<Reading<'a>>,
    lane: Lane,
    room: Vec<u8>,
    /// Which bytes in the room were read and not hashed so far.
    waiting: Range<usize>,
}

/// A file that is read.
struct Reading<'a> {
    number: usize,
    file: &'a SealedFile<'a>,
    reader: Box<dyn Read + Send + 'a>,
    is_at_end: bool,
    sha1: Option<Hasher>,
}

impl<'a> Seat<'a> {
    fn new(longest: u64) -> Self {
        Self {
            longest,
            reading: None,
            lane: Lane::new(),
            room: vec![0; READ_LEN],
            waiting: 0..0,
        }
    }

    /// How many blocks are waiting.
    fn blocks(&self) -> usize {
        self.waiting.len() / BLOCK_LEN
    }

    /// The next blocks, at most so many, and where they belong.
    fn next(&mut self, most: usize) -> (&mut Lane, &[Block]) {
        let waiting = self.room.get(self.waiting.clone()).unwrap_or_default();
        let (blocks, _) = waiting.as_chunks();
        let blocks = blocks.get(..most).unwrap_or(blocks);
        let taken = blocks.as_flattened().len();
        self.waiting.start = self.waiting.start.saturating_add(taken);
        (&mut self.lane, blocks)
    }

    /// Sees to it that blocks are waiting: of the file that is here, or of the next one that can be had.
    fn prepare<N>(&mut self, tree: &'a dyn Tree, turns: &Turns<'_, N>)
    where
        N: FnMut(&mut Wish<'a>) -> Result<bool, Flaw>,
    {
        while self.blocks() == 0 {
            let reading = self.reading.take();
            let Some(reading) = reading.or_else(|| Reading::next(self.longest, tree, turns)) else {
                return;
            };
            let number = reading.number;
            match self.go_on(reading) {
                Ok(reading) => self.reading = reading,
                Err(flaw) => turns.found(number, flaw),
            }
        }
    }

    /// Reads on, or, where everything was read, finds out whether it is what was sealed.
    fn go_on(&mut self, mut reading: Reading<'a>) -> Result<Option<Reading<'a>>, Flaw> {
        if reading.is_at_end {
            let waiting = mem::take(&mut self.waiting);
            let rest = self.room.get(waiting).unwrap_or_default();
            let sha256 = mem::replace(&mut self.lane, Lane::new()).finish(rest);
            return reading.finish(&sha256).map(|()| None);
        }
        self.room.copy_within(self.waiting.clone(), 0);
        self.waiting = 0..self.waiting.len();
        let free = self.room.get_mut(self.waiting.end..).unwrap_or_default();
        let read = reading.read(free)?;
        self.waiting.end = self.waiting.end.saturating_add(read);
        Ok(Some(reading))
    }
}

impl<'a> Reading<'a> {
    /// The next file that is no longer than that, opened.
    fn next<N>(longest: u64, tree: &'a dyn Tree, turns: &Turns<'_, N>) -> Option<Self>
    where
        N: FnMut(&mut Wish<'a>) -> Result<bool, Flaw>,
    {
        let file = None;
        let mut wish = Wish { longest, file };
        let number = turns.next(&mut wish)?;
        let file = wish.file?;
        match tree.open(&file.path) {
            Ok(reader) => Some(Self {
                number,
                file,
                reader,
                is_at_end: false,
                sha1: file.sha1.map(|_| Algorithm::Sha1.hasher()),
            }),
            Err(error) => {
                turns.found(number, Flaw::of_error("unreadable", &error));
                None
            }
        }
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize, Flaw> {
        let read = wire::fill_with(room, |_, room| self.reader.read(room));
        let read = read.map_err(|error| {
            let path = &self.file.path;
            Flaw::new("unreadable", format!("`{path}`: {error}"))
        })?;
        self.is_at_end = read < room.len();
        if let Some(hasher) = &mut self.sha1 {
            hasher.update(room.get(..read).unwrap_or_default());
        }
        Ok(read)
    }

    fn finish(self, sha256: &[u8]) -> Result<(), Flaw> {
        let sha1 = self.sha1.map(Hasher::finish);
        let is_same = self.file.sha1 == sha1.as_deref()
            && self.file.sha256.is_none_or(|sealed| sealed == sha256);
        if is_same {
            Ok(())
        } else {
            Err(altered(&self.file.relative))
        }
    }
}

/// What is wrong with a file that is not what was sealed.
pub(super) fn altered(relative: &str) -> Flaw {
    Flaw::new("resource-altered", format!("`{relative}` was altered"))
}

#[cfg(test)]
mod tests {
    use media::HostTree;
    use tempfile::TempDir;

    use super::*;

    /// Shorter than a block of SHA-256, than what is read at a time, and longer; two that lie beside each other differ.
    const LENGTHS: [usize; 12] = [
        0,
        READ_LEN + 1,
        1,
        63,
        3 * READ_LEN,
        64,
        65,
        READ_LEN - 1,
        READ_LEN,
        1000,
        (1 << 20) + 1,
        2 * READ_LEN + 63,
    ];

    /// Files of these lengths, the hashes that they ought to have, and what comes of comparing them.
    struct Sample {
        folder: TempDir,
        hashes: Vec<[Vec<u8>; 2]>,
    }

    impl Sample {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let hashes = LENGTHS.iter().enumerate().map(|(number, len)| {
                let bytes: Vec<u8> = (0..=250).cycle().skip(number).take(*len).collect();
                std::fs::write(folder.path().join(number.to_string()), &bytes).unwrap();
                [Algorithm::Sha1, Algorithm::Sha256].map(|algorithm| algorithm.digest(&bytes))
            });
            let hashes = hashes.collect();
            Self { folder, hashes }
        }

        fn compare(&self) -> Result<(), Flaw> {
            let tree = HostTree::new(self.folder.path()).unwrap();
            let files = self.hashes.iter().zip(LENGTHS).enumerate();
            let files = files.map(|(number, ([sha1, sha256], len))| SealedFile {
                relative: number.to_string(),
                path: number.to_string(),
                len_bytes: len as u64,
                sha1: (number % 3 != 0).then_some(sha1),
                sha256: (number % 3 != 1).then_some(sha256),
            });
            compare_files(&tree, &files.collect::<Vec<_>>())
        }
    }

    #[test]
    fn files_of_every_length_are_compared_to_their_last_byte() {
        let sample = Sample::new();
        assert_eq!(sample.compare(), Ok(()));
        for (number, len) in LENGTHS.iter().enumerate().skip(1) {
            let path = sample.folder.path().join(number.to_string());
            let bytes = std::fs::read(&path).unwrap();
            let mut other = bytes.clone();
            other[len - 1] ^= 1;
            for other in [&other, &bytes[..len - 1], &[&bytes[..], &[0]].concat()] {
                std::fs::write(&path, other).unwrap();
                assert_eq!(sample.compare(), Err(altered(&number.to_string())));
            }
            std::fs::write(&path, bytes).unwrap();
        }
        assert_eq!(sample.compare(), Ok(()));
    }

    #[test]
    fn of_several_altered_files_the_first_is_named_and_what_is_missing_is_told() {
        let mut sample = Sample::new();
        for number in [9, 4, 10] {
            sample.hashes[number] = [vec![0; 20], vec![0; 32]];
        }
        assert_eq!(sample.compare(), Err(altered("4")));
        std::fs::remove_file(sample.folder.path().join("2")).unwrap();
        assert_eq!(sample.compare().unwrap_err().code, "unreadable");
    }
}
