//! The program `auto-update`.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod exit;
mod printer;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::main()
}
