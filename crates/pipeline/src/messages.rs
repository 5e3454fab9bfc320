//! What a step says, on its way to people and into the run's log.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use processors::StepMessages;
use proplist::Dict;
use redact::Scrubber;

use crate::{Event, Reporter, secrets::scrubbed_dict};

/// The most that is kept of what one step says; what came last tells why it failed.
const KEPT_BYTES: usize = 64 * 1024;

/// What a step says: told at once, kept for the log, secrets taken out of both.
pub(crate) struct Messages {
    processor: String,
    reporter: Arc<dyn Reporter>,
    scrubber: Arc<Scrubber>,
    kept: Mutex<String>,
    /// How much of a download has come, and how much there is of it.
    came_bytes: Mutex<Option<(u64, Option<u64>)>>,
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
            came_bytes: Mutex::default(),
        }
    }

    /// What was said, one message a line.
    pub(crate) fn kept(&self) -> String {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What was said up to now, and how far a download has come.
    pub(crate) fn so_far(&self) -> String {
        let came = *self
            .came_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut said = self.kept();
        match came {
            Some((done, Some(all))) => writeln!(said, "{} of {} MB", mb(done), mb(all)),
            Some((done, None)) => writeln!(said, "{} MB", mb(done)),
            None => Ok(()),
        }
        // Nothing that is written into a text fails.
        .unwrap_or_default();
        said
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

    fn reads(&self, input: &Dict) {
        self.reporter.report(&Event::StepReads {
            input: &scrubbed_dict(&self.scrubber, input),
        });
    }

    fn progress(&self, done_bytes: u64, total_bytes: Option<u64>) {
        *self
            .came_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((done_bytes, total_bytes));
        self.reporter.report(&Event::Progress {
            done_bytes,
            total_bytes,
        });
    }
}

/// Bytes in millions, to a tenth.
fn mb(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
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

    #[test]
    fn tells_how_far_a_download_has_come_until_it_is_over() {
        let messages = Messages::new("URLDownloader", Arc::new(Silent), Arc::default());
        messages.say("Downloading");
        messages.progress(1_250_000, None);
        assert_eq!(messages.so_far(), "Downloading\n1.2 MB\n");
        messages.progress(12_000_000, Some(50_500_000));
        assert_eq!(messages.so_far(), "Downloading\n12.0 of 50.5 MB\n");
        assert_eq!(messages.kept(), "Downloading\n");
    }
}
