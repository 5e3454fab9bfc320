//! What a person says with the keyboard while the program works.

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` when the process is interrupted or asked to end; the second time it ends at once, as it would
/// without us. The answer is the watch, to be ended by whoever began it.
///
/// # Errors
/// If signals cannot be watched.
pub(crate) fn cancel_on_interrupt(stop: &CancellationToken) -> anyhow::Result<JoinHandle<()>> {
    let watch = |kind| signal(kind).context("signals cannot be watched");
    let mut interrupt = watch(SignalKind::interrupt())?;
    let mut terminate = watch(SignalKind::terminate())?;
    let stop = stop.clone();
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::abort();
            }
            stop.cancel();
        }
    }))
}
