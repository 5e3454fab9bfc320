//! `config`.

use clap::{Args, Subcommand};

/// `config`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Config {
    /// Tell whether the configuration can be used, and where everything is
    Check(Check),
}

// `config check`
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
