//! What became of a run that a worker took up.

use model::{IncidentId, RunId, Timestamp, Title};
use proplist::Value;
use store::RunEnd;

use crate::{Failure, Item, StepReport};

/// What became of a run that a worker took up.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It came to its end, or waits for a person.
    Ended(RunEnd),
    /// Another worker has it.
    Lost,
    /// It waits.
    Parked {
        /// Until then at least.
        until: Timestamp,
        /// What for.
        what_for: Wait,
    },
    /// It was given back to the queue, because this process is to stop.
    Released,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    /// What it would publish is too young.
    Age,
    /// A scanner's answer.
    Scanner,
}

/// A run that a worker took up, and what became of it.
#[derive(Clone, Debug)]
pub struct Worked {
    /// The run.
    pub run: RunId,
    /// The title.
    pub title: Title,
    /// What became of it.
    pub outcome: Outcome,
    /// The identifier of its override, if it came that far.
    pub identifier: Option<String>,
    /// What its steps report, if it ended.
    pub reports: Vec<StepReport>,
    /// Its receipt, without secrets.
    pub receipt: Option<Value>,
    /// Why it failed or is held.
    pub failure: Option<Failure>,
    /// The items that became available.
    pub published: Vec<Item>,
    /// The incident that tells of its failure.
    pub incident: Option<IncidentId>,
}
