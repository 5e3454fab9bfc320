//! The command line: types only; their doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The companion of Auto-Update on the Mac.
#[derive(Debug, Parser)]
#[command(name = "auto-update-client", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// Work on the files below this folder instead of the system's
    #[arg(long, value_name = "FOLDER", default_value = "/", hide = true)]
    pub(crate) root: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Remove a credential that a run of Munki has left behind, and mend the hooks: the launch daemon's job
    Clean,
    /// Check the installation, and say what to mend
    Doctor(Doctor),
    /// Print the last line of the log as an extension attribute of Jamf Pro
    ExtensionAttribute,
    /// Put the hooks in Munki's places; others' that are there are kept and run beside ours
    InstallHooks,
    /// What a policy of Jamf Pro runs
    Policy(Policy),
    /// What Munki runs after each of its runs
    Postflight(RunType),
    /// What Munki runs before each of its runs
    Preflight(RunType),
    /// Say how things stand
    Status(Status),
    /// Hold what Munki is about to install against the service's signatures
    Verify(Verify),
}

/// What to check, and how to say it.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Also make the exchange with envQUERY and try the repository; nothing is written
    #[arg(long)]
    pub(crate) exchange: bool,
    /// Say it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to say it.
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Say it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to say it.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Say it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why Munki runs.
#[derive(Args, Debug)]
pub(crate) struct RunType {
    /// As Munki says it: auto, manualcheck, logoutinstall …
    #[arg(default_value = "custom")]
    pub(crate) run_type: String,
}

/// The parameters of a script of Jamf Pro, all of them.
#[derive(Args, Debug)]
pub(crate) struct Policy {
    /// Mount point, computer name, user; then comma-separated titles to add to installs, to remove from installs, to add
    /// to uninstalls, to remove from uninstalls; then ENGAGE to check and install at once
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) parameters: Vec<String>,
}
