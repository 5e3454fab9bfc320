//! The chunks that were decoded last.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// How many bytes of decoded chunks are kept: a file system's tables and its contents, read in turn.
pub(super) const CAPACITY: usize = 16 << 20;

/// The chunks that were decoded last, by their position in the image's table. No two threads decode the same one: who
/// comes second waits for the first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// The one that was asked for last comes last.
    slots: Mutex<VecDeque<Slot>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Slot {
    position: usize,
    /// None while somebody decodes it.
    chunk: Option<Arc<Vec<u8>>>,
}

/// What is to be done for a chunk.
pub(super) enum Claim<'a> {
    /// Nothing: it is here.
    Decoded(Arc<Vec<u8>>),
    /// It is to be decoded, and handed over; others wait until then.
    Ours(Decoding<'a>),
}

/// A chunk that whoever holds this decodes. Dropped without one, it leaves the chunk to the next who asks.
#[derive(Debug)]
pub(super) struct Decoding<'a> {
    cache: &'a Cache,
    position: usize,
}

impl Cache {
    /// The chunk at `position`, or the task to decode it.
    pub(super) fn claim(&self, position: usize) -> Claim<'_> {
        let mut slots = self.slots();
        while let Some(at) = slots.iter().position(|slot| slot.position == position) {
            let decoded = slots.get(at).and_then(|slot| slot.chunk.clone());
            if let Some(chunk) = decoded {
                let found = slots.remove(at);
                slots.extend(found);
                return Claim::Decoded(chunk);
            }
            slots = self
                .changed
                .wait(slots)
                .unwrap_or_else(PoisonError::into_inner);
        }
        slots.push_back(Slot {
            position,
            chunk: None,
        });
        Claim::Ours(Decoding {
            cache: self,
            position,
        })
    }

    /// Whether the chunk at `position` is here, or somebody decodes it.
    pub(super) fn knows(&self, position: usize) -> bool {
        self.slots().iter().any(|slot| slot.position == position)
    }

    fn slots(&self) -> MutexGuard<'_, VecDeque<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Decoding<'_> {
    /// Hands the chunk over. The ones not asked for the longest are forgotten to make room.
    pub(super) fn done(self, chunk: &Arc<Vec<u8>>) {
        let mut slots = self.cache.slots();
        if let Some(slot) = slots.iter_mut().find(|slot| slot.position == self.position) {
            slot.chunk = Some(Arc::clone(chunk));
        }
        let lengths = slots
            .iter()
            .filter_map(|slot| Some(slot.chunk.as_ref()?.len()));
        let mut kept: usize = lengths.sum();
        while kept > CAPACITY {
            let oldest = slots
                .iter()
                .position(|slot| slot.chunk.is_some() && slot.position != self.position);
            let Some(forgotten) = oldest.and_then(|at| slots.remove(at)) else {
                break;
            };
            kept = kept.saturating_sub(forgotten.chunk.map_or(0, |chunk| chunk.len()));
        }
    }
}

impl Drop for Decoding<'_> {
    /// Wakes who waits: for the chunk, or to try it themselves.
    fn drop(&mut self) {
        self.cache
            .slots()
            .retain(|slot| slot.position != self.position || slot.chunk.is_some());
        self.cache.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn put(cache: &Cache, position: usize, chunk: &Arc<Vec<u8>>) {
        match cache.claim(position) {
            Claim::Ours(decoding) => decoding.done(chunk),
            Claim::Decoded(_) => panic!("{position} is there already"),
        }
    }

    #[test]
    fn forgets_what_was_not_asked_for_the_longest() {
        let cache = Cache::default();
        let chunk = Arc::new(vec![0; CAPACITY / 2]);
        put(&cache, 1, &chunk);
        put(&cache, 2, &chunk);
        assert!(matches!(cache.claim(1), Claim::Decoded(_)));
        put(&cache, 3, &chunk);
        assert!(!cache.knows(2));
        assert!(matches!(cache.claim(1), Claim::Decoded(_)));
        assert!(matches!(cache.claim(3), Claim::Decoded(_)));
    }

    #[test]
    fn who_comes_second_gets_what_the_first_decoded_or_tries_it_after_a_failure() {
        let cache = Cache::default();
        let Claim::Ours(failed) = cache.claim(1) else {
            panic!("nobody decoded it");
        };
        thread::scope(|scope| {
            let second = scope.spawn(|| match cache.claim(1) {
                Claim::Ours(decoding) => decoding.done(&Arc::new(vec![2])),
                Claim::Decoded(_) => panic!("nobody decoded it"),
            });
            drop(failed);
            second.join().unwrap();
            let third =
                scope.spawn(|| matches!(cache.claim(1), Claim::Decoded(chunk) if *chunk == [2]));
            assert!(third.join().unwrap());
        });
    }
}
