//! The command line: types only, one file a verb; their doc comments are the help.

use clap::{Parser, Subcommand};

/// A packaging pipeline for Mac software that runs on Linux.
#[derive(Debug, Parser)]
#[command(name = "auto-update", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs; those of `AutoPkg` keep its names and flags.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Print the version
    Version,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
