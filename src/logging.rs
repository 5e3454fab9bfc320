//! The log: to standard error, for people on a terminal and as JSON lines for machines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    cli::{Cli, Verb},
    traces::Traces,
};

/// What libraries say of themselves is no news of the service.
const SERVING: &str = "info,sqlx=warn,hyper=warn,reqwest=warn,lettre=warn";

/// What goes into traces: whatever is logged, of our own rooms. What sends them is not traced.
const TRACED: &str = "info,sqlx=off,hyper=off,hyper_util=off,reqwest=off,rustls=off,opentelemetry=off,\
                      opentelemetry_sdk=off,opentelemetry_otlp=off";

/// Starts the log. `AUTO_UPDATE_LOG` chooses what is logged, in the words of `tracing-subscriber`'s `EnvFilter`.
///
/// The verbs talk through the printer, so only warnings are logged there unless `-v` is given three times. The service
/// has nothing but its log.
///
/// Answers what has to be kept until the end, so that no trace is lost.
///
/// # Errors
/// If the environment asks for traces in a way that cannot be meant.
pub(crate) fn start(cli: &Cli) -> anyhow::Result<Traces> {
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
        layer
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed()
    } else {
        layer.with_ansi(terminal).boxed()
    };
    let traces = Traces::from_env()?;
    let handed_over = traces
        .layer()
        .map(|layer| layer.with_filter(EnvFilter::new(TRACED)));
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .with(handed_over)
        .init();
    Ok(traces)
}
