//! From the command line to what it asks for, and from its end to a line in the log and an exit status.

use std::{io::Write as _, process::ExitCode};

use client::{
    Fault, Files, Mac,
    log::{Level, Log},
    net::LocalNetwork,
    preferences::{Preferences, Settings},
    preflight,
};
use model::SystemClock;

use crate::cli::{Cli, Verb};

/// Does it.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let files = match Files::below(&cli.root) {
        Ok(files) => files,
        Err(fault) => {
            complain(&fault);
            return ExitCode::from(fault.exit_status());
        }
    };
    let mac = Mac {
        files,
        clock: &SystemClock,
        network: &LocalNetwork,
    };
    // What is wrong with the preferences is told by what needs them; the log has a place in any case.
    let preferences = Preferences::of_client(&mac.files).unwrap_or_default();
    let settings = Settings::of(&preferences);
    let log = Log::at(&mac.files, &settings.log_file, mac.clock);
    match carry_out(cli.verb, &mac) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            complain(&fault);
            if mac.files.are_ours() {
                let line = format!("{} {fault}", fault.code());
                if let Err(unlogged) = log.add(Level::Error, &line) {
                    complain(&unlogged);
                }
            }
            ExitCode::from(fault.exit_status())
        }
    }
}

fn carry_out(verb: Verb, mac: &Mac<'_>) -> Result<(), Fault> {
    match verb {
        Verb::Preflight(arguments) => preflight::run(mac, &arguments.run_type).map(drop),
    }
}

/// One line, in ASCII: Munki copies it into its log, and its version 7 ends when a character is cut in two.
fn complain(fault: &Fault) {
    let text: String = format!("auto-update-client: {} {fault}", fault.code())
        .chars()
        .map(|c| {
            if c.is_ascii() && !c.is_control() {
                c
            } else {
                '?'
            }
        })
        .collect();
    // There is nobody to tell that nobody can be told.
    writeln!(std::io::stderr(), "{text}").unwrap_or_default();
}
