//! What went wrong, as the one who found it tells it.

use model::{FailureClass, RunId, Title};

/// A failure that somebody must hear of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The title.
    pub title: Title,
    /// What kind of failure.
    pub class: FailureClass,
    /// What happened, in plain words.
    pub cause: String,
    /// What to do about it, where there is something better to say than [`crate::advice`].
    pub next_step: Option<String>,
    /// The run that failed, if it was a run. A second failure of the same run and class is the same failure.
    pub run: Option<RunId>,
    /// The step of that run.
    pub step: Option<String>,
    /// The end of that run's log; lines separated by line feeds.
    pub excerpt: String,
}
