//! The program `auto-update-client`.
#![forbid(unsafe_code)]

mod cli;
mod run;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    run::run(cli::Cli::parse())
}
