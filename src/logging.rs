//! The log: to standard error, for people on a terminal and as JSON lines for machines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::cli::{Cli, Verb};

/// What libraries say of themselves is no news of the service.
const SERVING: &str = "info,sqlx=warn,hyper=warn,reqwest=warn,lettre=warn";

/// Starts the log. `AUTO_UPDATE_LOG` chooses what is logged, in the words of `tracing-subscriber`'s `EnvFilter`.
///
/// The verbs talk through the printer, so only warnings are logged there unless `-v` is given three times. The service
/// has nothing but its log.
pub(crate) fn start(cli: &Cli) {
    let serves = matches!(cli.verb, Verb::Serve(_));
    let usual = match (serves, cli.global.verbose) {
        (_, 3..) | (true, 1..) => "debug",
        (true, 0) => SERVING,
        (false, _) => "warn",
    };
    let filter =
        EnvFilter::try_from_env("AUTO_UPDATE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let terminal = io::stderr().is_terminal();
    let layer = fmt::layer().with_writer(io::stderr).with_target(false);
    let layer = if serves && !terminal {
        layer.json().flatten_event(true).boxed()
    } else {
        layer.with_ansi(terminal).boxed()
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(layer)
        .init();
}
