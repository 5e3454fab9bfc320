//! From the command line to what it asks for, and from its end to a line in the log and an exit status.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use client::{
    Fault, Files, Mac, SystemRandomness, attribute, clean,
    doctor::{self, Checks, Reach},
    hooks,
    log::{Level, Log},
    net::LocalNetwork,
    policy::{self, Origin, Wishes},
    postflight,
    preferences::{Preferences, Settings},
    preflight, status, verify,
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
        randomness: &SystemRandomness,
    };
    // What is wrong with the preferences is told by what needs them; the log has a place in any case.
    let preferences = Preferences::of_client(&mac.files).unwrap_or_default();
    let settings = Settings::of(&preferences);
    let log = Log::at(&mac.files, &settings.log_file, mac.clock);
    match carry_out(cli.verb, &mac, &settings, &log) {
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

fn carry_out(verb: Verb, mac: &Mac<'_>, settings: &Settings, log: &Log<'_>) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    match verb {
        Verb::Clean => clean::run(mac, log),
        Verb::Doctor(arguments) => {
            let reach = if arguments.exchange {
                Reach::Exchange
            } else {
                Reach::Here
            };
            print(
                &doctor::examine(mac, settings, reach),
                form(arguments.json),
                &mut out,
            )
        }
        Verb::ExtensionAttribute => attribute::print(log, &mut out),
        Verb::InstallHooks => {
            for line in hooks::install(mac)? {
                say(&line, &mut out)?;
            }
            Ok(())
        }
        Verb::Policy(arguments) => {
            let wishes = Wishes::of(&arguments.parameters)?;
            policy::run(mac, settings, &wishes, (origin(), &mut out))
        }
        Verb::Postflight(arguments) => postflight::run(mac, settings, log, &arguments.run_type),
        Verb::Preflight(arguments) => preflight::run(mac, &arguments.run_type).map(drop),
        Verb::Status(arguments) => {
            let status = status::of(mac, log)?;
            let text = match form(arguments.json) {
                Form::Json => status.to_json(),
                Form::Text => status.to_string(),
            };
            say(text.trim_end(), &mut out)
        }
        Verb::Verify(arguments) => {
            let checked = verify::examine(mac)?;
            let text = match form(arguments.json) {
                Form::Json => checked.to_json(),
                Form::Text => checked.to_string(),
            };
            say(text.trim_end(), &mut out)?;
            checked.outcome()
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Json,
    Text,
}

const fn form(json: bool) -> Form {
    if json { Form::Json } else { Form::Text }
}

fn print(checks: &Checks, form: Form, out: &mut dyn io::Write) -> Result<(), Fault> {
    let text = match form {
        Form::Json => checks.to_json(),
        Form::Text => checks.to_string(),
    };
    say(text.trim_end(), out)?;
    match checks.to_mend() {
        0 => Ok(()),
        count => Err(Fault::ToMend { count }),
    }
}

fn say(text: &str, out: &mut dyn io::Write) -> Result<(), Fault> {
    writeln!(out, "{text}").map_err(|source| Fault::File {
        path: "standard output".to_owned(),
        verb: "written",
        source,
    })
}

/// Jamf Pro's agent, run by itself, has nobody's name in its environment; from Self Service it has the person's.
fn origin() -> Origin {
    let is_person = |name: &str| {
        let value = std::env::var_os(name);
        value.is_some_and(|value| !value.is_empty() && value != "root")
    };
    if is_person("USERNAME") || is_person("USER") {
        Origin::SelfService
    } else {
        Origin::Background
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
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}
