//! Decodes the next chunks of an image while the last one is still being used.

use std::{
    collections::VecDeque,
    num::NonZero,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use super::chunks::Chunks;

/// Most threads that decode.
const MOST_THREADS: usize = 4;
/// How many chunks one after the other are read before the next ones are expected to be wanted, too: whoever looks for
/// one small file reads no further.
const STREAK: u32 = 6;
/// How many readers in different places are told from one another.
const READERS: usize = 8;
/// Longest chunk, in bytes, that is decoded ahead: Apple's have at most 1 MiB, and as many as this fit in the cache.
const LONGEST: u64 = 1 << 20;

/// Threads that decode the chunks that will be asked for next.
#[derive(Debug)]
pub(super) struct Ahead {
    chunks: Arc<Chunks>,
    /// How many chunks ahead.
    depth: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where each reader was last, and how many chunks it read one after the other; the latest comes last.
    readers: VecDeque<(usize, u32)>,
    /// What somebody said that they will read; the latest comes last.
    expected: VecDeque<Range<usize>>,
    /// Made when they are first of use.
    workers: Option<Workers>,
}

#[derive(Debug)]
struct Workers {
    wanted: SyncSender<usize>,
    threads: Vec<JoinHandle<()>>,
}

impl Ahead {
    /// For the chunks of one image. Where there is only one processor nothing is done ahead.
    pub(super) fn new(chunks: Arc<Chunks>) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = processors.min(MOST_THREADS);
        Self {
            chunks,
            depth: if threads > 1 {
                threads.saturating_mul(2)
            } else {
                0
            },
            state: Mutex::default(),
        }
    }

    /// Takes note that the chunk at `position` is read.
    pub(super) fn note(&self, position: usize) {
        if self.depth == 0 {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = state.wanted_after(position);
        self.ask(&mut state, wanted);
    }

    /// Takes note that the chunks at `positions` will be read one after the other. The first is left to whoever does.
    pub(super) fn expect(&self, positions: Range<usize>) {
        if self.depth == 0 || positions.len() < 2 {
            return;
        }
        let wanted = positions.start.saturating_add(1)..positions.end;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.expect(positions);
        self.ask(&mut state, wanted);
    }

    /// Has the chunks at `wanted` decoded, as far as threads and room are free.
    fn ask(&self, state: &mut State, wanted: Range<usize>) {
        let next = wanted.take(self.depth);
        for position in next.filter(|next| self.chunks.wants_decoding(*next, LONGEST)) {
            let workers = state
                .workers
                .get_or_insert_with(|| Workers::start(&self.chunks, self.depth));
            if workers.wanted.try_send(position).is_err() {
                return;
            }
        }
    }
}

impl State {
    /// The chunks that will be wanted by who has come to the one at `position`: because there is a streak, or they said
    /// so. A second look at the same one says nothing new.
    fn wanted_after(&mut self, position: usize) -> Range<usize> {
        let next = position.saturating_add(1);
        match self.streak(position) {
            None => next..next,
            Some(STREAK..) => next..usize::MAX,
            Some(_) => {
                let mut expected = self.expected.iter();
                let expected = expected.find(|expected| expected.contains(&position));
                next..expected.map_or(next, |expected| expected.end)
            }
        }
    }

    fn expect(&mut self, positions: Range<usize>) {
        self.expected.push_back(positions);
        if self.expected.len() > READERS {
            self.expected.pop_front();
        }
    }

    /// How many chunks a reader has read one after the other who comes to the one at `position`; none if that is where
    /// somebody is already.
    fn streak(&mut self, position: usize) -> Option<u32> {
        if self
            .readers
            .back()
            .is_some_and(|(last, _)| *last == position)
        {
            return None;
        }
        let before = position.checked_sub(1);
        let known = self
            .readers
            .iter()
            .position(|(last, _)| Some(*last) == before);
        let read = known
            .and_then(|at| self.readers.remove(at))
            .map_or(1, |(_, read)| read.saturating_add(1));
        self.readers.push_back((position, read));
        if self.readers.len() > READERS {
            self.readers.pop_front();
        }
        Some(read)
    }
}

impl Workers {
    fn start(chunks: &Arc<Chunks>, depth: usize) -> Self {
        let (wanted, asked) = sync_channel(depth);
        let asked = Arc::new(Mutex::new(asked));
        let threads = (0..depth / 2).filter_map(|_| {
            let (chunks, asked) = (Arc::clone(chunks), Arc::clone(&asked));
            let builder = thread::Builder::new().name("decode ahead".to_owned());
            builder.spawn(move || work(&chunks, &asked)).ok()
        });
        Self {
            threads: threads.collect(),
            wanted,
        }
    }
}

/// Decodes what is asked for, until nobody asks any more.
fn work(chunks: &Chunks, asked: &Mutex<Receiver<usize>>) {
    loop {
        let next = asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(position) = next else { return };
        if chunks.wants_decoding(position, LONGEST) {
            chunks.prepare(position);
        }
    }
}

impl Drop for Workers {
    /// Waits for the threads, so that the file is closed when the image is gone.
    fn drop(&mut self) {
        let (nobody, _) = sync_channel(0);
        drop(std::mem::replace(&mut self.wanted, nobody));
        for thread in self.threads.drain(..) {
            thread.join().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_reads_one_chunk_after_the_other_is_in_a_streak() {
        let mut state = State::default();
        // Two readers in turn, who look at each chunk twice; and one who goes here and there.
        let reads =
            (0..8).flat_map(|step| [5 + step, 5 + step, 90 + step, 90 + step, 40 - 2 * step]);
        let streaks: Vec<_> = reads
            .filter(|position| !state.wanted_after(*position).is_empty())
            .collect();
        assert_eq!(streaks, [10, 95, 11, 96, 12, 97]);
    }

    #[test]
    fn what_is_expected_is_wanted_at_once_and_nothing_beyond_it() {
        let mut state = State::default();
        state.expect(10..13);
        let wanted = [10, 10, 11, 12, 13].map(|position| state.wanted_after(position));
        assert_eq!(wanted, [11..13, 11..11, 12..13, 13..13, 14..14]);
    }
}
