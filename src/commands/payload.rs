//! `munki payload`: what software brings with it that a Mac gives power to.

use anyhow::Context as _;
use pipeline::payload::Inventory;
use serde_json::json;

use crate::{cli::munki::Payload, exit::ExitStatus, printer::Printer};

/// Tells it, or what of it is new.
///
/// # Errors
/// If one of the media cannot be opened, or standard output not be written.
pub(super) fn run(arguments: &Payload, printer: Printer) -> anyhow::Result<ExitStatus> {
    let look = |path| {
        Inventory::of(path).with_context(|| format!("`{}` cannot be looked into", path.display()))
    };
    let now = look(&arguments.path)?;
    let before = arguments.since.as_deref().map(look).transpose()?;
    let changes = before.map(|before| now.changes_since(&before));
    if arguments.json {
        printer.data(json!({ "schema": 1, "payload": now, "changes": changes }))?;
        return Ok(ExitStatus::Done);
    }
    match changes {
        None => tell(&now, printer)?,
        Some(changes) if changes.is_empty() => printer.data("nothing new")?,
        Some(changes) => {
            for change in changes {
                printer.data(change)?;
            }
        }
    }
    Ok(ExitStatus::Done)
}

fn tell(now: &Inventory, printer: Printer) -> anyhow::Result<()> {
    for (what, paths) in [
        ("job for launchd", &now.launch_jobs),
        ("privileged helper", &now.helpers),
        ("extension", &now.extensions),
        ("runs as its owner or group", &now.set_id),
    ] {
        for path in paths {
            printer.data(format!("{what}: {path}"))?;
        }
    }
    for (path, digest) in &now.scripts {
        printer.data(format!("installer script: {path}, {digest}"))?;
    }
    for (identifier, entitlements) in &now.entitlements {
        for entitlement in entitlements {
            printer.data(format!("entitlement: {entitlement} for {identifier}"))?;
        }
    }
    for path in &now.unreadable {
        printer.data(format!("cannot be read: {path}"))?;
    }
    printer.data(format!("{} files, {} bytes", now.files, now.bytes))?;
    Ok(())
}
