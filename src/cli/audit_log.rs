//! `audit-log`.

use clap::{Args, Subcommand};

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum AuditLog {
    /// List what people did, the newest first
    List(List),
    /// Check that no entry was changed or taken out
    Verify(Verify),
}

// `audit-log list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Only entries before this one
    #[arg(long, value_name = "NUMBER")]
    pub(crate) before: Option<u64>,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `audit-log verify`
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
