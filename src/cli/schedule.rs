//! `schedule`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::Title;

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub(crate) enum Schedule {
    /// Say whether the file of schedules can be read, and whether its overrides are found
    Check(Check),
    /// List what runs when, and when it last ran
    List(List),
    /// Tell the next times of overrides
    Next(Next),
}

/// `schedule check`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The file [default: `serve.schedules` of the configuration]
    pub(crate) file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `schedule list`.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Print a JSON object for each override
    #[arg(long)]
    pub(crate) json: bool,
}

/// `schedule next`.
#[derive(Args, Debug)]
pub(crate) struct Next {
    /// The overrides [default: all]
    #[arg(value_name = "OVERRIDE")]
    pub(crate) titles: Vec<Title>,
    /// How many times of each
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) count: u16,
    /// Print a JSON object for each override
    #[arg(long)]
    pub(crate) json: bool,
}
