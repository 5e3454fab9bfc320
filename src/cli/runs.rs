//! `runs`.

use clap::{Args, Subcommand};
use model::{RunId, RunState, Title};

/// What to do with runs, whoever carries them.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Runs {
    /// Stop runs that have not ended; a publication that has begun is finished
    Cancel(Cancel),
    /// List runs, the newest first
    List(List),
    /// List the services that share the state, and what they do
    Nodes(Nodes),
    /// Put overrides into the queue, for the service to run now
    Queue(Queue),
    /// Carry a run out again with what it was asked for, and tell what came out otherwise; nothing is published
    Replay(Replay),
    /// Show a run, step by step
    Show(Show),
}

// `runs replay`
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The run
    #[arg(value_name = "RUN")]
    pub(crate) id: RunId,
    /// Go by the recipes of today, and not by those that the run went by
    #[arg(long)]
    pub(crate) todays_recipes: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `runs cancel`
#[derive(Args, Debug)]
pub(crate) struct Cancel {
    /// The runs
    #[arg(value_name = "RUN", required = true)]
    pub(crate) ids: Vec<RunId>,
    /// Who wants it [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
}

// `runs list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Of these titles only
    #[arg(value_name = "TITLE")]
    pub(crate) titles: Vec<Title>,
    /// In these states only
    #[arg(long = "state", value_name = "STATE")]
    pub(crate) states: Vec<RunState>,
    /// How many of the newest to look through
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `runs nodes`
#[derive(Args, Debug)]
pub(crate) struct Nodes {
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `runs queue`
#[derive(Args, Debug)]
pub(crate) struct Queue {
    /// The overrides
    #[arg(value_name = "OVERRIDE", required = true)]
    pub(crate) names: Vec<String>,
    /// Runs of a higher number go first, from -100 to 100
    #[arg(long, value_name = "NUMBER", default_value_t = 50, allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-100..=100))]
    pub(crate) priority: i64,
    /// Only for workers that have this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `runs show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The run
    #[arg(value_name = "RUN")]
    pub(crate) id: RunId,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
