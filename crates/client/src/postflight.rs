//! After Munki: the credential goes, what was done is written down, and the person at the Mac is told.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use crate::{
    Fault, Mac, credentials,
    hooks::{self, Hook},
    log::{Level, Log},
    manifest::{List, Manifest, means},
    notifier::Notifier,
    preferences::{Munki, Preferences, Settings},
    preflight::{self, JAMF},
    program::{self, Ended},
    report::{self, Report},
    state::State,
};

/// Where Munki looks at the log-out whether it is to install.
const TRIGGER: &str = "/private/tmp/com.googlecode.munki.installatlogout";
/// How long other people's hooks may take in all.
const OTHERS: Duration = Duration::from_secs(15);
/// Munki 7 ends what it started after 60 s; an inventory that is not done by then goes on by itself.
const DEADLINE: Duration = Duration::from_secs(42);

/// How much was done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sum {
    installed: usize,
    removed: usize,
    pending: usize,
    warnings: usize,
}

/// Does what is to be done after Munki.
///
/// # Errors
/// The first [`Fault`]; the credential is gone and others' hooks have run all the same.
pub fn run(mac: &Mac<'_>, settings: &Settings, log: &Log<'_>, run_type: &str) -> Result<(), Fault> {
    let begun = Instant::now();
    preflight::must_be_root(mac)?;
    // First of all: whatever fails from here on, it is gone.
    let removed = credentials::remove(&mac.files);
    let inventory = account(mac, settings, log);
    let others = hooks::run_others(mac, Hook::Postflight, run_type, OTHERS);
    removed?;
    if let Some(mut inventory) = inventory? {
        match program::wait_for(&mut inventory, DEADLINE.saturating_sub(begun.elapsed())) {
            Ended::With(0) => {}
            Ended::With(status) => return Err(Fault::JamfFailed { status }),
            Ended::Late => log.add(Level::Info, "jamf recon goes on by itself")?,
        }
    }
    others
}

/// Brings the manifest up to what was done, tells of it, and starts an inventory if there is news for it.
fn account(mac: &Mac<'_>, settings: &Settings, log: &Log<'_>) -> Result<Option<Child>, Fault> {
    let munki = Munki::of(&Preferences::of_munki(&mac.files)?);
    let state = State::read(&mac.files);
    let Some(report) = Report::read(&mac.files, &munki, state.last_postflight)? else {
        let path = report::path(&munki);
        let fault = Fault::NoReport { path };
        log.add(Level::Warning, &format!("{} {fault}", fault.code()))?;
        return Ok(None);
    };
    let mut notifier = Notifier::new(mac, settings)?;
    let sum = settle(mac, &munki, &report, &mut notifier)?;
    tell_pending(mac, settings, &mut notifier, (state.pending, sum.pending))?;
    State::write(&mac.files, sum.pending, mac.clock.now())?;
    // Before the inventory, which reads the last line.
    log.add(
        Level::Info,
        &format!(
            "{} installed, {} removed, {} pending, {} warnings",
            sum.installed, sum.removed, sum.pending, sum.warnings
        ),
    )?;
    let inventory = if sum.installed > 0 || sum.removed > 0 {
        start_inventory(mac)?
    } else {
        None
    };
    notifier.finish();
    Ok(inventory)
}

/// Takes off the manifest what is done, and counts it.
fn settle(
    mac: &Mac<'_>,
    munki: &Munki,
    report: &Report,
    notifier: &mut Notifier<'_>,
) -> Result<Sum, Fault> {
    // A policy may be changing it.
    let _held = mac.files.lock_folder(&munki.file("manifests"))?;
    let mut manifest = Manifest::read(&mac.files, munki)?;
    let mut sum = Sum {
        warnings: report.warnings,
        ..Sum::default()
    };
    for done in &report.installs {
        if manifest.remove(List::Installs, |entry| means(entry, &done.name)) {
            sum.installed = sum.installed.saturating_add(1);
            notifier.installed(&done.name, &done.version);
        }
    }
    for name in &report.installed {
        manifest.remove(List::Installs, |entry| means(entry, name));
    }
    let removals = report.removals.iter().map(|done| &done.name);
    for name in removals.chain(&report.removed) {
        if manifest.remove(List::Uninstalls, |entry| means(entry, name)) {
            sum.removed = sum.removed.saturating_add(1);
        }
    }
    manifest.write(&mac.files, munki)?;
    sum.pending = report::pending(&mac.files, munki)?;
    Ok(sum)
}

/// Asks for a log-out when more waits for one than `before`, and takes that back when nothing does any more.
fn tell_pending(
    mac: &Mac<'_>,
    settings: &Settings,
    notifier: &mut Notifier<'_>,
    (before, now): (usize, usize),
) -> Result<(), Fault> {
    if now == 0 {
        if before > 0 {
            notifier.nothing_pending();
        }
        mac.files.remove(TRIGGER)?;
    } else if now > before || settings.always_notify_pending {
        notifier.pending();
        mac.files.plant(TRIGGER)?;
    }
    Ok(())
}

fn start_inventory(mac: &Mac<'_>) -> Result<Option<Child>, Fault> {
    let Some(jamf) = mac.files.program(JAMF)? else {
        return Ok(None);
    };
    program::start(program::quiet(&jamf, ["recon"]), JAMF).map(Some)
}
