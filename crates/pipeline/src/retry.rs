//! Runs that failed in passing, and are tried again.

use std::time::Duration;

use model::{Retry, Timestamp, Trigger};
use store::{NewRun, Run, Terms};

use crate::Failure;

/// When a scheduled run that failed in passing is tried again: as another run, so that each keeps its own record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retries {
    /// How often it is tried in all, until its next time is due; 1: never again.
    pub tries: u32,
    /// How long after the first failure.
    pub first: Duration,
    /// How many times as long the next wait is, each.
    pub factor: u32,
}

/// No wait is longer.
const LONGEST: Duration = Duration::from_hours(24);

impl Default for Retries {
    /// After five minutes, then after twenty.
    fn default() -> Self {
        Self {
            tries: 3,
            first: Duration::from_mins(5),
            factor: 4,
        }
    }
}

impl Retries {
    /// What is queued after `run` ended with `failure`. Who ran it by hand decides what becomes of it.
    pub(crate) fn after(&self, run: &Run, failure: &Failure, now: Timestamp) -> Option<NewRun> {
        let tries = run.terms.tries;
        let again = !failure.held
            && failure.retry() == Retry::Later
            && run.trigger == Trigger::Schedule
            && tries < self.tries;
        again.then(|| NewRun {
            title: run.title.clone(),
            trigger: run.trigger,
            request: run.request.clone(),
            terms: Terms {
                tries: tries.saturating_add(1),
                not_before: Some(now.plus(self.wait(tries))),
                priority: run.terms.priority,
                label: run.terms.label.clone(),
                after: Vec::new(),
            },
        })
    }

    /// How long to wait after `tries` tries, with a tenth more or less, so that not all come again at once.
    fn wait(&self, tries: u32) -> Duration {
        let factor = self.factor.saturating_pow(tries.saturating_sub(1));
        let wait = self.first.saturating_mul(factor).min(LONGEST);
        wait.mul_f64(0.9 + 0.2 * fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use model::{FailureClass, RunId, RunState};

    use super::*;

    fn run(trigger: Trigger, tries: u32) -> Run {
        let now = Timestamp::default();
        Run {
            id: RunId::new(),
            title: "A.munki".parse().unwrap(),
            trigger,
            request: serde_json::json!({}),
            state: RunState::Running,
            queued_at: now,
            started_at: None,
            finished_at: None,
            due_at: now,
            deadline_at: None,
            parked: None,
            attempts: 1,
            terms: Terms {
                tries,
                priority: 3,
                ..Terms::default()
            },
            cancelled_by: None,
            failure: None,
        }
    }

    #[test]
    fn only_what_passes_is_tried_again_and_later_each_time() {
        let retries = Retries::default();
        let passing = Failure::new(FailureClass::Download, "the vendor answered 503");
        let after = |run: &Run, failure: &Failure| {
            let again = retries.after(run, failure, Timestamp::default())?;
            assert_eq!(again.terms.priority, 3);
            Some((again.terms.tries, again.terms.not_before?.as_secs()))
        };
        let (tries, at) = after(&run(Trigger::Schedule, 1), &passing).unwrap();
        assert!(tries == 2 && (270..=330).contains(&at), "{at}");
        let (tries, at) = after(&run(Trigger::Schedule, 2), &passing).unwrap();
        assert!(tries == 3 && (1_080..=1_320).contains(&at), "{at}");
        assert_eq!(after(&run(Trigger::Schedule, 3), &passing), None);
        assert_eq!(after(&run(Trigger::Manual, 1), &passing), None);
        let lasting = Failure::new(FailureClass::CodeSignature, "not signed");
        assert_eq!(after(&run(Trigger::Schedule, 1), &lasting), None);
        let held = Failure::new(FailureClass::ScanInconclusive, "no verdict").held();
        assert_eq!(after(&run(Trigger::Schedule, 1), &held), None);
    }
}
