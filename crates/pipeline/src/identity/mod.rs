//! Identity memory: whose signatures were accepted of a title, and what a person says to a change.
//!
//! An identity is a signer by Apple's rules, or a key of the vendor's own: [`Signers`].
//!
//! The store keeps a record to which entries are only added ([`Entry`]). A run that publishes adds what it verified
//! as *accepted*, unless that is what was accepted last. A run that verified something else adds it as *held* and
//! stops, before anything is scanned or published. A person then *approves* or *refuses* exactly these identities:
//! an approval lets the next run pass that finds the same, and is used up by it; a refusal stands until somebody
//! approves.

mod gate;
mod record;
mod signers;
mod words;

use model::{FailureClass, IdentityId, RunId, Timestamp, Title};
use store::{IdentityDecision, IdentityEntry, IdentityState};

use crate::{Engine, Failure};

pub(crate) use record::Record;
pub use signers::Signers;
pub use words::{changes_shown, signers_shown};

/// What a person says to other identities than were accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// They are right: the next run that finds them passes.
    Approve,
    /// They are not: every run that finds them is held.
    Refuse,
}

/// One entry in the record of whom a title is signed by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its name.
    pub id: IdentityId,
    /// The title.
    pub title: Title,
    /// What the entry says.
    pub state: IdentityState,
    /// Who was found to have signed.
    pub found: Signers,
    /// Who was accepted at that time.
    pub accepted: Signers,
    /// The run that verified it.
    pub run: RunId,
    /// When the entry was made.
    pub recorded_at: Timestamp,
    /// Who decided, and why, if it is a decision.
    pub decision: Option<IdentityDecision>,
}

impl Entry {
    fn read(stored: IdentityEntry) -> Result<Self, Failure> {
        let list = |value| {
            serde_json::from_value(value)
                .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
        };
        Ok(Self {
            id: stored.id,
            title: stored.title,
            state: stored.state,
            found: list(stored.identities)?,
            accepted: stored.accepted.map(list).transpose()?.unwrap_or_default(),
            run: stored.run,
            recorded_at: stored.recorded_at,
            decision: stored.decision,
        })
    }

    fn to_stored(&self) -> Result<IdentityEntry, Failure> {
        let list = |signers: &Signers| {
            serde_json::to_value(signers)
                .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
        };
        let accepted = (!self.accepted.is_empty()).then_some(&self.accepted);
        Ok(IdentityEntry {
            id: self.id,
            title: self.title.clone(),
            state: self.state,
            identities: list(&self.found)?,
            accepted: accepted.map(list).transpose()?,
            run: self.run,
            recorded_at: self.recorded_at,
            decision: self.decision.clone(),
        })
    }
}

impl Engine {
    /// The entries that say how the titles stand now: what each accepted last, and what else was found and how it
    /// was decided on. With `title` of that one only, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identities(&self, title: Option<&Title>) -> Result<Vec<Entry>, Failure> {
        let records = self.identity_records(title).await?;
        let standing = records.iter().flat_map(Record::standing);
        Ok(standing.cloned().collect())
    }

    /// Every entry there is, of `title` or of all; of each title newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identity_history(&self, title: Option<&Title>) -> Result<Vec<Entry>, Failure> {
        let records = self.identity_records(title).await?;
        Ok(records
            .into_iter()
            .flat_map(|record| record.entries)
            .collect())
    }

    /// What `title` accepted last, if it ever did.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn accepted_identity(&self, title: &Title) -> Result<Option<Entry>, Failure> {
        let stored = self.parts.db.identity_accepted(title).await?;
        stored.map(Entry::read).transpose()
    }

    /// One entry.
    ///
    /// # Errors
    /// If the database fails, or there is none of this name.
    pub async fn identity(&self, id: IdentityId) -> Result<Entry, Failure> {
        match self.parts.db.identity_find(id).await? {
            Some(stored) => Entry::read(stored),
            None => Err(Failure::new(
                FailureClass::Configuration,
                "There is no such entry in the record of identities",
            )
            .with_advice("Look at what there is with `auto-update identity list`.")),
        }
    }

    /// Writes down that `decision` was made on the identities of an entry.
    ///
    /// # Errors
    /// If they do not wait for a decision: they were accepted, or decided on in the same way; or if something else
    /// happened to the title in the meantime, so that whoever decides ought to look again.
    pub async fn decide_identity(
        &self,
        id: IdentityId,
        verdict: Verdict,
        decision: IdentityDecision,
    ) -> Result<Entry, Failure> {
        let about = self.identity(id).await?;
        let record = self.identity_record(&about.title).await?;
        let decided = record.decide(&about, verdict, decision, self.clock().now())?;
        let newest = record.newest_id().unwrap_or(id);
        let stored = decided.to_stored()?;
        if !self.parts.db.identity_decide(newest, &stored).await? {
            return Err(Failure::new(
                FailureClass::Configuration,
                "Something else happened to the title in the meantime",
            )
            .with_advice("Look at it again, and decide then."));
        }
        tracing::info!(
            title.name = %decided.title,
            identity.id = %decided.id,
            identity.state = decided.state.as_str(),
            decided_by = decided.decision.as_ref().map(|decision| &*decision.by),
            "identity decided on"
        );
        Ok(decided)
    }

    pub(crate) async fn identity_record(&self, title: &Title) -> Result<Record, Failure> {
        let stored = self.parts.db.identity_record(title).await?;
        let entries: Result<_, Failure> = stored.into_iter().map(Entry::read).collect();
        Ok(Record { entries: entries? })
    }

    async fn identity_records(&self, title: Option<&Title>) -> Result<Vec<Record>, Failure> {
        let titles = match title {
            Some(title) => vec![title.clone()],
            None => self.parts.db.identity_titles().await?,
        };
        let mut records = Vec::new();
        for title in titles {
            records.push(self.identity_record(&title).await?);
        }
        Ok(records)
    }
}
