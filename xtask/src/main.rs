//! What people and CI do with this checkout: `cargo xtask demo`, `test`, `setup`, `tidy`, `client`.
//!
//! It depends on three small crates, so that it compiles before anything is set up.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stderr,
    reason = "this program talks to the person who started it"
)]

mod client;
mod command;
mod demo;
mod media;
mod postgres;
mod python;
mod setup;
mod test;
mod tidy;

use std::{env, process::ExitCode};

use anyhow::bail;

const HELP: &str = "\
cargo xtask demo [--keep]   set up what is missing, then run the main job end to end on loopback
cargo xtask test            set up what is missing, then run every test and the house rules
cargo xtask setup [--check] install what building, tests and demo need; --check only says what is missing
cargo xtask tidy            check the rules of the house: arrows between crates, file sizes, lists that must agree
cargo xtask client [--host] the client: for Macs, both architectures in one file; --host for this machine
cargo xtask bench           the main job, opening media, verifying signatures, unchanged recipes and catalogs, in a release build";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> anyhow::Result<()> {
    match arguments {
        ["demo", options @ ..] => demo::run(options),
        ["test", options @ ..] => test::run(options),
        ["setup"] => setup::install(),
        ["setup", "--check"] => setup::check(),
        ["tidy"] => tidy::run(),
        ["client", options @ ..] => client::run(options),
        ["bench"] => test::bench(),
        ["help" | "--help" | "-h"] => {
            eprintln!("{HELP}");
            Ok(())
        }
        _ => bail!(
            "`cargo xtask {}` is not a task\n{HELP}",
            arguments.join(" ")
        ),
    }
}
