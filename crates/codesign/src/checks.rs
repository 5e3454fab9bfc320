//! The list of what was looked at.

use crate::{Check, Outcome, flaw::Flaw};

/// Collects what came of each check; of several outcomes of one check the weightiest counts, and of equal ones the
/// first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    list: Vec<Check>,
}

impl Checks {
    /// Notes what came of a check.
    pub(crate) fn note(&mut self, name: &'static str, result: Result<(), Flaw>) {
        match result {
            Ok(()) => self.add(name, Outcome::Pass, None),
            Err(flaw) => self.fail(name, flaw),
        }
    }

    /// Notes that a check found nothing wrong, and what it looked at.
    pub(crate) fn pass(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(name, Outcome::Pass, Some(detail.into()));
    }

    /// Notes what is wrong.
    pub(crate) fn fail(&mut self, name: &'static str, flaw: Flaw) {
        self.insert(Check {
            name,
            result: Outcome::Fail,
            code: Some(flaw.code),
            detail: Some(flaw.detail),
        });
    }

    /// Notes that there is nothing of the kind.
    pub(crate) fn not_applicable(&mut self, name: &'static str) {
        self.add(name, Outcome::NotApplicable, None);
    }

    /// Notes that something was not looked at, and why.
    pub(crate) fn not_made(&mut self, name: &'static str, why: &str) {
        self.add(name, Outcome::NotMade, Some(why.to_owned()));
    }

    /// What is noted, in the order in which the checks were first noted.
    pub(crate) fn into_list(self) -> Vec<Check> {
        self.list
    }

    /// The checks that failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Check> {
        self.list
            .iter()
            .filter(|check| check.result == Outcome::Fail)
    }

    /// The first check that failed.
    pub(crate) fn first_failure(&self) -> Option<&Check> {
        self.failures().next()
    }

    fn add(&mut self, name: &'static str, result: Outcome, detail: Option<String>) {
        self.insert(Check {
            name,
            result,
            code: None,
            detail,
        });
    }

    fn insert(&mut self, check: Check) {
        match self
            .list
            .iter_mut()
            .find(|earlier| earlier.name == check.name)
        {
            None => self.list.push(check),
            Some(earlier) if earlier.result < check.result => *earlier = check,
            Some(_) => {}
        }
    }
}
