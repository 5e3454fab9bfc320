//! Trouble that lasts: said once, and waited for longer each time.

use std::{error::Error, time::Duration};

use model::chain;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// After so many times, seven seconds, it is no trouble of a moment.
const LASTING: u32 = 4;

/// What goes wrong in one loop.
#[derive(Debug)]
pub(super) struct Trouble {
    what: &'static str,
    said: Option<String>,
    times: u32,
}

impl Trouble {
    /// None yet, in `what`.
    pub(super) const fn none(what: &'static str) -> Self {
        Self {
            what,
            said: None,
            times: 0,
        }
    }

    /// It went wrong, again perhaps; answers how long to wait. What was said the last time is not said again.
    pub(super) fn again(&mut self, error: &(dyn Error + 'static)) -> Duration {
        let text = chain(error);
        if self.said.as_deref() != Some(text.as_str()) {
            tracing::error!(
                part = self.what,
                error = text,
                "trouble, which is waited for"
            );
            self.said = Some(text);
        }
        self.times = self.times.saturating_add(1);
        let doubled = 2_u32.saturating_pow(self.times.saturating_sub(1));
        FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT)
    }

    /// Whether it has just turned out to be more than a moment's.
    pub(super) const fn begins_to_last(&self) -> bool {
        self.times == LASTING
    }

    /// It went well.
    pub(super) fn over(&mut self) {
        if self.said.take().is_some() {
            tracing::info!(part = self.what, times = self.times, "the trouble is over");
        }
        self.times = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn is_waited_for_longer_each_time_until_it_is_over() {
        let mut trouble = Trouble::none("test");
        let waits = |times: usize, trouble: &mut Trouble| -> Vec<u64> {
            let error = io::Error::other("disk full");
            (0..times)
                .map(|_| trouble.again(&error).as_secs())
                .collect()
        };
        assert_eq!(waits(3, &mut trouble), [1, 2, 4]);
        assert!(!trouble.begins_to_last());
        assert_eq!(waits(1, &mut trouble), [8]);
        assert!(trouble.begins_to_last());
        assert_eq!(waits(4, &mut trouble), [16, 32, 60, 60]);
        assert!(!trouble.begins_to_last(), "once is enough");
        trouble.over();
        assert_eq!(waits(1, &mut trouble), [1]);
        trouble.times = u32::MAX;
        assert_eq!(waits(1, &mut trouble), [60]);
    }
}
