//! `trust`.

use clap::{Args, Subcommand};

use super::{around::Around, folders::Folders};

/// What to do with approvals.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Trust {
    /// Approve an override, and everything that it reaches, as it is now
    Approve(Approve),
    /// Show how what an override reaches differs from what was approved
    ///
    /// Exits with 1 if it differs, or nothing was approved.
    Diff(Override),
    /// List what is approved, since when, and by whom
    List(List),
    /// Show every file that an override reaches
    Show(Override),
}

// One override.
#[derive(Args, Debug)]
pub(crate) struct Override {
    /// The override, by name, identifier or path
    #[arg(value_name = "OVERRIDE")]
    pub(crate) name: String,
    /// Where it and its parents are sought
    #[command(flatten)]
    pub(crate) folders: Folders,
    /// Processors to run before and after the recipe's own
    #[command(flatten)]
    pub(crate) around: Around,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

// `trust approve`
#[derive(Args, Debug)]
pub(crate) struct Approve {
    /// The overrides, by name, identifier or path
    #[arg(value_name = "OVERRIDE", required = true)]
    pub(crate) names: Vec<String>,
    /// Who approves [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Where they and their parents are sought
    #[command(flatten)]
    pub(crate) folders: Folders,
    /// Processors to run before and after the recipe's own
    #[command(flatten)]
    pub(crate) around: Around,
}

// `trust list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
