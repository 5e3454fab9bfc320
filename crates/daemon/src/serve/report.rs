//! What happens in runs, as lines of the log.

use std::sync::{Mutex, PoisonError};

use pipeline::{Event, Reporter};

/// Logs what happens in one run after another.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The override of the present run.
    name: Mutex<String>,
}

impl Reporter for Log {
    fn report(&self, event: &Event<'_>) {
        let mut name = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Processing { name: new } = event {
            (*new).clone_into(&mut name);
        }
        let name = name.as_str();
        match event {
            Event::Processing { .. } => tracing::info!(title.name = name, "run taken up"),
            Event::StepEnds { record } => {
                tracing::info!(title.name = name, step = record.processor, "step done");
            }
            Event::Said { processor, text } => {
                tracing::debug!(title.name = name, step = processor, "{text}");
            }
            Event::Warned { text } => tracing::warn!(title.name = name, "{text}"),
            Event::Publishing { files } => {
                tracing::info!(title.name = name, files, "publishing");
            }
            Event::Failed { failure } => {
                tracing::warn!(title.name = name, run.class = %failure.class, "{}", failure.message);
            }
            // Too much for a log, or logged elsewhere.
            _ => {}
        }
    }
}
