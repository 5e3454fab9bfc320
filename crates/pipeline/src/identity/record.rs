//! The rules: what a title's record says to what a run has verified.

use model::{FailureClass, IdentityId, Timestamp};
use proofs::VendorKey;
use store::{IdentityDecision, IdentityState};

use super::{Entry, Signers, Verdict, signers::Changes};
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
    pub(crate) changes: Changes,
    /// The entry by which they wait already, or were refused, beside what is accepted now.
    pub(crate) on_record: Option<Entry>,
    /// The refusal, if the last decision on them was one.
    pub(crate) refusal: Option<Entry>,
}

impl Record {
    /// Holds `found` against the record: nothing if they may be published, because they are what was accepted or
    /// somebody approved them.
    pub(crate) fn objection(&self, found: &Signers) -> Option<Held> {
        let baseline = self.baseline(found);
        let changes = baseline.changes(found);
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
    /// more, signatures that are checked again are compared with those of before; of Apple's and of the vendor's own
    /// this counts each for itself.
    pub(crate) fn baseline(&self, found: &Signers) -> Signers {
        Signers {
            identities: self.part(&found.identities, |signers| &signers.identities),
            keys: self.part(&found.keys, |signers| &signers.keys),
        }
    }

    /// The vendor's keys that were accepted last.
    pub(crate) fn pinned_keys(&self) -> Vec<VendorKey> {
        let mut accepted = self.accepted().map(|entry| &entry.found.keys);
        let pinned = accepted.find(|keys| !keys.is_empty());
        pinned.cloned().unwrap_or_default()
    }

    fn part<T: Clone + PartialEq>(&self, found: &[T], of: fn(&Signers) -> &Vec<T>) -> Vec<T> {
        let mut accepted = self.accepted().map(|entry| of(&entry.found));
        match accepted.next() {
            None => Vec::new(),
            Some(last) if last == found || !last.is_empty() => last.clone(),
            Some(_none) => {
                let before = accepted.find(|signers| !signers.is_empty());
                before.cloned().unwrap_or_default()
            }
        }
    }

    /// Whether `found` is what was accepted last.
    pub(crate) fn is_accepted(&self, found: &Signers) -> bool {
        match self.accepted().next() {
            Some(entry) => entry.found == *found,
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
        let stands = self.latest(&about.found).unwrap_or(about);
        let when = stands.recorded_at;
        let no_use = match (stands.state, &stands.decision) {
            (IdentityState::Accepted, _) => {
                format!("It was accepted on {when}, so nothing waits for a decision")
            }
            (decided, Some(before)) if decided == state => {
                let by = &before.by;
                format!("It was {} by {by} on {when} already", state.as_str())
            }
            _ if stands.accepted != self.baseline(&stands.found) => {
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
                .latest(&entry.found)
                .is_some_and(|latest| latest.id == entry.id);
            let is_of_use = match entry.state {
                IdentityState::Accepted => Some(entry.id) == newest_accepted,
                IdentityState::Refused => true,
                IdentityState::Approved | IdentityState::Held => {
                    entry.accepted == self.baseline(&entry.found)
                }
            };
            is_latest && is_of_use
        })
    }

    pub(crate) fn newest_id(&self) -> Option<IdentityId> {
        self.entries.first().map(|entry| entry.id)
    }

    /// Who let these identities pass that were held, if somebody did.
    pub(crate) fn approval(&self, found: &Signers) -> Option<&Entry> {
        let mut decided = self.entries.iter();
        let last = decided.find(|entry| entry.found == *found && entry.decision.is_some());
        last.filter(|entry| entry.state == IdentityState::Approved)
    }

    /// The newest entry of these identities.
    fn latest(&self, signers: &Signers) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.found == *signers)
    }

    /// The last decision on these identities, if it was a refusal.
    fn refusal(&self, signers: &Signers) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries
            .find(|entry| entry.found == *signers && entry.decision.is_some())
            .filter(|entry| entry.state == IdentityState::Refused)
    }

    fn accepted(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.entries.iter();
        entries.filter(|entry| entry.state == IdentityState::Accepted)
    }
}
