//! Runs: the queue, the leases under which workers carry them, and how they ended.

use model::{FailureClass, IncidentId, RunId, RunState, Timestamp, Title, Trigger};
use serde_json::Value;

use crate::{StoreError, column};

/// One execution of an override.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// The title.
    pub title: Title,
    /// What set it off.
    pub trigger: Trigger,
    /// What was asked for, as its reader wrote it.
    pub request: Value,
    /// Where it stands.
    pub state: RunState,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// When a worker first took it up.
    pub started_at: Option<Timestamp>,
    /// When it ended, or began to wait for a person.
    pub finished_at: Option<Timestamp>,
    /// When somebody is to look at it next.
    pub due_at: Timestamp,
    /// Until when it may stay parked.
    pub deadline_at: Option<Timestamp>,
    /// What is needed to go on with a parked run, as its reader wrote it.
    pub parked: Option<Value>,
    /// How often a worker has taken it up.
    pub attempts: u32,
    /// When it goes, by whom, and how often it was tried.
    pub terms: Terms,
    /// Who asked that it be stopped.
    pub cancelled_by: Option<String>,
    /// Why it failed or is held.
    pub failure: Option<RunFailure>,
}

/// Why a run failed, or is held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunFailure {
    /// What kind of failure.
    pub class: FailureClass,
    /// What happened, in plain words.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
    /// The step that failed, if it was a step.
    pub step: Option<String>,
    /// More for those who look closer: what differs from what was approved.
    pub detail: Option<String>,
    /// The incident that tells of it.
    pub incident: Option<IncidentId>,
}

/// When a run goes, by whom, and how often it was tried.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terms {
    /// Runs of a higher number go first; 0 is usual.
    pub priority: i64,
    /// The label that a worker must have; any will do if there is none.
    pub label: Option<String>,
    /// How often it was tried, itself included.
    pub tries: u32,
    /// Not before then; at once if it says nothing. What is read of a run says nothing here.
    pub not_before: Option<Timestamp>,
    /// Titles whose runs must be over before. What is read of a run says nothing here.
    pub after: Vec<Title>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            priority: 0,
            label: None,
            tries: 1,
            not_before: None,
            after: Vec::new(),
        }
    }
}

/// Who takes runs up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Worker {
    /// The process.
    pub owner: String,
    /// The node it belongs to, whose workspaces it can read.
    pub node: String,
    /// The labels it has.
    pub labels: Vec<String>,
    /// A node that was not seen since then is gone, and what it left is anybody's.
    pub node_seen_since: Timestamp,
}

impl Worker {
    /// A worker without labels that is a node by itself.
    pub fn named(owner: &str) -> Self {
        Self {
            owner: owner.to_owned(),
            node: owner.to_owned(),
            labels: Vec::new(),
            node_seen_since: Timestamp::default(),
        }
    }

    /// The labels as a list that one is sought in.
    fn listed(&self) -> String {
        format!(",{},", self.labels.join(","))
    }
}

/// What came of saying that a run is still carried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Heartbeat {
    /// The lease was renewed.
    Kept,
    /// It was, and somebody asked that the run be stopped.
    Cancelled,
    /// Another worker has the run, or it is over.
    Lost,
}

/// What to put into the queue.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The title.
    pub title: Title,
    /// What sets it off.
    pub trigger: Trigger,
    /// What is asked for.
    pub request: Value,
    /// When it goes, and by whom.
    pub terms: Terms,
}

/// What became of a run that was to be queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Queued {
    /// It is in the queue.
    New(RunId),
    /// The title has a run already, which has not ended.
    Already(RunId),
}

/// The right to carry a run on; it is lost when it is not renewed in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The fencing number: who took the run last has the largest, and only that one can change it.
    pub fence: u32,
}

/// What a worker that parks a run leaves for the next.
#[derive(Clone, Debug)]
pub struct Parking {
    /// What is needed to go on.
    pub parked: Value,
    /// When to look again.
    pub due_at: Timestamp,
    /// How long to wait at all.
    pub deadline_at: Timestamp,
}

/// How a run ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunEnd {
    /// Somebody stopped it.
    Cancelled,
    /// Something stopped it.
    Failed(RunFailure),
    /// It waits for a person.
    Held(RunFailure),
    /// The repository has what it staged.
    Published,
    /// There was nothing new.
    Unchanged,
}

