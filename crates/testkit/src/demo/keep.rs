//! `--keep`: the service goes on in the house of the demo until somebody interrupts it.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::Child,
    signal::unix::{SignalKind, signal},
};

use super::Story;

/// Starts the daemon, says where to look, and waits for an interrupt.
pub(super) async fn serve_until_interrupted(story: &mut Story) -> anyhow::Result<()> {
    let port = story.house.serve_port();
    let config = story.house.config_file();
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut daemon = story
        .house
        .program()
        .command(&["serve"])
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit())
        .spawn()
        .context("the service cannot be started")?;
    story.talk.say(&format!(
        "\nThe service runs until you press Ctrl-C:\n    \
         curl http://127.0.0.1:{port}/healthz\n    \
         curl http://127.0.0.1:{port}/metrics\n    \
         {} --config {} incident list --all",
        story.house.program().path().display(),
        config.display()
    ))?;
    tokio::select! {
        ended = daemon.wait() => {
            let status = ended?;
            ensure!(status.success(), "the service ended with {status}");
            Ok(())
        }
        _ = interrupted.recv() => stop(&mut daemon).await,
        _ = terminated.recv() => stop(&mut daemon).await,
    }
}

/// Asks the daemon to end, and waits until it has.
async fn stop(daemon: &mut Child) -> anyhow::Result<()> {
    let id = daemon.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id.and_then(Pid::from_raw) {
        // It may have ended already: an interrupt from a terminal reaches it as well.
        kill_process(id, Signal::TERM).unwrap_or_default();
    }
    let status = daemon.wait().await?;
    ensure!(status.success(), "the service ended with {status}");
    Ok(())
}
