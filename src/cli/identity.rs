//! `identity`.

use clap::{Args, Subcommand};
use model::IdentityId;

/// What to do with the identities of signers.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Identity {
    /// Let the next run pass that finds these signatures, and only these
    Approve(Decide),
    /// List who has signed the titles, and what waits for a decision
    List(List),
    /// Keep holding every run that finds these signatures
    Refuse(Decide),
    /// Show an entry, with what was accepted and what was found side by side
    Show(Show),
}

// `identity approve` and `identity refuse`
#[derive(Args, Debug)]
pub(crate) struct Decide {
    /// The entry by which the signatures are held
    #[arg(value_name = "ENTRY")]
    pub(crate) id: IdentityId,
    /// Why; it stays on record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// Who decides [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `identity list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Of these overrides only, by name, identifier or path
    #[arg(value_name = "OVERRIDE")]
    pub(crate) names: Vec<String>,
    /// Every entry of the record, and not only how things stand
    #[arg(long)]
    pub(crate) all: bool,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `identity show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The entry
    #[arg(value_name = "ENTRY")]
    pub(crate) id: IdentityId,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
