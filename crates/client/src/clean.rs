//! The launch daemon's job: what a run of Munki that was broken off has left behind goes, and hooks that another
//! installer has replaced come back.

use crate::{
    Fault, Mac, credentials,
    hooks::{self, Found, Hook},
    log::{Level, Log},
    preflight::{self, MUNKI},
    program,
};

const PGREP: &str = "/usr/bin/pgrep";
/// What `pgrep` ends with when it has found nothing.
const NONE_FOUND: u8 = 1;

/// Does it, unless Munki runs.
///
/// # Errors
/// [`Fault::NotRoot`], or that something is not safe to read or cannot be written.
pub fn run(mac: &Mac<'_>, log: &Log<'_>) -> Result<(), Fault> {
    preflight::must_be_root(mac)?;
    if munki_runs(mac) {
        return Ok(());
    }
    if credentials::remove(&mac.files)? {
        log.add(Level::Warning, "Removed a credential that was left behind")?;
    }
    for hook in Hook::ALL {
        if hooks::found(&mac.files, hook)? == Found::Others {
            for line in hooks::install(mac)? {
                log.add(Level::Warning, &line)?;
            }
        }
    }
    Ok(())
}

/// Whether root runs Munki. Only root's programs count, or anyone could keep the credential where it is; and where
/// nobody can say, it may well run.
pub(crate) fn munki_runs(mac: &Mac<'_>) -> bool {
    let pgrep = mac.files.real(PGREP);
    let root = mac.files.owner().to_string();
    let command = program::quiet(&pgrep, ["-u", &root, "-f", MUNKI]);
    !program::run(command, PGREP).is_ok_and(|status| status == NONE_FOUND)
}
