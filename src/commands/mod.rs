//! What the verbs do, one file each.

mod codesign;
mod media;
mod run;
mod trust;
mod version;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    cli::{Cli, Verb},
    exit::ExitStatus,
    house::House,
    logging,
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
        verbosity: cli.global.verbose,
        quiet: cli.global.quiet,
    };
    match carry_out(cli, printer) {
        Ok(status) => status.into(),
        Err(error) => {
            printer.error(&error);
            ExitStatus::Failed.into()
        }
    }
}

fn carry_out(cli: Cli, printer: Printer) -> anyhow::Result<ExitStatus> {
    logging::start(&cli);
    // Two TLS libraries are linked into some builds; without this choice rustls would refuse to pick one.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .unwrap_or_default();
    let house = House::new(&cli.global);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(dispatch(cli.verb, &house, printer))
}

/// One line a verb: what is blocking is called as it is, because nothing else runs beside it.
async fn dispatch(verb: Verb, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Verb::Codesign(verb) => codesign::run(verb, printer),
        Verb::Media(verb) => media::run(&verb, printer),
        Verb::Run(arguments) => Box::pin(run::run(arguments, house, printer)).await,
        Verb::Trust(verb) => trust::run(verb, house, printer).await,
        Verb::Version => version::run(printer),
    }
}
