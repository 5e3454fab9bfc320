//! Where the program's words go: data to standard output, talk to standard error.

use std::{
    fmt::Display,
    io::{self, BufWriter, StdoutLock, Write as _},
};

use anstyle::{AnsiColor, Style};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// How many bytes of lines are gathered before they are written.
const GATHERED: usize = 64 << 10;

/// Prints for people or for programs; colours only in talk on a terminal, and never when `NO_COLOR` is set. Data goes out
/// as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    /// How many `-v` were given.
    pub(crate) verbosity: u8,
    /// Whether talk is left out.
    pub(crate) quiet: bool,
}

impl Printer {
    /// A line of data.
    ///
    /// # Errors
    /// If standard output cannot be written for another reason.
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn data(self, line: impl Display) -> io::Result<()> {
        unless_gone(writeln!(io::stdout().lock(), "{line}"))
    }

    /// For many lines of data, which are gathered before they are written.
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn lines(self) -> Lines {
        Lines(BufWriter::with_capacity(GATHERED, io::stdout().lock()))
    }

    /// Raw bytes of data, as [`Printer::data`]. None of them are kept back until the program ends, when nobody would
    /// hear any more that they could not be written.
    ///
    /// # Errors
    /// As [`Printer::data`].
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn bytes(self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        unless_gone(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// A line of talk, left out when quiet.
    pub(crate) fn talk(self, line: impl Display) {
        if !self.quiet {
            talk(&line.to_string());
        }
    }

    /// A line of complaint in `AutoPkg`'s own words, which other programs look for; never left out.
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn complaint(self, line: impl Display) {
        talk(&line.to_string());
    }

    /// A warning.
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn warning(self, line: impl Display) {
        talk(&format!("{WARNING}warning:{WARNING:#} {line}"));
    }

    /// A warning in `AutoPkg`'s form, which other programs look for.
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn plain_warning(self, line: impl Display) {
        talk(&format!("WARNING: {line}"));
    }

    /// A line of talk that is told even when quiet.
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn notice(self, line: impl Display) {
        talk(&line.to_string());
    }

    /// An error and everything underneath it, one `caused by` a line.
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn error(self, error: &anyhow::Error) {
        talk(&format!("{ERROR}error:{ERROR:#} {error}"));
        for cause in model::causes(&**error) {
            talk(&format!("  caused by: {cause}"));
        }
    }

    /// What to do next.
    #[expect(
        clippy::unused_self,
        reason = "every word of the program goes through the printer"
    )]
    pub(crate) fn hint(self, line: impl Display) {
        talk(&format!("{HINT}hint:{HINT:#} {line}"));
    }
}

/// Lines of data on their way out. What is still gathered when it goes out of use is written then.
#[derive(Debug)]
pub(crate) struct Lines(BufWriter<StdoutLock<'static>>);

impl Lines {
    /// One more line, as [`Printer::data`].
    ///
    /// # Errors
    /// As [`Printer::data`].
    pub(crate) fn data(&mut self, line: impl Display) -> io::Result<()> {
        unless_gone(writeln!(self.0, "{line}"))
    }

    /// Writes what is still gathered.
    ///
    /// # Errors
    /// As [`Printer::data`].
    pub(crate) fn finish(mut self) -> io::Result<()> {
        unless_gone(self.0.flush())
    }
}

/// A reader that has gone away is no error of ours.
fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Nobody is left to tell when standard error itself cannot be written.
fn talk(line: &str) {
    writeln!(anstream::stderr(), "{line}").unwrap_or_default();
}
