//! The chunks that were decoded last.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// How many bytes of decoded chunks are kept: a file system's tables and its contents, read in turn.
const CAPACITY: usize = 16 << 20;

/// The chunks that were decoded last, by their position in the image's table.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// The one that was asked for last comes last.
    chunks: Mutex<VecDeque<(usize, Arc<Vec<u8>>)>>,
}

impl Cache {
    /// The chunk at `position`, if it is kept.
    pub(super) fn get(&self, position: usize) -> Option<Arc<Vec<u8>>> {
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        let at = chunks.iter().position(|(kept, _)| *kept == position)?;
        let found = chunks.remove(at)?;
        let chunk = Arc::clone(&found.1);
        chunks.push_back(found);
        Some(chunk)
    }

    /// Keeps the chunk at `position`, and forgets the ones not asked for the longest to make room.
    pub(super) fn put(&self, position: usize, chunk: &Arc<Vec<u8>>) {
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        chunks.push_back((position, Arc::clone(chunk)));
        let mut kept: usize = chunks.iter().map(|(_, chunk)| chunk.len()).sum();
        while kept > CAPACITY && chunks.len() > 1 {
            let forgotten = chunks.pop_front().map_or(0, |(_, chunk)| chunk.len());
            kept = kept.saturating_sub(forgotten);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_was_not_asked_for_the_longest() {
        let cache = Cache::default();
        let chunk = Arc::new(vec![0; CAPACITY / 2]);
        cache.put(1, &chunk);
        cache.put(2, &chunk);
        assert!(cache.get(1).is_some());
        cache.put(3, &chunk);
        assert!(cache.get(2).is_none());
        assert!(cache.get(1).is_some());
        assert!(cache.get(3).is_some());
    }
}
