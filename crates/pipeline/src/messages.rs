//! What a step says, on its way to people and into the run's log.

use std::sync::{Arc, Mutex, PoisonError};

use processors::StepMessages;
use redact::Scrubber;

use crate::{Event, Reporter};

/// The most that is kept of what one step says; what came last tells why it failed.
const KEPT_BYTES: usize = 64 * 1024;

/// What a step says: told at once, kept for the log, secrets taken out of both.
pub(crate) struct Messages {
    processor: String,
    reporter: Arc<dyn Reporter>,
    scrubber: Arc<Scrubber>,
    kept: Mutex<String>,
}

impl Messages {
    pub(crate) fn new(
        processor: &str,
        reporter: Arc<dyn Reporter>,
        scrubber: Arc<Scrubber>,
    ) -> Self {
        Self {
            processor: processor.to_owned(),
            reporter,
            scrubber,
            kept: Mutex::default(),
        }
    }

    /// What was said, one message a line.
    pub(crate) fn kept(&self) -> String {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps why the step failed; the run's own report tells it.
    pub(crate) fn keep_error(&self, text: &str) {
        self.keep(&self.scrubber.scrub(text));
    }

    fn keep(&self, text: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_str(text);
        kept.push('\n');
        if kept.len() > KEPT_BYTES {
            let cut = kept.len().saturating_sub(KEPT_BYTES / 2);
            let line = kept
                .char_indices()
                .find(|(at, letter)| *at >= cut && *letter == '\n')
                .map_or(kept.len(), |(at, _)| at.saturating_add(1));
            kept.drain(..line);
        }
    }
}

impl StepMessages for Messages {
    fn say(&self, text: &str) {
        let text = self.scrubber.scrub(text);
        self.keep(&text);
        self.reporter.report(&Event::Said {
            processor: &self.processor,
            text: &text,
        });
    }

    fn warn(&self, text: &str) {
        let text = self.scrubber.scrub(text);
        self.keep(&format!("WARNING: {text}"));
        self.reporter.report(&Event::Warned { text: &text });
    }

    fn progress(&self, done_bytes: u64, total_bytes: Option<u64>) {
        self.reporter.report(&Event::Progress {
            done_bytes,
            total_bytes,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;

    #[test]
    fn keeps_whole_lines_of_what_came_last_without_secrets() {
        let mut scrubber = Scrubber::new();
        scrubber.learn("hunter2");
        let messages = Messages::new("Copier", Arc::new(Silent), Arc::new(scrubber));
        for number in 0..20_000 {
            messages.say(&format!("line {number} hunter2"));
        }
        let kept = messages.kept();
        assert!(kept.len() <= KEPT_BYTES);
        assert!(kept.starts_with("line "));
        assert!(kept.ends_with("line 19999 ***\n"));
        assert!(!kept.contains("hunter2"));
    }
}
