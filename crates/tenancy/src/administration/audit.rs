//! What people do, written down before and after they do it.

use std::{fmt::Display, sync::Arc};

use model::Clock;
use store::{AuditOutcome, Db, NewAuditEntry, StoreError};

/// How many entries are read at a time.
const PAGE: u32 = 1000;

/// How something comes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Way {
    /// From a program, at this address, that calls the API.
    Api {
        /// The address.
        address: String,
    },
    /// From a page, on behalf of whoever is at this address.
    Pages {
        /// The address.
        address: String,
    },
    /// From the command line.
    Terminal,
}

impl Way {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Api { .. } => "api",
            Self::Pages { .. } => "pages",
            Self::Terminal => "terminal",
        }
    }
}

/// What somebody does.
#[derive(Clone, Debug)]
pub struct Deed<'a> {
    /// Who.
    pub who: &'a str,
    /// What: `tenant.suspend`.
    pub did: &'static str,
    /// To what.
    pub about: &'a str,
    /// What else there is to say, without secrets.
    pub detail: String,
}

/// Writes the audit log.
#[derive(Clone, Debug)]
pub struct Audit {
    db: Db,
    clock: Arc<dyn Clock>,
    way: Way,
}

impl Audit {
    pub(super) const fn new(db: Db, clock: Arc<dyn Clock>, way: Way) -> Self {
        Self { db, clock, way }
    }

    /// The same, without those who sign in: of what comes by `way`.
    pub fn of(db: Db, clock: Arc<dyn Clock>, way: Way) -> Self {
        Self::new(db, clock, way)
    }

    /// Writes down that something is about to be done, has it done, and writes down what became of it. What cannot be
    /// written down is not done.
    ///
    /// # Errors
    /// Those of `act`, or if the log cannot be written.
    pub async fn recorded<T, E>(
        &self,
        deed: &Deed<'_>,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        E: From<StoreError> + Display,
    {
        self.note(deed, AuditOutcome::Asked, "").await?;
        match act.await {
            Ok(done) => {
                self.note(deed, AuditOutcome::Done, "").await?;
                Ok(done)
            }
            Err(error) => {
                let why = error.to_string();
                if let Err(error) = self.note(deed, AuditOutcome::Failed, &why).await {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "that something failed is not in the audit log");
                }
                Err(error)
            }
        }
    }

    /// Writes down what became of something.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub async fn note(
        &self,
        deed: &Deed<'_>,
        outcome: AuditOutcome,
        why: &str,
    ) -> Result<(), StoreError> {
        let detail = [deed.detail.as_str(), why];
        let detail: Vec<&str> = detail.into_iter().filter(|it| !it.is_empty()).collect();
        let entry = NewAuditEntry {
            at: self.clock.now(),
            who: deed.who.to_owned(),
            via: self.way.as_str(),
            address: match &self.way {
                Way::Api { address } | Way::Pages { address } => Some(address.clone()),
                Way::Terminal => None,
            },
            did: deed.did.to_owned(),
            about: deed.about.to_owned(),
            outcome,
            detail: detail.join("; "),
        };
        self.db.audit_add(&entry).await?;
        Ok(())
    }
}

/// What is wrong with the audit log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFault {
    /// Entries are missing, or stand twice.
    #[error("after entry {after} comes entry {found}: some are missing")]
    Gap {
        /// The last one that is right.
        after: u64,
        /// The next one there is.
        found: u64,
    },
    /// An entry is not what was written.
    #[error("entry {sequence} is not what was written, or one before it was")]
    Changed {
        /// Its number.
        sequence: u64,
    },
    /// The state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the whole audit log and answers how many entries are in it, and the digest of the last one: whoever kept that
/// from another day can tell that nothing was taken off the end.
///
/// # Errors
/// What is wrong with it.
pub async fn check_log(db: &Db) -> Result<(u64, String), AuditFault> {
    let (mut last, mut digest) = (0_u64, String::new());
    loop {
        let entries = db.audit_from(last, PAGE).await?;
        if entries.is_empty() {
            return Ok((last, digest));
        }
        for entry in entries {
            let sequence = entry.sequence;
            if sequence != last.saturating_add(1) {
                return Err(AuditFault::Gap {
                    after: last,
                    found: sequence,
                });
            }
            if entry.digest_after(&digest).to_string() != entry.digest {
                return Err(AuditFault::Changed { sequence });
            }
            (last, digest) = (sequence, entry.digest);
        }
    }
}
