//! Why a step failed.

use model::FailureClass;

/// Why a step failed: what kind of failure, and in words.
///
/// The text of [`std::fmt::Display`] is what `AutoPkg` prints after `Error in ID: Processor: NAME: Error:`.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// What kind of failure it is; decides retry, priority and incident.
    pub class: FailureClass,
    /// What happened, for people.
    pub message: String,
    /// What to do next, for people, where there is something better to say than the class says.
    pub next_step: Option<String>,
    /// The error underneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StepError {
    /// A failure of `class` that `message` tells of.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            next_step: None,
            source: None,
        }
    }

    /// A failure because the recipe or a preference is wrong.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(FailureClass::Configuration, message)
    }

    /// A failure to open, unpack, copy or build something.
    pub fn package(message: impl Into<String>) -> Self {
        Self::new(FailureClass::Package, message)
    }

    /// A failure because the run was stopped.
    pub(crate) fn cancelled(processor: &str) -> Self {
        Self::new(FailureClass::Internal, format!("{processor} was stopped"))
    }

    /// This failure, with the error underneath it.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// This failure, with advice.
    #[must_use]
    pub fn with_next_step(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = Some(next_step.into());
        self
    }
}
