//! `change`.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use model::ChangeSetId;

/// What to do with changes of the repository that no run has published.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Change {
    /// List them, and until when each can be undone
    List(List),
    /// Take one back: what it removed and replaced is there again
    Undo(Undo),
}

// `change list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// How many, from the newest
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) count: u32,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `change undo`
#[derive(Args, Debug)]
pub(crate) struct Undo {
    /// The change
    #[arg(value_name = "CHANGE")]
    pub(crate) id: ChangeSetId,
    /// Why; it stays on record
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// Who decides [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
