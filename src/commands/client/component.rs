//! The component with the client itself: program, launch daemon, and the script that puts the hooks in place.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use client::{hooks::HOME, install};
use evidence::PublicKey;
use media::write::{Package, flat_pkg};

use crate::cli::client::Package as Arguments;

/// The identifier of its receipt.
pub(super) const IDENTIFIER: &str = "com.auto-update.client";

/// The time of everything in the package, so that the same content makes the same bytes: 2020-01-01, as long ago as
/// anything that still runs it.
const TIME: Duration = Duration::from_hours(438_288);

/// Makes the component package `out` of what `arguments` name, using a folder below `work`.
///
/// # Errors
/// If a file cannot be read or written, or is not what it should be.
pub(super) fn make(arguments: &Arguments, work: &Path, out: &Path) -> anyhow::Result<()> {
    let payload = work.join("payload");
    let scripts = work.join("scripts");
    let bytes = fs_err::read(&arguments.client)?;
    place(&payload, &install::program(), &bytes, 0o755)?;
    place_trust(arguments, &payload)?;
    let daemon = install::daemon();
    place(&payload, &install::daemon_path(), daemon.as_bytes(), 0o644)?;
    place(&scripts, "/postinstall", postinstall().as_bytes(), 0o755)?;
    for folder in [&payload, &scripts] {
        settle(folder)?;
    }
    let package = Package {
        identifier: IDENTIFIER,
        version: env!("CARGO_PKG_VERSION"),
        install_location: "/",
        postinstall_action: "none",
        scripts: Some(&scripts),
        owners: &[],
    };
    flat_pkg(&payload, &package, out).context("the client's package cannot be written")
}

/// Lays down whose signatures count on the Mac.
fn place_trust(arguments: &Arguments, payload: &Path) -> anyhow::Result<()> {
    if let Some(path) = &arguments.evidence_key {
        let text = fs_err::read_to_string(path)?;
        PublicKey::all_from_pem(&text)
            .with_context(|| format!("`{}` holds no public keys", path.display()))?;
        place(payload, install::EVIDENCE_KEYS, text.as_bytes(), 0o644)?;
    }
    if let Some(path) = &arguments.update_root {
        let bytes = fs_err::read(path)?;
        publication::tuf::describe_root(&bytes)
            .with_context(|| format!("`{}` is no root of update metadata", path.display()))?;
        place(payload, install::UPDATE_ROOT, &bytes, 0o644)?;
    }
    Ok(())
}

fn place(root: &Path, path: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let path = root.join(path.trim_start_matches('/'));
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(&path, bytes)?;
    fs_err::set_permissions(&path, Permissions::from_mode(mode))?;
    Ok(())
}

/// Gives everything below `folder` one time, and folders the mode they have on a Mac.
fn settle(folder: &Path) -> anyhow::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            settle(&path)?;
        } else {
            stamp(&path)?;
        }
    }
    fs_err::set_permissions(folder, Permissions::from_mode(0o755))?;
    stamp(folder)
}

fn stamp(path: &Path) -> anyhow::Result<()> {
    let time = SystemTime::UNIX_EPOCH
        .checked_add(TIME)
        .context("this machine cannot tell the time")?;
    let file = fs_err::File::open(path)?;
    file.file().set_modified(time)?;
    Ok(())
}

/// What the installer runs: hooks are put in place by the program, which keeps those of others, and the job that cleans
/// begins. On another volume than the one that is running nothing can be done yet; the job does it there.
fn postinstall() -> String {
    let (label, daemon, program) = (install::LABEL, install::daemon_path(), install::program());
    format!(
        r#"#!/bin/sh
# $3 is the volume that was installed to.
[ "$3" = "/" ] || exit 0
/bin/mkdir -p {HOME}
"{program}" install-hooks || exit 1
/bin/launchctl bootout "system/{label}" 2>/dev/null
/bin/launchctl bootstrap system "{daemon}"
exit 0
"#
    )
}
