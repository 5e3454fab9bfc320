//! What the service is told from outside: signals, or a test.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// What the service is told from outside.
#[derive(Debug, Default)]
pub struct Commands {
    /// Stop: take nothing up any more, finish what is under way.
    pub stop: CancellationToken,
    /// Give back at once what is under way.
    pub hurry: CancellationToken,
    /// Read the schedules again.
    pub reload: Arc<Notify>,
    _listening: Option<AbortOnDropHandle<()>>,
}

/// The signals that are listened to.
struct Signals {
    hang_up: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Commands {
    /// Commands that come from whoever holds the tokens.
    pub fn by_hand() -> Self {
        Self::default()
    }

    /// Commands that signals give: SIGTERM and SIGINT stop, a second one hurries, SIGHUP reloads.
    ///
    /// # Errors
    /// If the system does not tell of signals.
    pub fn by_signals() -> io::Result<Self> {
        let signals = Signals {
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        };
        let commands = Self::by_hand();
        let listening = tokio::spawn(listen(
            signals,
            commands.stop.clone(),
            commands.hurry.clone(),
            Arc::clone(&commands.reload),
        ));
        Ok(Self {
            _listening: Some(AbortOnDropHandle::new(listening)),
            ..commands
        })
    }
}

async fn listen(
    mut signals: Signals,
    stop: CancellationToken,
    hurry: CancellationToken,
    reload: Arc<Notify>,
) {
    loop {
        let name = tokio::select! {
            _ = signals.hang_up.recv() => "SIGHUP",
            _ = signals.interrupt.recv() => "SIGINT",
            _ = signals.terminate.recv() => "SIGTERM",
        };
        tracing::info!(signal = name, "signal received");
        match name {
            "SIGHUP" => reload.notify_one(),
            _ if stop.is_cancelled() => hurry.cancel(),
            _ => stop.cancel(),
        }
    }
}
