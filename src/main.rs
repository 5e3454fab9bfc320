//! The program `auto-update`: a command line over the rooms of the house, and nothing else.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod exit;
mod explain;
mod house;
mod ledger;
mod logging;
mod person;
mod power_cut;

mod printer;
mod reporter;
mod signals;
mod tools;
mod traces;

use std::process::ExitCode;

fn main() -> ExitCode {
    tools::main(std::env::args_os()).unwrap_or_else(commands::main)
}
