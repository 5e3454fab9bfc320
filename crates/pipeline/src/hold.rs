//! Runs that wait for a person: one list, with what each waits for, and what people say to it.

use ::store::{HoldDecision, HoldVerdict, IdentityDecision, IdentityState, Run, Terms};
use model::{FailureClass, RunId, Sha256, Trigger};

use crate::{Engine, Failure, IdentityVerdict, Request};

/// A run that waits for a person.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The run.
    pub run: Run,
    /// The digest of what a decision now would be about.
    pub about: Sha256,
    /// What there is to see: differences, both sides of a change.
    pub shown: Option<String>,
    /// What was said to it, in the order it was.
    pub decisions: Vec<HoldDecision>,
    /// How many people must approve.
    pub people: u16,
}

impl Hold {
    /// Who has approved what there is now, and has not said otherwise since.
    pub fn approved_by(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for decision in self.decisions.iter().filter(|it| it.about == self.about) {
            names.retain(|name| *name != decision.by);
            if decision.verdict == HoldVerdict::Approve {
                names.push(&decision.by);
            }
        }
        names
    }

    /// Who has refused what there is now, if somebody has and nothing was said since.
    pub fn refused(&self) -> Option<&HoldDecision> {
        let mut about_this = self.decisions.iter().filter(|it| it.about == self.about);
        about_this
            .next_back()
            .filter(|it| it.verdict == HoldVerdict::Refuse)
    }

    fn class(&self) -> Option<FailureClass> {
        self.run.failure.as_ref().map(|failure| failure.class)
    }
}

/// What became of a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decided {
    /// Enough have approved: this run is in the queue, and will pass.
    Passed(RunId),
    /// So many more people must approve.
    Missing(u16),
    /// It stays off.
    Refused,
}

