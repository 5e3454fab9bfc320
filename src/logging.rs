//! The log: to standard error, for people on a terminal and as JSON lines for machines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::cli::Cli;

/// Starts the log. `AUTO_UPDATE_LOG` chooses what is logged, in the words of `tracing-subscriber`'s `EnvFilter`.
///
/// The verbs talk through the printer, so only warnings are logged there unless `-v` is given three times.
pub(crate) fn start(cli: &Cli) {
    let usual = if cli.global.verbose >= 3 {
        "debug"
    } else {
        "warn"
    };
    let filter =
        EnvFilter::try_from_env("AUTO_UPDATE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let terminal = io::stderr().is_terminal();
    let layer = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(terminal)
        .with_target(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(layer)
        .init();
}
