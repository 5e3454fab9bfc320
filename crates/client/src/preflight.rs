//! Before Munki: who may do this, what must be there, where the repository is, and what opens it.

use std::time::{Duration, Instant};

use crate::{
    Fault, Mac, credentials, exchange,
    exchange::{Moment, Repository},
    hooks::{self, Hook},
    net::Trust,
    pod::{self, Door},
    preferences::{Preferences, Profile},
};

/// Munki 7 ends a preflight after 60 s and goes on as if there had been none.
const DEADLINE: Duration = Duration::from_secs(45);
/// What is kept of that to write and to leave.
const TO_FINISH: Duration = Duration::from_secs(4);
/// How long other people's hooks may take in all.
const OTHERS: Duration = Duration::from_secs(15);

/// Jamf Pro's agent.
pub const JAMF: &str = "/usr/local/jamf/bin/jamf";
/// Munki's program.
pub const MUNKI: &str = "/usr/local/munki/managedsoftwareupdate";

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// There is no network: nothing was done, and nothing is said.
    Offline,
    /// Munki can read the repository.
    Ready,
}

/// Does what is to be done before Munki.
///
/// Whatever fails, no file has changed but that a credential left behind by an earlier run is gone.
///
/// # Errors
/// The first [`Fault`].
pub fn run(mac: &Mac<'_>, run_type: &str) -> Result<Outcome, Fault> {
    let until = Instant::now()
        .checked_add(DEADLINE.saturating_sub(TO_FINISH))
        .unwrap_or_else(Instant::now);
    must_be_root(mac)?;
    credentials::remove(&mac.files)?;
    must_be_there(mac)?;
    let profile = Profile::of(&Preferences::of_client(&mac.files)?)?;
    Profile::leaves_room(&Preferences::of_munki(&mac.files)?)?;
    hooks::run_others(mac, Hook::Preflight, run_type, OTHERS)?;
    let Some(local_address) = mac.network.local_address(&profile.exchange_url) else {
        return Ok(Outcome::Offline);
    };
    let moment = Moment {
        clock: mac.clock,
        randomness: mac.randomness,
        local_address,
        until,
    };
    let repository = open_repository(mac, &profile, moment)?;
    credentials::write(&mac.files, &repository)?;
    Ok(Outcome::Ready)
}

/// # Errors
/// [`Fault::NotRoot`].
pub(crate) fn must_be_root(mac: &Mac<'_>) -> Result<(), Fault> {
    if mac.files.are_ours() {
        Ok(())
    } else {
        Err(Fault::NotRoot)
    }
}

/// # Errors
/// [`Fault::NoJamf`], [`Fault::NoMunki`], or that one of them is not safe to run.
pub(crate) fn must_be_there(mac: &Mac<'_>) -> Result<(), Fault> {
    let path = |path: &str| path.to_owned();
    if mac.files.program(JAMF)?.is_none() {
        return Err(Fault::NoJamf { path: path(JAMF) });
    }
    if mac.files.program(MUNKI)?.is_none() {
        return Err(Fault::NoMunki { path: path(MUNKI) });
    }
    Ok(())
}

/// The repository, tried; a credential that was changed between the answer and the trial is asked for once more.
fn open_repository(
    mac: &Mac<'_>,
    profile: &Profile,
    moment: Moment<'_>,
) -> Result<Repository, Fault> {
    const TRIES: u32 = 2;
    let trust = Trust::of(&mac.files)?;
    for _ in 0..TRIES {
        let repository = exchange::ask(profile, moment, &trust)?;
        match pod::try_door(&repository, moment.until, &trust)? {
            Door::Opens => return Ok(repository),
            Door::Refused => {}
        }
    }
    Err(Fault::RepositoryRefused)
}
