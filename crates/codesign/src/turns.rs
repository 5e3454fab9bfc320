//! Work that several threads do at once, on things that are fetched one after the other.

use std::{
    num::NonZero,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::flaw::Flaw;

/// Most threads for one signature. Many are judged at a time in a service, and more of them only wait for the disk.
const MOST_THREADS: usize = 4;

/// What the threads share.
struct Queue<N> {
    next: N,
    fetched: usize,
    /// The first flaw by the order of things, whichever thread came upon it first.
    found: Option<(usize, Flaw)>,
}

/// Where a thread gets things from, and tells of flaws.
pub(crate) struct Turns<'q, N> {
    queue: &'q Mutex<Queue<N>>,
    are_shared: bool,
}

impl<N> Turns<'_, N> {
    /// Fetches the next thing into `thing`, and gives its number; nothing if there are no more, or a flaw was found.
    pub(crate) fn next<T>(&self, thing: &mut T) -> Option<usize>
    where
        N: FnMut(&mut T) -> Result<bool, Flaw>,
    {
        self.queue().fetch(thing)
    }

    /// Tells what is wrong with the thing of that number.
    pub(crate) fn found(&self, number: usize, flaw: Flaw) {
        self.queue().found(number, flaw);
    }

    /// Whether other threads take turns, too.
    pub(crate) const fn are_shared(&self) -> bool {
        self.are_shared
    }

    fn queue(&self) -> MutexGuard<'_, Queue<N>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has `next` fetch one thing after the other and `work` look at each, until `next` says that there are no more or a
/// flaw is found. Of several flaws the earliest thing's is given, as if there were only one thread.
///
/// `next` is never called by two threads at once, so that it may read from front to back; it says whether it fetched
/// something. A thread keeps one thing after the other in the same place, whose memory can be used again. `most` is how
/// many things there are at most: no more threads than those are used.
///
/// # Errors
/// The flaw.
pub(crate) fn each_in_turn<T: Default, N>(
    most: usize,
    next: N,
    work: impl Fn(&mut T) -> Result<(), Flaw> + Sync,
) -> Result<(), Flaw>
where
    N: FnMut(&mut T) -> Result<bool, Flaw> + Send,
{
    in_turn(most, next, |turns| {
        let mut thing = T::default();
        while let Some(number) = turns.next(&mut thing) {
            if let Err(flaw) = work(&mut thing) {
                turns.found(number, flaw);
            }
        }
    })
}

/// As [`each_in_turn`], where `work` is all that a thread does: it fetches things itself, also several at a time, and
/// goes on with those that it has when there are no more.
///
/// # Errors
/// The flaw.
pub(crate) fn in_turn<N: Send>(
    most: usize,
    next: N,
    work: impl Fn(&Turns<'_, N>) + Sync,
) -> Result<(), Flaw> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let helpers = processors.min(MOST_THREADS).min(most).saturating_sub(1);
    let queue = Mutex::new(Queue {
        next,
        fetched: 0,
        found: None,
    });
    let turns = Turns {
        queue: &queue,
        are_shared: helpers > 0,
    };
    thread::scope(|scope| {
        for _ in 0..helpers {
            let helper = thread::Builder::new().name("hash".to_owned());
            // Where no thread can be had, this one does it all.
            drop(helper.spawn_scoped(scope, || work(&turns)));
        }
        work(&turns);
    });
    let queue = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    queue.found.map_or(Ok(()), |(_, flaw)| Err(flaw))
}

impl<N> Queue<N> {
    /// The number of the thing that was fetched.
    fn fetch<T>(&mut self, thing: &mut T) -> Option<usize>
    where
        N: FnMut(&mut T) -> Result<bool, Flaw>,
    {
        if self.found.is_some() {
            return None;
        }
        let number = self.fetched;
        self.fetched = number.saturating_add(1);
        match (self.next)(thing) {
            Ok(true) => Some(number),
            Ok(false) => None,
            Err(flaw) => {
                self.found(number, flaw);
                None
            }
        }
    }

    fn found(&mut self, number: usize, flaw: Flaw) {
        let is_earlier = |(earliest, _): &(usize, Flaw)| number < *earliest;
        if self.found.as_ref().is_none_or(is_earlier) {
            self.found = Some((number, flaw));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counting(until: usize) -> impl FnMut(&mut usize) -> Result<bool, Flaw> + Send {
        let mut numbers = 0..until;
        move |thing| {
            let next = numbers.next();
            *thing = next.unwrap_or_default();
            Ok(next.is_some())
        }
    }

    #[test]
    fn everything_is_looked_at_once() {
        let looked_at: Vec<_> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
        let count = |thing: &mut usize| {
            looked_at[*thing].fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        assert_eq!(each_in_turn(1000, counting(1000), count), Ok(()));
        assert!(
            looked_at
                .iter()
                .all(|times| times.load(Ordering::Relaxed) == 1)
        );
    }

    #[test]
    fn the_earliest_flaw_is_told_even_if_it_takes_longest_to_find() {
        for _ in 0..50 {
            let bad = |thing: &mut usize| match *thing {
                5 => {
                    thread::sleep(std::time::Duration::from_millis(2));
                    Err(Flaw::new("altered", "five"))
                }
                thing if thing > 5 => Err(Flaw::new("altered", "later")),
                _ => Ok(()),
            };
            let flaw = each_in_turn(1000, counting(1000), bad);
            assert_eq!(flaw, Err(Flaw::new("altered", "five")));
        }
    }

    #[test]
    fn what_cannot_be_fetched_ends_the_work() {
        let mut three = counting(3);
        let next = move |thing: &mut usize| match three(thing) {
            Ok(true) => Ok(true),
            _ => Err(Flaw::new("unreadable", "the fourth")),
        };
        let flaw = each_in_turn(usize::MAX, next, |_| Ok(()));
        assert_eq!(flaw, Err(Flaw::new("unreadable", "the fourth")));
    }
}
