//! `holds`.

use clap::{Args, Subcommand};
use model::{RunId, Sha256};

/// What to do with runs that wait for a person.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Holds {
    /// Say that what a run found is right; when enough people have, a new run passes
    Approve(Decide),
    /// List what waits for a person
    List(List),
    /// Say that what a run found is not right
    Refuse(Decide),
    /// Show what a run waits for, and what was said to it
    Show(Show),
}

// `holds approve` and `holds refuse`
#[derive(Args, Debug)]
pub(crate) struct Decide {
    /// The run that waits
    #[arg(value_name = "RUN")]
    pub(crate) id: RunId,
    /// Why; it stays on record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// Only if this is still what `holds show` calls `about`
    #[arg(long, value_name = "DIGEST")]
    pub(crate) about: Option<Sha256>,
    /// Who decides [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `holds list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Those that were refused, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `holds show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The run that waits
    #[arg(value_name = "RUN")]
    pub(crate) id: RunId,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
