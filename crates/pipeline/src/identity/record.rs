//! The rules: what a title's record says to what a run has verified.

use codesign::{Identity, IdentityChange, identity_changes};
use model::{FailureClass, IdentityId, Timestamp};
use store::{IdentityDecision, IdentityState};

use super::{Entry, Verdict};
use crate::Failure;

/// Everything that is on record of a title, newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) entries: Vec<Entry>,
}

/// Why identities that a run has found are held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    /// How they differ.
    pub(crate) changes: Vec<IdentityChange>,
    /// The entry by which they wait already, or were refused, beside what is accepted now.
    pub(crate) on_record: Option<Entry>,
    /// The refusal, if the last decision on them was one.
    pub(crate) refusal: Option<Entry>,
}

impl Record {
    /// Holds `found` against the record: nothing if they may be published, because they are what was accepted or
    /// somebody approved them.
    pub(crate) fn objection(&self, found: &[Identity]) -> Option<Held> {
        let baseline = self.baseline(found);
        let changes = identity_changes(baseline, found);
        if changes.is_empty() {
            return None;
        }
        let latest = self.latest(found);
        let latest = latest.filter(|entry| entry.accepted == baseline);
        let state = latest.map(|entry| entry.state);
        if state == Some(IdentityState::Approved) {
            return None;
        }
        let waits = matches!(state, Some(IdentityState::Held | IdentityState::Refused));
        Some(Held {
            changes,
            on_record: latest.filter(|_| waits).cloned(),
            refusal: self.refusal(found).cloned(),
        })
    }

    /// What `found` is compared with: what was accepted last. Where it was accepted that nothing is checked any
    /// more, signatures that are checked again are compared with those of before.
    pub(crate) fn baseline(&self, found: &[Identity]) -> &[Identity] {
        let mut accepted = self.accepted();
        let entry = if self.is_accepted(found) {
            accepted.next()
        } else {
            accepted.find(|entry| !entry.identities.is_empty())
        };
        entry.map_or(&[], |entry| &entry.identities)
    }

    /// Whether `found` is what was accepted last.
    pub(crate) fn is_accepted(&self, found: &[Identity]) -> bool {
        match self.accepted().next() {
            Some(entry) => entry.identities == found,
            None => found.is_empty(),
        }
    }

    /// A person's word on the identities of `about`, to be added to the record.
    ///
    /// # Errors
    /// If it changes nothing, or comes too late.
    pub(crate) fn decide(
        &self,
        about: &Entry,
        verdict: Verdict,
        decision: IdentityDecision,
        now: Timestamp,
    ) -> Result<Entry, Failure> {
        let state = match verdict {
            Verdict::Approve => IdentityState::Approved,
            Verdict::Refuse => IdentityState::Refused,
        };
        let stands = self.latest(&about.identities).unwrap_or(about);
        let when = stands.recorded_at;
        let no_use = match (stands.state, &stands.decision) {
            (IdentityState::Accepted, _) => {
                format!("It was accepted on {when}, so nothing waits for a decision")
            }
            (decided, Some(before)) if decided == state => {
                let by = &before.by;
                format!("It was {} by {by} on {when} already", state.as_str())
            }
            _ if stands.accepted != self.baseline(&stands.identities) => {
                "Another identity was accepted since it was held, so the two would have to be compared anew"
                    .to_owned()
            }
            _ => {
                return Ok(Entry {
                    id: IdentityId::new(),
                    state,
                    recorded_at: now,
                    decision: Some(decision),
                    ..stands.clone()
                });
            }
        };
        Err(Failure::new(FailureClass::Configuration, no_use).with_advice(format!(
            "Look at how the title stands with `auto-update identity list {}`; run it to have it judged anew.",
            about.title
        )))
    }

    /// The entries that say how the title stands: what was accepted last, and of each other list of identities what
    /// was said of it last, if that is still of use.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &Entry> {
        let newest_accepted = self.accepted().next().map(|entry| entry.id);
        self.entries.iter().filter(move |entry| {
            let is_latest = self
                .latest(&entry.identities)
                .is_some_and(|latest| latest.id == entry.id);
            let is_of_use = match entry.state {
                IdentityState::Accepted => Some(entry.id) == newest_accepted,
                IdentityState::Refused => true,
                IdentityState::Approved | IdentityState::Held => {
                    entry.accepted == self.baseline(&entry.identities)
                }
            };
            is_latest && is_of_use
        })
    }

    pub(crate) fn newest_id(&self) -> Option<IdentityId> {
        self.entries.first().map(|entry| entry.id)
    }

    /// The newest entry of these identities.
    fn latest(&self, identities: &[Identity]) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.identities == identities)
    }

    /// The last decision on these identities, if it was a refusal.
    fn refusal(&self, identities: &[Identity]) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries
            .find(|entry| entry.identities == identities && entry.decision.is_some())
            .filter(|entry| entry.state == IdentityState::Refused)
    }

    fn accepted(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.entries.iter();
        entries.filter(|entry| entry.state == IdentityState::Accepted)
    }
}