impl RunEnd {
    /// The state it leaves the run in.
    pub const fn state(&self) -> RunState {
        match self {
            Self::Cancelled => RunState::Cancelled,
            Self::Failed(_) => RunState::Failed,
            Self::Held(_) => RunState::Held,
            Self::Published => RunState::Published,
            Self::Unchanged => RunState::Unchanged,
        }
    }

    /// Why, if it is no good end.
    pub const fn failure(&self) -> Option<&RunFailure> {
        match self {
            Self::Failed(failure) | Self::Held(failure) => Some(failure),
            Self::Cancelled | Self::Published | Self::Unchanged => None,
        }
    }
}

/// How many runs ended in one way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunCount {
    /// Where they stand.
    pub state: RunState,
    /// Why they failed or are held.
    pub class: Option<FailureClass>,
    /// How many.
    pub count: u64,
}

/// Which runs are meant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RunFilter {
    /// Of this title only.
    pub title: Option<Title>,
    /// In this state only.
    pub state: Option<RunState>,
    /// Only those that were queued before this one.
    pub before: Option<RunId>,
}

/// What is read of a run; the same in every statement.
macro_rules! columns {
    () => {
        "id, title, trigger_word, request, state, queued_at, started_at, finished_at, due_at, deadline_at, parked,
         attempts, fence, class, cause, next_step, step, detail, incident_id,
         priority, label, tries, cancelled_by"
    };
}

pub(crate) use columns;

#[derive(sqlx::FromRow)]
pub(crate) struct RunRow {
    id: String,
    title: String,
    trigger_word: String,
    request: String,
    state: String,
    queued_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    due_at: i64,
    deadline_at: Option<i64>,
    parked: Option<String>,
    attempts: i64,
    fence: i64,
    class: Option<String>,
    cause: Option<String>,
    next_step: Option<String>,
    step: Option<String>,
    detail: Option<String>,
    incident_id: Option<String>,
    priority: i64,
    label: Option<String>,
    tries: i64,
    cancelled_by: Option<String>,
}

impl RunRow {
    fn failure(&mut self) -> Result<Option<RunFailure>, StoreError> {
        let Some(class) = &self.class else {
            return Ok(None);
        };
        Ok(Some(RunFailure {
            class: column::word("run.class", class)?,
            cause: self.cause.take().unwrap_or_default(),
            next_step: self.next_step.take().unwrap_or_default(),
            step: self.step.take(),
            detail: self.detail.take(),
            incident: column::optional_word("run.incident_id", self.incident_id.as_deref())?,
        }))
    }

    fn claimed(self) -> Result<(Run, Lease), StoreError> {
        let fence = column::count("run.fence", self.fence)?;
        let run = Run::try_from(self)?;
        let lease = Lease { run: run.id, fence };
        Ok((run, lease))
    }
}

impl TryFrom<RunRow> for Run {
    type Error = StoreError;

    fn try_from(mut row: RunRow) -> Result<Self, StoreError> {
        Ok(Self {
            failure: row.failure()?,
            id: column::word("run.id", &row.id)?,
            title: column::word("run.title", &row.title)?,
            trigger: column::word("run.trigger_word", &row.trigger_word)?,
            request: column::json("run.request", &row.request)?,
            state: column::word("run.state", &row.state)?,
            queued_at: Timestamp::from_micros(row.queued_at),
            started_at: row.started_at.map(Timestamp::from_micros),
            finished_at: row.finished_at.map(Timestamp::from_micros),
            due_at: Timestamp::from_micros(row.due_at),
            deadline_at: row.deadline_at.map(Timestamp::from_micros),
            parked: row
                .parked
                .map(|text| column::json("run.parked", &text))
                .transpose()?,
            attempts: column::count("run.attempts", row.attempts)?,
            terms: Terms {
                priority: row.priority,
                label: row.label,
                tries: column::count("run.tries", row.tries)?,
                ..Terms::default()
            },
            cancelled_by: row.cancelled_by,
        })
    }
}

mod list;
mod notes;
mod old;
mod progress;
mod queue;

pub use notes::{Finished, GoodEnd, Notes, StepNote};
pub(crate) use {notes::Leased, queue::queue_tx};

#[cfg(test)]
mod tests;
