//! The demo: the main job, end to end, on loopback.

use std::process::Command;

use crate::{command, media, setup};

/// Sets up, builds, and runs the demo with `options`.
///
/// # Errors
/// If any of it fails; the demo's own report has been printed by then.
pub(crate) fn run(options: &[&str]) -> anyhow::Result<()> {
    setup::install()?;
    command::run(command::cargo().args(["build", "--workspace", "--quiet"]))?;
    let media = media::find()?;
    let target = target_folder()?;
    command::run(
        Command::new(format!("{target}/debug/auto-update-demo"))
            .current_dir(command::root())
            .arg("--program")
            .arg(format!("{target}/debug/auto-update"))
            .arg("--media")
            .arg(media)
            .args(options),
    )
}

/// Where cargo puts what it builds.
fn target_folder() -> anyhow::Result<String> {
    let text =
        command::output(command::cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    match metadata
        .get("target_directory")
        .and_then(serde_json::Value::as_str)
    {
        Some(folder) => Ok(folder.to_owned()),
        None => anyhow::bail!("`cargo metadata` does not name a target folder"),
    }
}
