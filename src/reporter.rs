//! What happens in a run, told at a terminal as `AutoPkg` tells it.

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _},
    sync::{Mutex, PoisonError},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pipeline::{Event, Reporter, Wait, pretty};
use proplist::{Dict, Value};

use crate::printer::Printer;

/// Tells of runs at a terminal. With JSON output nothing is told but warnings and failures.
pub(crate) struct Terminal {
    printer: Printer,
    json: bool,
    progress: Mutex<Option<ProgressBar>>,
}

impl Terminal {
    pub(crate) fn new(printer: Printer, json: bool) -> Self {
        Self {
            printer,
            json,
            progress: Mutex::default(),
        }
    }

    /// A line of what `AutoPkg` prints to standard output; a reader that has gone away ends nothing.
    fn line(&self, text: &str) {
        if !self.json && !self.printer.quiet {
            let is_seen = io::stdout().is_terminal();
            self.printer.data(shown(text, is_seen)).unwrap_or_default();
        }
    }

    fn at_least(&self, verbosity: u8) -> bool {
        self.printer.verbosity >= verbosity
    }

    fn downloading(&self, done_bytes: u64, total_bytes: Option<u64>) {
        if self.json || self.printer.quiet || self.at_least(1) {
            return;
        }
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = progress.get_or_insert_with(|| bar(total_bytes));
        bar.set_position(done_bytes);
        if total_bytes == Some(done_bytes) {
            bar.finish_and_clear();
            *progress = None;
        }
    }

    fn clear(&self) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = progress.take() {
            bar.finish_and_clear();
        }
    }

    /// `{'Input': …}`
    fn dict(&self, name: &str, dict: &Dict) {
        if self.at_least(2) {
            let shown: Dict = [(name.to_owned(), Value::Dict(dict.clone()))]
                .into_iter()
                .collect();
            self.line(&pretty(&Value::Dict(shown)));
        }
    }
}

/// What a terminal is given of `text`: recipes, vendors and processors choose words, and not what a terminal does.
fn shown(text: &str, is_seen: bool) -> Cow<'_, str> {
    let acts = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if is_seen && text.contains(acts) {
        text.replace(acts, "\u{fffd}").into()
    } else {
        text.into()
    }
}

impl Reporter for Terminal {
    fn report(&self, event: &Event<'_>) {
        match event {
            Event::Processing { name } => self.line(&format!("Processing {name}...")),
            Event::Environment { env } if self.at_least(3) => {
                self.line(&pretty(&Value::Dict((*env).clone())));
            }
            Event::StepBegins { processor } if self.at_least(1) => self.line(processor),
            Event::Said { processor, text } if self.at_least(1) => {
                self.line(&format!("{processor}: {text}"));
            }
            Event::Warned { text } => self.printer.plain_warning(text),
            Event::Progress {
                done_bytes,
                total_bytes,
            } => self.downloading(*done_bytes, *total_bytes),
            Event::StepReads { input } => self.dict("Input", input),
            Event::StepEnds { record } => {
                self.clear();
                self.dict("Output", &record.output);
            }
            Event::Failed { failure } => {
                self.clear();
                let is_seen = io::stderr().is_terminal();
                self.printer.notice(shown(failure.said(), is_seen));
                self.printer.notice(match failure.class {
                    model::FailureClass::Trust => "Failed local trust verification.",
                    _ if failure.held => "Held.",
                    _ => "Failed.",
                });
            }
            Event::ReceiptWritten { path } if self.at_least(1) => {
                self.line(&format!("Receipt written to {}", path.display()));
            }
            Event::Parked {
                until,
                what_for: Wait::Scanner,
                ..
            } => self.printer.talk(format!(
                "The scanner has not answered yet; asking again at {until}"
            )),
            Event::Publishing { files } if self.at_least(1) => {
                self.line(&format!("Publishing {files} files"));
            }
            _ => {}
        }
    }
}

fn bar(total_bytes: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr();
    let template = match total_bytes {
        Some(_) => "{bytes:>12} of {total_bytes} [{bar:40}] {bytes_per_sec}, {eta} left",
        None => "{bytes:>12} {spinner} {bytes_per_sec}",
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(total_bytes, target).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_words_only() {
        let text = "a\u{1b}]0;title\u{7}\tb\r\nc\0";
        assert_eq!(
            shown(text, true),
            "a\u{fffd}]0;title\u{fffd}\tb\u{fffd}\nc\u{fffd}"
        );
        assert_eq!(shown(text, false), text);
    }
}
