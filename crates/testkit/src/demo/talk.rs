//! What the demo tells the person who watches it.

use std::io::{self, Write};

use crate::house::Finished;

/// Tells what happens, as it happens.
pub struct Talk {
    out: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Talk").finish_non_exhaustive()
    }
}

impl Talk {
    /// Tells it to `out`.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out) }
    }

    /// A new act begins.
    pub(super) fn act(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.out, "\n== {title} ==")
    }

    /// A sentence.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// What a run of the program printed, under what was typed.
    pub(super) fn finished(&mut self, finished: &Finished) -> io::Result<()> {
        writeln!(self.out, "\n$ {}", finished.line)?;
        self.quote(&finished.stdout)?;
        self.quote(&finished.stderr)?;
        if !finished.status.success() {
            writeln!(self.out, "    ({})", finished.status)?;
        }
        self.out.flush()
    }

    /// Text that somebody else wrote.
    pub(super) fn quote(&mut self, text: &str) -> io::Result<()> {
        for line in text.trim_end().lines() {
            if line.is_empty() {
                writeln!(self.out)?;
            } else {
                writeln!(self.out, "    {line}")?;
            }
        }
        Ok(())
    }
}
