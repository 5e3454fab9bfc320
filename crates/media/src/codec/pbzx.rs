//! pbzx and its kin: a stream cut into chunks, each compressed where that makes it smaller.
//!
//! Payloads of flat packages that are made for OS X 10.10 and later only are pbzx, whose chunks are xz; Apple archives
//! are of any kind, which the last byte of the magic names. After the magic comes a chunk length
//! `u64`; then chunks, each `u64` inflated length, `u64` stored length, contents. Numbers are big-endian. A chunk
//! whose lengths are equal is stored as it is.
//!
//! Chunks know nothing of each other, so the next ones are inflated by other threads while one is being read.
//!
//! Source: inferred from packages; the chunk's first number is what others call flags, whose bit 24 means that more
//! follows where chunks are 16 MiB long. It is the inflated length.

use std::{
    collections::VecDeque,
    io::{self, Read},
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use flate2::read::{DeflateDecoder, ZlibDecoder};
use lzfse_rust::LzfseRingDecoder;

use super::{read_chunk, xz};

/// How the chunks of a stream are compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Algorithm {
    Lzfse,
    Stored,
    Xz,
    /// Deflate, with or without zlib's head.
    Zlib,
}

/// Whether a stream begins like this, with a compression that is known.
pub(crate) fn is_stream(start: &[u8]) -> bool {
    start
        .first_chunk()
        .is_some_and(|start| algorithm(*start).is_some())
}

const fn algorithm(magic: [u8; 4]) -> Option<Algorithm> {
    match &magic {
        b"pbze" => Some(Algorithm::Lzfse),
        b"pbz-" => Some(Algorithm::Stored),
        b"pbzx" => Some(Algorithm::Xz),
        b"pbzz" => Some(Algorithm::Zlib),
        _ => None,
    }
}

/// Longest chunk, stored or inflated: Apple's are 16 MiB.
const LONGEST_CHUNK: u64 = 256 << 20;

/// Most chunks that are inflated at a time, by as many threads.
const MOST_AHEAD: usize = 4;

/// Shortest chunk for which a thread is worth while.
const WORTH_A_THREAD: u64 = 256 << 10;

/// Most bytes, stored and inflated, of the chunks that are inflated at a time, but for a single one that has more.
const MOST_IN_MEMORY: u64 = 96 << 20;

/// What a stored chunk that is compressed begins with.
const XZ_MAGIC: [u8; 6] = *b"\xfd7zXZ\0";

/// Inflates a stream chunk by chunk.
#[derive(Debug)]
pub(crate) struct PbzxReader<R> {
    inner: R,
    /// None until the stream has begun.
    algorithm: Option<Algorithm>,
    has_chunks: bool,
    chunk: io::Cursor<Vec<u8>>,
    /// How many chunks are inflated at a time.
    depth: usize,
    /// The chunks after this one, in their order.
    next: VecDeque<Chunk>,
    /// What was found when the chunk after those was read.
    end: Option<io::Result<()>>,
    /// The error that ended the reading: nothing can be read after it.
    failed: Option<(io::ErrorKind, String)>,
}

/// A chunk on its way.
#[derive(Debug)]
struct Chunk {
    /// Stored and inflated, in bytes.
    memory: u64,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Here(io::Result<Vec<u8>>),
    Elsewhere(Inflating),
}

