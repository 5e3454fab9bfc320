//! What a person says with the keyboard while the program works.

use std::future;

use anyhow::Context as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` when the process is interrupted, asked to end, or loses its terminal; the second time it ends at once,
/// as it would without us. The answer is the watch, to be ended by whoever began it.
///
/// # Errors
/// If signals cannot be watched.
pub(crate) fn cancel_on_interrupt(stop: &CancellationToken) -> anyhow::Result<JoinHandle<()>> {
    let watch = |kind| signal(kind).context("signals cannot be watched");
    let mut interrupt = watch(SignalKind::interrupt())?;
    let mut terminate = watch(SignalKind::terminate())?;
    // Whoever began it with `nohup` wants it to outlive the terminal.
    let mut hang_up = if ignores_hang_up(&status_of_process()) {
        None
    } else {
        Some(watch(SignalKind::hangup())?)
    };
    let stop = stop.clone();
    Ok(tokio::spawn(async move {
        loop {
            let received = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
                () = next(hang_up.as_mut()) => SignalKind::hangup(),
            };
            if stop.is_cancelled() {
                end_as_by(received);
            }
            stop.cancel();
        }
    }))
}

/// Waits for a signal; for ever if it is not watched.
async fn next(watched: Option<&mut Signal>) {
    match watched {
        Some(watched) => {
            watched.recv().await;
        }
        None => future::pending().await,
    }
}

/// Ends the process with the status that a shell gives one which this signal ended. Unlike an abort it leaves no image of
/// the memory behind, in which secrets would be.
#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "who asks a second time does not want to wait for destructors"
)]
fn end_as_by(signal: SignalKind) -> ! {
    std::process::exit(status_after(signal))
}

const fn status_after(signal: SignalKind) -> i32 {
    128 + signal.as_raw_value()
}

/// What the system knows of this process; nothing where it does not tell.
fn status_of_process() -> String {
    fs_err::read_to_string("/proc/self/status").unwrap_or_default()
}

/// Whether a process with this status lets the end of its terminal pass. The lowest bit of the mask is SIGHUP's.
fn ignores_hang_up(status: &str) -> bool {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_sees_which_signal_it_was() {
        assert_eq!(status_after(SignalKind::hangup()), 129);
        assert_eq!(status_after(SignalKind::interrupt()), 130);
        assert_eq!(status_after(SignalKind::terminate()), 143);
    }

    #[test]
    fn nohup_is_seen() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t000000000000100";
        assert!(ignores_hang_up(&format!("{status}1\nSigCgt:\t0\n")));
        assert!(!ignores_hang_up(&format!("{status}0\nSigCgt:\t1\n")));
        assert!(!ignores_hang_up(""));
    }
}
