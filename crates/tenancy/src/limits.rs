//! How often somebody may try.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher as _, Hash},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use model::Timestamp;

/// How many are told apart; what comes when there are so many that still have to wait shares one allowance.
const TOLD_APART: usize = 65_536;

const MINUTE_US: i64 = 60_000_000;

/// Lets each through so many times a minute, all at once or one by one: the generic cell rate algorithm (ITU-T I.371),
/// which needs one number for each.
///
/// It counts in memory, so each process has its own count.
#[derive(Debug)]
pub(crate) struct Limit {
    interval_us: i64,
    hasher: RandomState,
    /// When each would be due next, had it come evenly. By hash: what people send is not kept.
    due: Mutex<HashMap<u64, i64>>,
}

impl Limit {
    pub(crate) fn per_minute(times: NonZeroU32) -> Self {
        Self {
            interval_us: (MINUTE_US / i64::from(times.get())).max(1),
            hasher: RandomState::new(),
            due: Mutex::new(HashMap::new()),
        }
    }

    /// Counts `who` in, or says how long it has to wait.
    ///
    /// # Errors
    /// The time to wait, at least a second.
    pub(crate) fn admit(&self, who: impl Hash, now: Timestamp) -> Result<(), Duration> {
        let (who, now) = (self.hasher.hash_one(who), now.as_micros());
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() >= TOLD_APART && !due.contains_key(&who) {
            due.retain(|_, due| *due > now);
        }
        // The shared one is 0, which is as likely as any other hash.
        let who = if due.len() >= TOLD_APART && !due.contains_key(&who) {
            0
        } else {
            who
        };
        let next = due.get(&who).copied().unwrap_or(now).max(now);
        let after = next.saturating_add(self.interval_us);
        let early_us = after.saturating_sub(now).saturating_sub(MINUTE_US);
        if early_us > 0 {
            let wait = Duration::from_micros(early_us.unsigned_abs());
            let seconds = wait
                .as_secs()
                .saturating_add(u64::from(wait.subsec_nanos() > 0));
            return Err(Duration::from_secs(seconds.max(1)));
        }
        due.insert(who, after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn limit(times: u32) -> Limit {
        Limit::per_minute(NonZeroU32::new(times).unwrap())
    }

    #[test]
    fn each_comes_so_often_a_minute_and_is_told_how_long_to_wait() {
        let limit = limit(3);
        for _ in 0..3 {
            limit.admit("a", START).unwrap();
        }
        assert_eq!(limit.admit("a", START), Err(Duration::from_secs(20)));
        limit.admit("b", START).unwrap();
        let later = START.plus(Duration::from_secs(20));
        limit.admit("a", later).unwrap();
        assert_eq!(limit.admit("a", later), Err(Duration::from_secs(20)));
        let much_later = START.plus(Duration::from_hours(1));
        for _ in 0..3 {
            limit.admit("a", much_later).unwrap();
        }
        assert!(limit.admit("a", much_later).is_err());
    }

    #[test]
    fn a_crowd_takes_no_more_than_its_room() {
        let limit = limit(60);
        for who in 0..TOLD_APART + 50 {
            limit.admit(who, START).unwrap();
        }
        assert!(limit.due.lock().unwrap().len() <= TOLD_APART + 1);
        for who in 0..20 {
            // What is over shares one allowance, of which ten are left.
            let admitted = limit.admit(TOLD_APART + 100 + who, START);
            assert_eq!(admitted.is_ok(), who < 10, "{who}");
        }
    }
}
