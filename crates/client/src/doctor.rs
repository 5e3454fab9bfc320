//! Whether an installation is as it should be, and what to mend.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::{
    Fault, Mac, clean, credentials, exchange,
    hooks::{self, Found, Hook},
    install,
    pod::{self, Door},
    preferences::{Munki, Preferences, Profile, Settings},
    preflight,
};

/// How long envQUERY and the repository may take together.
const PATIENCE: Duration = Duration::from_secs(40);
const LONGEST_DAEMON: usize = 64 * 1024;

/// How far to look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Also at envQUERY and the repository.
    Exchange,
    /// At this Mac only.
    Here,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Check {
    what: &'static str,
    is_well: bool,
    code: Option<&'static str>,
    mend: Option<String>,
}

/// All that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Checks {
    schema: u32,
    checks: Vec<Check>,
}

impl Checks {
    /// How much is to be mended.
    pub fn to_mend(&self) -> usize {
        self.checks.iter().filter(|check| !check.is_well).count()
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Notes what came of looking.
    fn fault(&mut self, what: &'static str, result: Result<(), Fault>) {
        let fault = result.err();
        self.checks.push(Check {
            what,
            is_well: fault.is_none(),
            code: fault.as_ref().map(Fault::code),
            mend: fault.map(|fault| fault.to_string()),
        });
    }

    fn must(&mut self, what: &'static str, is_well: bool, mend: &str) {
        self.checks.push(Check {
            what,
            is_well,
            code: None,
            mend: (!is_well).then(|| mend.to_owned()),
        });
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.mend {
                None => writeln!(f, "ok    {}", check.what)?,
                Some(mend) => {
                    let code = check
                        .code
                        .map(|code| format!("{code} "))
                        .unwrap_or_default();
                    writeln!(f, "MEND  {}: {code}{mend}", check.what)?;
                }
            }
        }
        Ok(())
    }
}

/// Looks at everything; what cannot be looked at is to be mended.
pub fn examine(mac: &Mac<'_>, settings: &Settings, reach: Reach) -> Checks {
    let mut checks = Checks {
        schema: 1,
        checks: Vec::new(),
    };
    checks.fault("run by root", preflight::must_be_root(mac));
    checks.fault("Jamf Pro's agent and Munki", preflight::must_be_there(mac));
    let profile = Preferences::of_client(&mac.files).and_then(|all| Profile::of(&all));
    let munki = Preferences::of_munki(&mac.files);
    let munki = look_at_munki(&mut checks, munki);
    look_at_hooks(&mut checks, mac);
    look_at_secrets(&mut checks, mac, settings);
    if let (Reach::Exchange, Ok(profile), true) = (reach, &profile, munki) {
        checks.fault("exchange and repository", try_exchange(mac, profile));
    }
    checks.fault("profile of the client", profile.map(drop));
    checks
}

/// Whether Munki's preferences could be read.
fn look_at_munki(checks: &mut Checks, munki: Result<Preferences, Fault>) -> bool {
    let munki = match munki {
        Ok(munki) => munki,
        Err(fault) => {
            checks.fault("preferences of Munki", Err(fault));
            return false;
        }
    };
    checks.fault("profile of Munki", Profile::leaves_room(&munki));
    let manifest = Munki::of(&munki).local_manifest();
    checks.fault("manifest of this Mac's own", manifest.map(drop));
    let redirects = munki.text("FollowHTTPRedirects").unwrap_or("none");
    checks.must(
        "no redirects",
        redirects == "none",
        "set FollowHTTPRedirects of ManagedInstalls to none",
    );
    checks.must(
        "packages only with their hash",
        munki.text("PackageVerificationMode") == Some("hash_strict"),
        "set PackageVerificationMode of ManagedInstalls to hash_strict",
    );
    true
}

fn look_at_hooks(checks: &mut Checks, mac: &Mac<'_>) {
    for hook in Hook::ALL {
        let what = match hook {
            Hook::Preflight => "hook before Munki",
            Hook::Postflight => "hook after Munki",
        };
        match hooks::found(&mac.files, hook) {
            Ok(found) => checks.must(
                what,
                found == Found::Ours,
                "run auto-update-client install-hooks",
            ),
            Err(fault) => checks.fault(what, Err(fault)),
        }
    }
    let installed = mac.files.program(&install::program());
    match installed {
        Ok(found) => checks.must("program", found.is_some(), "install the client's package"),
        Err(fault) => checks.fault("program", Err(fault)),
    }
    let path = install::daemon_path();
    match mac.files.read(&path, LONGEST_DAEMON) {
        Ok(bytes) => checks.must(
            "launch daemon that cleans",
            bytes.is_some_and(|bytes| bytes == install::daemon().as_bytes()),
            "install the client's package",
        ),
        Err(fault) => checks.fault("launch daemon that cleans", Err(fault)),
    }
}

fn look_at_secrets(checks: &mut Checks, mac: &Mac<'_>, settings: &Settings) {
    match credentials::are_there(&mac.files) {
        Ok(there) => checks.must(
            "no credential left behind",
            !there || clean::munki_runs(mac),
            "run auto-update-client clean",
        ),
        Err(fault) => checks.fault("no credential left behind", Err(fault)),
    }
    let log = mac.files.open_to_read(&settings.log_file).map(drop);
    checks.fault("log", log);
    let notifier = mac.files.program(&settings.notifier_path).map(drop);
    checks.fault("Notifier", notifier);
}

/// Makes the exchange and tries the repository; nothing is written.
fn try_exchange(mac: &Mac<'_>, profile: &Profile) -> Result<(), Fault> {
    let Some(opened) = exchange::open(mac, profile, PATIENCE)? else {
        // What preflight is silent about is nothing to mend on this Mac.
        return Ok(());
    };
    match pod::try_door(&opened.repository, opened.until, &opened.trust)? {
        Door::Opens => Ok(()),
        Door::Refused => Err(Fault::RepositoryRefused),
    }
}
