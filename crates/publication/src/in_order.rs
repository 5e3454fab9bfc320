//! Much work that several threads share, and whose results are wanted in order.

use std::{
    collections::BTreeMap,
    num::NonZero,
    panic::resume_unwind,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

/// No more threads than these, however many processors there are: files come no faster.
const MOST_THREADS: usize = 4;

/// How many results wait at most for whoever takes them.
const AHEAD: usize = 8;

/// Does `work` on each of `parts`, on this thread and others, each of which begins with `begin`, and hands the results to
/// `take` in the order of the parts.
pub(crate) fn in_order<P: Sync, S, R: Send>(
    parts: &[P],
    begin: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &P) -> R + Sync,
    mut take: impl FnMut(R),
) {
    let next = AtomicUsize::new(0);
    let (begin, work, next) = (&begin, &work, &next);
    thread::scope(|scope| {
        // Dropped when this thread panics, so that no other one waits for it.
        let (to, results) = sync_channel(AHEAD);
        let mut others = Vec::new();
        for _ in 1..threads().min(parts.len()) {
            let to = to.clone();
            let help = move || help(parts, next, &to, begin, work);
            // Where there are no more threads, those that there are do the work.
            others.extend(thread::Builder::new().spawn_scoped(scope, help).ok());
        }
        drop(to);
        let (mut ready, mut taken, mut state) = (BTreeMap::new(), 0, None);
        while taken < parts.len() {
            if let Some(result) = ready.remove(&taken) {
                take(result);
                taken = taken.saturating_add(1);
            } else if let Ok((number, result)) = results.try_recv() {
                ready.insert(number, result);
            } else if let Some((number, part)) = next_of(parts, next) {
                ready.insert(number, work(state.get_or_insert_with(begin), part));
            } else if let Ok((number, result)) = results.recv() {
                ready.insert(number, result);
            } else {
                // What is missing was of a thread that panicked.
                break;
            }
        }
        for other in others {
            other.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
}

fn help<P, S, R>(
    parts: &[P],
    next: &AtomicUsize,
    to: &SyncSender<(usize, R)>,
    begin: impl Fn() -> S,
    work: impl Fn(&mut S, &P) -> R,
) {
    let mut state = begin();
    while let Some((number, part)) = next_of(parts, next) {
        if to.send((number, work(&mut state, part))).is_err() {
            // Nobody wants the rest.
            return;
        }
    }
}

/// The next part that nobody has begun.
fn next_of<'a, P>(parts: &'a [P], next: &AtomicUsize) -> Option<(usize, &'a P)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, parts.get(number)?))
}

/// One processor, too, has time for another thread while one waits for a disk.
fn threads() -> usize {
    thread::available_parallelism()
        .map_or(1, NonZero::get)
        .clamp(2, MOST_THREADS)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn every_part_is_worked_on_once_and_taken_in_order() {
        for count in [0, 1, 2, 3, 500] {
            let parts: Vec<usize> = (0..count).collect();
            let worked = AtomicUsize::new(0);
            let mut taken = Vec::new();
            in_order(
                &parts,
                || 0,
                |state, part| {
                    *state += 1;
                    worked.fetch_add(1, Ordering::Relaxed);
                    part * 2
                },
                |result| taken.push(result),
            );
            assert_eq!(taken, (0..count).map(|it| it * 2).collect::<Vec<_>>());
            assert_eq!(worked.into_inner(), count);
        }
    }

    #[test]
    fn whichever_thread_panics_is_heard() {
        for bad in [0, 1, 250, 499] {
            let parts: Vec<usize> = (0..500).collect();
            let work = |(): &mut (), part: &usize| assert_ne!(*part, bad);
            let run = || in_order(&parts, || (), work, |()| ());
            catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        }
    }
}
