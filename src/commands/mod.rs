//! What the verbs do, one file each.

mod version;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    cli::{Cli, Verb},
    exit::ExitStatus,
    printer::Printer,
};

/// Reads the command line, does what it says, and tells how it went.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is wrong usage; a closed pipe is neither.
            error.print().unwrap_or_default();
            let wrong = error.use_stderr();
            return if wrong {
                ExitStatus::Usage
            } else {
                ExitStatus::Done
            }
            .into();
        }
    };
    let printer = Printer {
        verbosity: 0,
        quiet: false,
    };
    match dispatch(cli.verb, printer) {
        Ok(status) => status.into(),
        Err(error) => {
            printer.error(&error);
            ExitStatus::Failed.into()
        }
    }
}

fn dispatch(verb: Verb, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Verb::Version => version::run(printer),
    }
}
