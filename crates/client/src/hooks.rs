//! Other people's hooks beside ours: Munki runs one `preflight` and one `postflight`, and others may need them too.
//!
//! What is found in Munki's place when ours is put there is moved into a folder of ours and run from there: before our
//! own preflight, and after our own postflight.

use std::time::{Duration, Instant};

use crate::{
    Access, Fault, Files, Mac, preflight,
    program::{self, Ended},
};

/// Where the client lives.
pub const HOME: &str = "/usr/local/auto-update";
/// How a hook of ours begins, which tells it from others'.
const OURS: &str = "# Installed by Auto-Update.";
/// The name of what was found in Munki's place. There is one: the next release of the same stranger takes it over.
const KEPT: &str = "found";
const LONGEST_HOOK: usize = 1024 * 1024;
/// Where Munki looks for its hooks; the client may be installed before Munki is.
const MUNKI_FOLDER: &str = "/usr/local/munki";
const FOLDER: u32 = 0o755;

/// One of Munki's two hooks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hook {
    /// Before Munki.
    Preflight,
    /// After it.
    Postflight,
}

impl Hook {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Preflight, Self::Postflight];

    /// The name of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Postflight => "postflight",
        }
    }

    /// Where Munki looks for it.
    pub fn path(self) -> String {
        format!("{MUNKI_FOLDER}/{}", self.name())
    }

    /// Where others' hooks are kept.
    pub fn others(self) -> String {
        format!("{HOME}/{}.d", self.name())
    }

    /// Our own: a script, because Munki wants a regular file that everyone may run, and the program is elsewhere.
    pub fn script(self) -> String {
        format!(
            "#!/bin/sh\n{OURS}\n# Other hooks belong into {}.\nexec {HOME}/auto-update-client {} \"$@\" </dev/null\n",
            self.others(),
            self.name()
        )
    }
}

/// What is in Munki's place for a hook.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// Our script, as it is to be.
    Ours,
    /// Nothing.
    Nothing,
    /// Another release's script of ours.
    OursOfOld,
    /// Someone else's hook.
    Others,
}

/// Looks at what is in Munki's place.
///
/// # Errors
/// If it is not safe to read.
pub fn found(files: &Files, hook: Hook) -> Result<Found, Fault> {
    let Some(bytes) = files.read(&hook.path(), LONGEST_HOOK)? else {
        return Ok(Found::Nothing);
    };
    if bytes == hook.script().as_bytes() {
        // Munki 7 passes over what not everyone may run, and says nothing.
        return files.program(&hook.path()).map(|_| Found::Ours);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(if text.lines().nth(1) == Some(OURS) {
        Found::OursOfOld
    } else {
        Found::Others
    })
}

/// Puts our hooks in Munki's places; what was there and is not ours is kept and run beside them.
///
/// # Errors
/// [`Fault::NotRoot`], or that something is not safe to read or cannot be written.
pub fn install(mac: &Mac<'_>) -> Result<Vec<String>, Fault> {
    preflight::must_be_root(mac)?;
    let files = &mac.files;
    let mut done = Vec::new();
    files.make_folder(MUNKI_FOLDER, FOLDER)?;
    for hook in Hook::ALL {
        files.make_folder(&hook.others(), FOLDER)?;
        match found(files, hook)? {
            Found::Ours => continue,
            Found::Others => {
                let kept = format!("{}/{KEPT}", hook.others());
                let bytes = files.read(&hook.path(), LONGEST_HOOK)?.unwrap_or_default();
                files.write(&kept, &bytes, Access::EveryoneRuns)?;
                done.push(format!("Kept {} as {kept}", hook.path()));
            }
            Found::Nothing | Found::OursOfOld => {}
        }
        files.write(&hook.path(), hook.script().as_bytes(), Access::EveryoneRuns)?;
        done.push(format!("Installed {}", hook.path()));
    }
    Ok(done)
}

/// Runs what others have put beside our hook, one after the other, in the order of their names.
///
/// # Errors
/// The first that fails, or is not safe to run; the others are not run then.
pub(crate) fn run_others(
    mac: &Mac<'_>,
    hook: Hook,
    run_type: &str,
    limit: Duration,
) -> Result<(), Fault> {
    let begun = Instant::now();
    for name in mac.files.names(&hook.others())? {
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{}/{name}", hook.others());
        let Some(program) = mac.files.program(&path)? else {
            continue;
        };
        let left = limit.saturating_sub(begun.elapsed());
        let command = program::quiet(&program, [run_type]);
        match program::run_for(command, &path, left)? {
            Ended::With(0) => {}
            Ended::With(status) => return Err(Fault::HookFailed { name, status }),
            Ended::Late => return Err(Fault::HookTimeout { name, limit }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    use model::SystemClock;

    use super::*;
    use crate::{SystemRandomness, net::LocalNetwork};

    #[test]
    fn ends_a_hook_of_others_that_takes_too_long_and_runs_no_other() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = root.path().join("usr/local/auto-update/preflight.d");
        std::fs::create_dir_all(&folder).unwrap();
        let mut part = folder.clone();
        while part.pop() && part.starts_with(root.path()) {
            std::fs::set_permissions(&part, Permissions::from_mode(0o755)).unwrap();
        }
        for (name, script) in [("a", "sleep 60"), ("b", "touch \"$0.ran\"")] {
            let path = folder.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let mac = Mac {
            files: Files::below(root.path()).unwrap(),
            clock: &SystemClock,
            network: &LocalNetwork,
            randomness: &SystemRandomness,
        };
        let limit = Duration::from_millis(100);
        let fault = run_others(&mac, Hook::Preflight, "auto", limit).unwrap_err();
        assert_eq!(fault.code(), "AU173");
        assert!(fault.to_string().starts_with("the hook a took more than "));
        assert!(!folder.join("b.ran").exists());
    }
}
