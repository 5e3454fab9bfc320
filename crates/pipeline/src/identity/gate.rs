//! The gate: a run that verified other identities than were accepted is held.

use model::{FailureClass, IdentityId, Title};
use store::{IdentityEntry, IdentityState};

use super::{Entry, Signers, record::Held, words};
use crate::{
    Engine, Failure,
    pending::Pending,
    run::{Job, Stop},
};

impl Engine {
    /// Holds what the run verified against what was accepted of its title.
    ///
    /// # Errors
    /// A held failure if it is something else, and nobody approved it.
    pub(crate) async fn check_identity(
        &self,
        job: &Job<'_>,
        pending: &Pending,
    ) -> Result<(), Stop> {
        if pending.change_set.is_empty() {
            return Ok(());
        }
        let found = &pending.signers();
        let record = self.identity_record(&job.run.title).await?;
        let Some(held) = record.objection(found) else {
            return Ok(());
        };
        let entry = match &held.on_record {
            Some(entry) => entry.clone(),
            None => self.hold(job, found, record.baseline(found)).await?,
        };
        Err(failure(&entry, &held).into())
    }

    async fn hold(&self, job: &Job<'_>, found: &Signers, accepted: Signers) -> Result<Entry, Stop> {
        let entry = Entry {
            id: IdentityId::new(),
            title: job.run.title.clone(),
            state: IdentityState::Held,
            found: found.clone(),
            accepted,
            run: job.run.id,
            recorded_at: self.clock().now(),
            decision: None,
        };
        let stored = entry.to_stored()?;
        if !self.parts.db.identity_hold(job.lease, &stored).await? {
            return Err(Stop::Lost);
        }
        Ok(entry)
    }

    /// What the run adds to the record when it publishes; nothing if that is what was accepted last.
    pub(crate) async fn acceptance(
        &self,
        run: &store::Run,
        found: &Signers,
    ) -> Result<Option<IdentityEntry>, Failure> {
        let record = self.identity_record(&run.title).await?;
        if record.is_accepted(found) {
            return Ok(None);
        }
        let entry = Entry {
            id: IdentityId::new(),
            title: run.title.clone(),
            state: IdentityState::Accepted,
            found: found.clone(),
            accepted: record.baseline(found),
            run: run.id,
            recorded_at: self.clock().now(),
            decision: None,
        };
        entry.to_stored().map(Some)
    }
}

fn failure(entry: &Entry, held: &Held) -> Failure {
    let mut message = words::summary(&held.changes);
    if let Some((refusal, decision)) = held
        .refusal
        .as_ref()
        .and_then(|refusal| Some((refusal, refusal.decision.as_ref()?)))
    {
        message = format!(
            "{message}; {} refused that on {}: {}",
            decision.by, refusal.recorded_at, decision.reason
        );
    }
    Failure::new(FailureClass::IdentityChanged, message)
        .with_detail(words::changes_shown(&entry.accepted, &entry.found))
        .with_advice(advice(&entry.title, entry.id, held.refusal.is_some()))
        .held()
}

fn advice(title: &Title, id: IdentityId, is_refused: bool) -> String {
    let approve = format!("`auto-update identity approve {id} --reason TEXT`");
    if is_refused {
        return format!(
            "Keep {title} off, or find another source for it. If the refusal was wrong, take it back with {approve}."
        );
    }
    format!(
        "Find out from the vendor, through a known contact, why the signature is another. If it is right, let it pass \
         with {approve} and run {title} again; if not, `auto-update identity refuse {id} --reason TEXT`."
    )
}
