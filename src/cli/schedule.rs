//! `schedule`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::Title;

/// What to do with schedules.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Schedule {
    /// Say whether the file of schedules can be read, and whether its overrides are found
    Check(Check),
    /// List what runs when, and when it last ran
    List(List),
    /// Tell the next times of overrides
    Next(Next),
    /// Have schedules rest: nothing of them is queued until they go on
    Pause(Pause),
    /// Have schedules go on; what passed meanwhile counts as missed
    Resume(Resume),
}

// `schedule check`
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The file [default: `serve.schedules` of the configuration]
    pub(crate) file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `schedule list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Print a JSON object for each override
    #[arg(long)]
    pub(crate) json: bool,
}

// `schedule next`
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

// `schedule pause`
#[derive(Args, Debug)]
pub(crate) struct Pause {
    /// Which
    #[command(flatten)]
    pub(crate) which: Which,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// For how many hours [default: until they are resumed]
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8_784))]
    pub(crate) hours: Option<u32>,
    /// Who says so [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
}

// `schedule resume`
#[derive(Args, Debug)]
pub(crate) struct Resume {
    /// Which
    #[command(flatten)]
    pub(crate) which: Which,
}

// Some schedules, or all of them.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Those of these overrides
    #[arg(value_name = "OVERRIDE")]
    pub(crate) titles: Vec<Title>,
    /// All
    #[arg(long)]
    pub(crate) all: bool,
}

impl Which {
    /// What they are called in the state.
    pub(crate) fn names(&self) -> Vec<&str> {
        if self.all {
            return vec![store::SchedulePause::ALL];
        }
        self.titles.iter().map(Title::as_str).collect()
    }
}
