//! What people at this terminal do, in the audit log.

use std::{fmt::Display, sync::Arc};

use model::SystemClock;
use store::{AuditOutcome, Db, StoreError};
use tenancy::administration::{Audit, Deed, Way};

use crate::person;

/// Writes down what whoever sits here does.
#[derive(Debug)]
pub(crate) struct Ledger {
    audit: Audit,
    who: String,
}

impl Ledger {
    /// Of what `by` does, or whoever sits here.
    pub(crate) fn new(db: &Db, by: Option<&str>) -> Self {
        Self {
            audit: Audit::of(db.clone(), Arc::new(SystemClock), Way::Terminal),
            who: person::named(by).unwrap_or_else(|_nobody| person::user()),
        }
    }

    /// Who it is.
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// Has something done, and writes it down before and after.
    ///
    /// # Errors
    /// Those of `act`, or if the log cannot be written.
    pub(crate) async fn recorded<T, E>(
        &self,
        (did, about, detail): (&'static str, &str, String),
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        E: From<StoreError> + Display,
    {
        self.audit
            .recorded(&self.deed(did, about, detail), act)
            .await
    }

    /// Writes down that something is about to be done.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(crate) async fn asked(
        &self,
        (did, about, detail): (&'static str, &str, String),
    ) -> Result<(), StoreError> {
        let deed = self.deed(did, about, detail);
        self.audit.note(&deed, AuditOutcome::Asked, "").await
    }

    /// Writes down what became of what was [`Ledger::asked`], and why if it went wrong.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(crate) async fn ended(
        &self,
        (did, about, detail): (&'static str, &str, String),
        wrong: Option<&str>,
    ) -> Result<(), StoreError> {
        let outcome = if wrong.is_some() {
            AuditOutcome::Failed
        } else {
            AuditOutcome::Done
        };
        let deed = self.deed(did, about, detail);
        self.audit
            .note(&deed, outcome, wrong.unwrap_or_default())
            .await
    }

    fn deed<'a>(&'a self, did: &'static str, about: &'a str, detail: String) -> Deed<'a> {
        Deed {
            who: &self.who,
            did,
            about,
            detail,
        }
    }
}