impl Engine {
    /// Everything that waits for a person; the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn holds(&self) -> Result<Vec<Hold>, Failure> {
        let mut holds = Vec::new();
        for run in self.parts.db.hold_list().await? {
            holds.push(self.hold_of(run).await?);
        }
        Ok(holds)
    }

    /// What waits for a person behind `after`, at most `limit`; the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn holds_page(&self, after: Option<RunId>, limit: u32) -> Result<Vec<Hold>, Failure> {
        let mut holds = Vec::new();
        for run in self.parts.db.hold_page(after, limit).await? {
            holds.push(self.hold_of(run).await?);
        }
        Ok(holds)
    }

    /// The run `id`, which waits for a person.
    ///
    /// # Errors
    /// If it does not, or the database fails.
    pub async fn held(&self, id: RunId) -> Result<Hold, Failure> {
        let runs = self.parts.db.hold_list().await?;
        match runs.into_iter().find(|run| run.id == id) {
            Some(run) => self.hold_of(run).await,
            None => Err(Failure::new(
                FailureClass::Configuration,
                "Nothing of this run waits for a person",
            )
            .with_advice(
                "A newer run of its title may have taken its place: see `auto-update holds list`.",
            )),
        }
    }

    async fn hold_of(&self, run: Run) -> Result<Hold, Failure> {
        let failure = run.failure.clone();
        let mut shown = failure.as_ref().and_then(|failure| failure.detail.clone());
        let mut about = run.id.to_string();
        match failure.map(|failure| failure.class) {
            // What would be approved is what there is now, which may not be what the run found.
            Some(FailureClass::Trust) => match self.standing(&Self::request_of(&run)?).await {
                Ok(standing) => {
                    shown = Some(self.difference(&standing).await?);
                    about = told(&standing.now)?;
                }
                Err(unreadable) => shown = Some(unreadable.cause()),
            },
            Some(FailureClass::IdentityChanged) => {
                if let Some(entry) = self.held_identity(&run).await? {
                    about = told(&entry.found)?;
                }
            }
            _ => {}
        }
        Ok(Hold {
            decisions: self.parts.db.hold_decisions(run.id).await?,
            about: Sha256::of(about.as_bytes()),
            people: self.parts.guards.people.get(),
            shown,
            run,
        })
    }

    /// How it stands with the signatures that `run` is held for, and with no others of its title.
    async fn held_identity(&self, run: &Run) -> Result<Option<crate::IdentityEntry>, Failure> {
        let advice = run.failure.as_ref().map(|failure| &failure.next_step);
        // An earlier run may have found the same, and then its entry is the one that this run names.
        let is_its_own = |entry: &&crate::IdentityEntry| {
            let id = entry.id.to_string();
            entry.run == run.id || advice.is_some_and(|advice| advice.contains(&id))
        };
        let history = self.identity_history(Some(&run.title)).await?;
        let Some(own) = history.iter().find(is_its_own) else {
            return Ok(None);
        };
        let is_held = |entry: &crate::IdentityEntry| {
            matches!(entry.state, IdentityState::Held | IdentityState::Refused)
                && entry.found == own.found
        };
        let standing = self.identities(Some(&run.title)).await?;
        Ok(standing.into_iter().find(is_held))
    }

    /// Writes down what `by` says to the run `id`, and has a new run pass if enough people approve.
    ///
    /// # Errors
    /// If nothing of the run waits, or what is to be decided on is not `seen`, the digest that was shown; if the class
    /// cannot be approved; or if the database fails.
    pub async fn decide_hold(
        &self,
        id: RunId,
        verdict: HoldVerdict,
        (by, reason): (&str, &str),
        seen: Option<Sha256>,
    ) -> Result<Decided, Failure> {
        let mut hold = self.held(id).await?;
        if seen.is_some_and(|seen| seen != hold.about) {
            return Err(changed());
        }
        let decision = HoldDecision {
            run: id,
            verdict,
            by: by.to_owned(),
            reason: reason.to_owned(),
            about: hold.about,
            at: self.clock().now(),
        };
        self.parts.db.hold_decide(&decision).await?;
        tracing::info!(
            run.id = %id,
            title.name = %hold.run.title,
            decided_by = by,
            verdict = verdict.as_str(),
            "decided on what waited"
        );
        hold.decisions.push(decision);
        if verdict == HoldVerdict::Refuse {
            self.refuse(&hold, by, reason).await?;
            return Ok(Decided::Refused);
        }
        let approvers = hold.approved_by();
        let count = u16::try_from(approvers.len()).unwrap_or(u16::MAX);
        if count < hold.people {
            return Ok(Decided::Missing(hold.people.saturating_sub(count)));
        }
        let names = approvers.join(", ");
        self.pass(&hold, &names, reason).await.map(Decided::Passed)
    }

    async fn refuse(&self, hold: &Hold, by: &str, reason: &str) -> Result<(), Failure> {
        if hold.class() != Some(FailureClass::IdentityChanged) {
            return Ok(());
        }
        let entry = self.held_identity(&hold.run).await?;
        if let Some(entry) = entry.filter(|entry| entry.state == IdentityState::Held) {
            let decision = IdentityDecision {
                by: by.to_owned(),
                reason: reason.to_owned(),
            };
            self.decide_identity(entry.id, IdentityVerdict::Refuse, decision)
                .await?;
        }
        Ok(())
    }

    /// Has a new run of the title pass what the hold was for, and puts it into the queue.
    async fn pass(&self, hold: &Hold, by: &str, reason: &str) -> Result<RunId, Failure> {
        let mut request = Self::request_of(&hold.run)?;
        match hold.class() {
            Some(FailureClass::Trust) => {
                // Files may have changed since they were looked at a moment ago.
                let standing = self.standing(&request).await?;
                if Sha256::of(told(&standing.now)?.as_bytes()) != hold.about {
                    return Err(changed());
                }
                self.approve_standing(&standing, by).await?;
            }
            Some(FailureClass::IdentityChanged) => {
                let entry = self.held_identity(&hold.run).await?.ok_or_else(changed)?;
                let decision = IdentityDecision {
                    by: by.to_owned(),
                    reason: reason.to_owned(),
                };
                self.decide_identity(entry.id, IdentityVerdict::Approve, decision)
                    .await?;
            }
            Some(class @ (FailureClass::ReRelease | FailureClass::ScanInconclusive)) => {
                if !request.accepts(class) {
                    request.accepted.push(class);
                }
            }
            _ => {
                return Err(
                    Failure::new(FailureClass::Configuration, "Nobody can let this pass")
                        .with_advice(
                            "Correct what its incident tells of, and run the title again.",
                        ),
                );
            }
        }
        self.queue_soon(&request).await
    }

    /// Puts a run into the queue that goes before what is scheduled.
    async fn queue_soon(&self, request: &Request) -> Result<RunId, Failure> {
        let mut new = self.new_run(request, Trigger::Manual).await?;
        new.terms = Terms {
            priority: SOON,
            ..Terms::default()
        };
        let queued = self.parts.db.run_queue(&new, self.clock().now()).await?;
        match queued {
            store::Queued::New(id) => Ok(id),
            // What was approved is on record, and holds for that run, too.
            store::Queued::Already(id) if request.accepted.is_empty() => Ok(id),
            store::Queued::Already(_) => Err(Failure::new(
                FailureClass::Configuration,
                "A newer run of the title is under way",
            )
            .with_advice("Wait for its end, and approve what it waits for then.")),
        }
    }
}

fn told(what: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(what).map_err(|error| Failure::from_error(FailureClass::Internal, &error))
}

fn changed() -> Failure {
    Failure::new(
        FailureClass::Configuration,
        "What is to be decided on is not what was shown",
    )
    .with_advice("Look at it again with `auto-update holds show`, and decide then.")
}

/// What a person waits for goes before what is scheduled.
const SOON: i64 = 50;