/// What another thread inflates.
#[derive(Debug)]
struct Inflating {
    /// Until the thread begins.
    stored: Arc<Mutex<Option<Stored>>>,
    /// Until somebody waits for it.
    thread: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

/// A chunk as it is stored.
#[derive(Debug)]
struct Stored {
    len: u64,
    bytes: Vec<u8>,
}

impl<R: Read> PbzxReader<R> {
    /// Reads the stream that `inner` begins with.
    pub(crate) fn new(inner: R) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            inner,
            algorithm: None,
            has_chunks: false,
            chunk: io::Cursor::new(Vec::new()),
            depth: processors.min(MOST_AHEAD),
            next: VecDeque::new(),
            end: None,
            failed: None,
        }
    }

    /// How the chunks are compressed, as the head of the stream says.
    fn algorithm(&mut self) -> io::Result<Algorithm> {
        if let Some(algorithm) = self.algorithm {
            return Ok(algorithm);
        }
        let mut head = [0; 12];
        self.inner.read_exact(&mut head)?;
        let found = head.first_chunk().and_then(|magic| algorithm(*magic));
        self.algorithm = found;
        found.ok_or_else(|| broken("pbzx stream: does not begin with `pbzx`".to_owned()))
    }

    /// The next chunk, inflated; none at the end.
    fn next_chunk(&mut self, algorithm: Algorithm) -> io::Result<Option<Vec<u8>>> {
        while self.end.is_none() && self.has_room() {
            match self.stored() {
                Ok(Some(stored)) => {
                    let chunk = self.inflate(algorithm, stored);
                    self.next.push_back(chunk);
                }
                Ok(None) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
        }
        if let Some(chunk) = self.next.pop_front() {
            return chunk.contents.wait().map(Some);
        }
        self.end.replace(Ok(())).unwrap_or(Ok(())).map(|()| None)
    }

    fn has_room(&self) -> bool {
        let memory: u64 = self.next.iter().map(|chunk| chunk.memory).sum();
        self.next.is_empty() || self.next.len() < self.depth && memory < MOST_IN_MEMORY / 2
    }

    /// The chunk, being inflated; on the spot if it is short, or takes so much memory that it had better be alone.
    fn inflate(&self, algorithm: Algorithm, stored: Stored) -> Chunk {
        let memory = stored.len.saturating_add(stored.bytes.len() as u64);
        let alone = self.depth < 2 || stored.len < WORTH_A_THREAD || memory > MOST_IN_MEMORY / 2;
        let contents = if alone {
            Contents::Here(inflate(algorithm, stored))
        } else {
            Contents::start(algorithm, stored)
        };
        Chunk { memory, contents }
    }

    /// The next chunk as it is stored; none at the end.
    fn stored(&mut self) -> io::Result<Option<Stored>> {
        let Some(len) = self.number_or_end()? else {
            return Ok(None);
        };
        let stored_len = self.number_or_end()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if len > LONGEST_CHUNK || stored_len > LONGEST_CHUNK {
            let what = format!("pbzx stream: a chunk of {len} bytes, {stored_len} stored");
            return Err(broken(what));
        }
        let mut bytes = Vec::new();
        (&mut self.inner).take(stored_len).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != stored_len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(Stored { len, bytes }))
    }

    /// The next number; none where the stream ends before it.
    fn number_or_end(&mut self) -> io::Result<Option<u64>> {
        let mut bytes = Vec::new();
        (&mut self.inner).take(8).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        match bytes.first_chunk::<8>() {
            Some(bytes) => Ok(Some(u64::from_be_bytes(*bytes))),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// As [`Read::read`], but for an error before.
    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let algorithm = self.algorithm()?;
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.next_chunk(algorithm)? {
                Some(chunk) => {
                    self.chunk = io::Cursor::new(chunk);
                    self.has_chunks = true;
                }
                None if self.has_chunks => return Ok(0),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

impl<R: Read> Read for PbzxReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, text)) = &self.failed {
            return Err(io::Error::new(*kind, text.clone()));
        }
        let read = self.read_on(buffer);
        if let Err(error) = &read {
            self.failed = Some((error.kind(), error.to_string()));
            self.next.clear();
        }
        read
    }
}

impl Contents {
    /// Has the chunk inflated by another thread, where one can be had.
    fn start(algorithm: Algorithm, stored: Stored) -> Self {
        let shared = Arc::new(Mutex::new(Some(stored)));
        let theirs = Arc::clone(&shared);
        let work = move |shared: &Mutex<Option<Stored>>| {
            take(shared).map_or_else(
                || Err(broken("pbzx stream: a chunk was lost".to_owned())),
                |stored| inflate(algorithm, stored),
            )
        };
        let builder = thread::Builder::new().name("inflate ahead".to_owned());
        match builder.spawn(move || work(&theirs)) {
            Ok(thread) => Self::Elsewhere(Inflating {
                stored: shared,
                thread: Some(thread),
            }),
            Err(_no_thread) => Self::Here(work(&shared)),
        }
    }

    fn wait(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Here(contents) => contents,
            Self::Elsewhere(mut inflating) => {
                let thread = inflating.thread.take();
                thread
                    .and_then(|thread| thread.join().ok())
                    .unwrap_or_else(|| Err(broken("pbzx stream: a thread failed".to_owned())))
            }
        }
    }
}

/// What is still to be inflated, for the one who comes first.
fn take(shared: &Mutex<Option<Stored>>) -> Option<Stored> {
    let mut stored = shared.lock().unwrap_or_else(PoisonError::into_inner);
    stored.take()
}

impl Drop for Inflating {
    /// Waits for the thread, which has nothing to do if it had not begun: whoever leaves a stream early leaves no work behind.
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            drop(take(&self.stored));
            thread.join().map(drop).unwrap_or_default();
        }
    }
}

/// What a chunk holds.
///
/// # Errors
/// If it is damaged, or holds more or fewer bytes than it says.
fn inflate(algorithm: Algorithm, Stored { len, bytes }: Stored) -> io::Result<Vec<u8>> {
    if bytes.len() as u64 == len && !bytes.starts_with(&XZ_MAGIC) {
        return Ok(bytes);
    }
    let stored = bytes.as_slice();
    let chunk = match algorithm {
        Algorithm::Lzfse => read_chunk(LzfseRingDecoder::default().reader(stored), len),
        Algorithm::Stored => read_chunk(stored, len),
        Algorithm::Xz => read_chunk(xz::reader(stored), len),
        Algorithm::Zlib if stored.starts_with(&[0x78]) => read_chunk(ZlibDecoder::new(stored), len),
        Algorithm::Zlib => read_chunk(DeflateDecoder::new(stored), len),
    }?;
    if chunk.len() as u64 != len {
        let what = format!("pbzx stream: a chunk of {len} bytes has {}", chunk.len());
        return Err(broken(what));
    }
    Ok(chunk)
}

fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `xz -1` makes of 3000 times `x`.
    const XZ: &str = "
        fd377a585a000004e6d6b4460200210110000000a8708e86e00bb700155d003c6ffbbffea3b15ee5f83fb2aa2655f868
        1efed00000000000917f9896947d3e45000131b817000000262c0ae1b1c467fb020000000004595a
    ";

    fn xz() -> Vec<u8> {
        let digits: String = XZ.split_whitespace().collect();
        hex::decode(digits).unwrap()
    }

    fn stream(chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = b"pbzx".to_vec();
        bytes.extend((16_u64 << 20).to_be_bytes());
        for (contents, stored) in chunks {
            bytes.extend((contents.len() as u64).to_be_bytes());
            bytes.extend((stored.len() as u64).to_be_bytes());
            bytes.extend_from_slice(stored);
        }
        bytes
    }

    fn inflated(stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        PbzxReader::new(stream).read_to_end(&mut contents)?;
        Ok(contents)
    }

    #[test]
    fn reads_compressed_and_stored_chunks() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long, &xz()), (b"tail", b"tail")]);
        let expected = [&long[..], b"tail"].concat();
        assert_eq!(inflated(&bytes).unwrap(), expected);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long, &xz())]);
        for len in 0..bytes.len() {
            assert!(inflated(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn a_lie_about_a_length_is_an_error() {
        let long = [b'x'; 3000];
        let bytes = stream(&[(&long[1..], &xz())]);
        assert!(inflated(&bytes).is_err());
        let mut bytes = stream(&[(b"tail", b"tail")]);
        bytes[20..28].copy_from_slice(&u64::MAX.to_be_bytes());
        assert!(inflated(&bytes).is_err());
    }

    /// A stream of chunks in zlib that are long enough for threads.
    fn long_stream(count: usize) -> (Vec<u8>, Vec<u8>) {
        use std::io::Write as _;

        let mut random = crate::robustness::XorShift(7);
        let len = usize::try_from(WORTH_A_THREAD).unwrap();
        let (mut bytes, mut expected) = (b"pbzz".to_vec(), Vec::new());
        bytes.extend((len as u64).to_be_bytes());
        for _ in 0..count {
            let contents: Vec<u8> = (0..len + random.below(900))
                .map(|_| u8::try_from(random.below(4)).unwrap())
                .collect();
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&contents).unwrap();
            let stored = encoder.finish().unwrap();
            bytes.extend((contents.len() as u64).to_be_bytes());
            bytes.extend((stored.len() as u64).to_be_bytes());
            bytes.extend(stored);
            expected.extend(contents);
        }
        (bytes, expected)
    }

    #[test]
    fn chunks_that_are_inflated_ahead_keep_their_order() {
        let (bytes, expected) = long_stream(9);
        assert!(inflated(&bytes).unwrap() == expected);
        for depth in [1, 2, 7] {
            let mut reader = PbzxReader::new(bytes.as_slice());
            reader.depth = depth;
            let mut contents = Vec::new();
            reader.read_to_end(&mut contents).unwrap();
            assert!(contents == expected, "{depth}");
        }
    }

    #[test]
    fn who_leaves_early_leaves_no_thread_behind() {
        let (bytes, _) = long_stream(4);
        let mut reader = PbzxReader::new(bytes.as_slice());
        reader.depth = 3;
        reader.read_exact(&mut [0; 9]).unwrap();
        let shared = reader
            .next
            .iter()
            .filter_map(|chunk| match &chunk.contents {
                Contents::Elsewhere(inflating) => Some(Arc::downgrade(&inflating.stored)),
                Contents::Here(_) => None,
            });
        let shared: Vec<_> = shared.collect();
        assert!(!shared.is_empty());
        drop(reader);
        assert!(shared.iter().all(|shared| shared.strong_count() == 0));
    }

    #[test]
    fn damage_ends_the_reading_where_it_is_and_for_good() {
        let (bytes, expected) = long_stream(1);
        let (damaged, _) = long_stream(5);
        let mut damaged = damaged;
        let third = damaged.len() / 2;
        damaged[third..third + 64].fill(0xff);
        for bytes in [&damaged[..], &damaged[..bytes.len() + 9]] {
            let mut reader = PbzxReader::new(bytes);
            let mut contents = Vec::new();
            let error = reader.read_to_end(&mut contents).unwrap_err();
            assert!(contents.starts_with(&expected));
            let again = reader.read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.to_string(), again.to_string());
        }
    }
}
