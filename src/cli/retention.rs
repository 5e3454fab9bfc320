//! `retention`.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

/// What to do with versions that nobody needs any more.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Retention {
    /// Remove them; `change undo` brings them back for a while
    Apply(Apply),
    /// Tell which those are, and which older ones stay and why
    Preview(Preview),
    /// Tell which runs, receipts and folders of the cache nobody needs any more, as `[records]` has it
    Records(Records),
}

// `retention records`
#[derive(Args, Debug)]
pub(crate) struct Records {
    /// Remove them; the service does so once a day
    #[arg(long)]
    pub(crate) apply: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `retention apply`
#[derive(Args, Debug)]
pub(crate) struct Apply {
    /// How many versions are kept in each catalog [default: `retention.keep` of the configuration]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
    /// Also remove packages that belong to no item
    #[arg(long)]
    pub(crate) orphans: bool,
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

// `retention preview`
#[derive(Args, Debug)]
pub(crate) struct Preview {
    /// How many versions are kept in each catalog [default: `retention.keep` of the configuration]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
