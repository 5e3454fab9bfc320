//! What happens in a run, as it happens.

use std::path::Path;

use model::{RunId, Timestamp};
use processors::{Env, StepRecord};
use proplist::Dict;

use crate::{Failure, Wait};

/// Something that happens in a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A run begins, or is taken up again.
    Processing {
        /// The override, as it was typed.
        name: &'a str,
    },
    /// All variables, before the first or after the last step.
    Environment {
        /// The variables.
        env: &'a Env,
    },
    /// A step begins.
    StepBegins {
        /// The processor, as the recipe names it.
        processor: &'a str,
    },
    /// A step that has begun has its input.
    StepReads {
        /// The declared inputs that are there, before defaults are put in.
        input: &'a Dict,
    },
    /// A step says something.
    Said {
        /// The processor.
        processor: &'a str,
        /// What it says.
        text: &'a str,
    },
    /// A step, or the run, warns.
    Warned {
        /// Of what.
        text: &'a str,
    },
    /// A download goes on.
    Progress {
        /// How many bytes have come.
        done_bytes: u64,
        /// How many will come, if the server says so.
        total_bytes: Option<u64>,
    },
    /// A step has done what it should.
    StepEnds {
        /// What it read and set.
        record: &'a StepRecord,
    },
    /// Something stopped the run.
    Failed {
        /// What, why, and what to do about it.
        failure: &'a Failure,
    },
    /// The receipt is written.
    ReceiptWritten {
        /// Where.
        path: &'a Path,
    },
    /// The run waits.
    Parked {
        /// The run.
        run: RunId,
        /// When it is looked at again.
        until: Timestamp,
        /// What for.
        what_for: Wait,
    },
    /// The change set is being applied.
    Publishing {
        /// How many files are added.
        files: usize,
    },
}

/// Who is told what happens in a run.
pub trait Reporter: Send + Sync {
    /// Tells of one event; it is called in order, and must not block for long.
    fn report(&self, event: &Event<'_>);
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: &Event<'_>) {}
}
