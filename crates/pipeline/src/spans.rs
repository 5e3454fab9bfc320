//! Spans of runs and steps: what log lines and traces say they belong to.

use model::FailureClass;
use store::Run;
use tracing::{Span, field};

/// The span of a run that was taken up.
pub(crate) fn of_run(run: &Run) -> Span {
    tracing::info_span!(
        "run",
        otel.name = %run.title,
        run.id = %run.id,
        run.attempt = run.attempts,
        title.name = %run.title,
        run.state = field::Empty,
        otel.status_description = field::Empty,
    )
}

/// The span of a step.
pub(crate) fn of_step(position: u32, processor: &str) -> Span {
    tracing::info_span!(
        "step",
        otel.name = processor,
        step.position = position,
        step.processor = processor,
    )
}

/// Says how the run of the current span was left: one of its states, or `parked`.
pub(crate) fn left_as(state: &str) {
    Span::current().record("run.state", state);
}

/// Says that the run of the current span failed.
pub(crate) fn failed(class: FailureClass) {
    // Whoever is told why takes that for an error.
    Span::current().record("otel.status_description", class.as_str());
}
