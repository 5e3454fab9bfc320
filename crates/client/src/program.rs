//! Other programs: run with nothing of ours but their arguments, and for no longer than they may.

use std::{
    ffi::OsStr,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Fault;

/// The folders of macOS that programs are looked for in.
const SEARCHED: &str = "/usr/bin:/bin:/usr/sbin:/sbin";
/// How often a program is looked at that may end any moment.
const PAUSE: Duration = Duration::from_millis(20);
/// What a shell says of a program that a signal ended is this and the signal's number.
const BY_SIGNAL: i32 = 128;

/// How a program ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// It did not, in time; it and what it had started were ended.
    Late,
    /// With a status.
    With(u8),
}

/// A program that reads and prints nothing, in a process group of its own: what it leaves behind does not hold Munki's
/// pipe open, and Munki 7 waits for that without an end.
pub(crate) fn quiet<S: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", SEARCHED)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command
}

/// Starts a program.
///
/// # Errors
/// [`Fault::Start`].
pub(crate) fn start(mut command: Command, path: &str) -> Result<Child, Fault> {
    command.spawn().map_err(|source| Fault::Start {
        path: path.to_owned(),
        source,
    })
}

/// Runs a program to its end, however long it takes.
///
/// # Errors
/// [`Fault::Start`].
pub(crate) fn run(command: Command, path: &str) -> Result<u8, Fault> {
    let mut child = start(command, path)?;
    let status = child.wait().map_err(|source| Fault::Start {
        path: path.to_owned(),
        source,
    })?;
    Ok(number(status))
}

/// Runs a program for at most `limit`, then ends it and what it has started.
///
/// # Errors
/// [`Fault::Start`].
pub(crate) fn run_for(command: Command, path: &str, limit: Duration) -> Result<Ended, Fault> {
    let mut child = start(command, path)?;
    let ended = wait_for(&mut child, limit);
    if ended == Ended::Late {
        end(&mut child);
    }
    Ok(ended)
}

/// Waits for at most `limit`.
pub(crate) fn wait_for(child: &mut Child, limit: Duration) -> Ended {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::With(number(status)),
            Ok(None) if begun.elapsed() < limit => std::thread::sleep(PAUSE),
            Ok(None) | Err(_) => return Ended::Late,
        }
    }
}

/// Ends a program and what it has started.
pub(crate) fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself meanwhile.
        kill_process_group(group, Signal::KILL).unwrap_or_default();
    }
    child.wait().map(drop).unwrap_or_default();
}

fn number(status: ExitStatus) -> u8 {
    let number = status
        .code()
        .or_else(|| {
            status
                .signal()
                .map(|signal| BY_SIGNAL.saturating_add(signal))
        })
        .unwrap_or(1);
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        quiet(Path::new("/bin/sh"), ["-c", script])
    }

    #[test]
    fn ends_what_takes_too_long_and_what_that_has_started() {
        let late = run_for(
            shell("sleep 60 & wait"),
            "/bin/sh",
            Duration::from_millis(50),
        );
        assert_eq!(late.unwrap(), Ended::Late);
    }

    #[test]
    fn tells_statuses_as_a_shell_does() {
        let ended = |script| run(shell(script), "/bin/sh").unwrap();
        assert_eq!(ended("exit 0"), 0);
        assert_eq!(ended("exit 150"), 150);
        assert_eq!(ended("kill -KILL $$"), 137);
        let none = run(quiet(Path::new("/nowhere"), [""]), "/nowhere");
        assert_eq!(none.unwrap_err().code(), "AU174");
    }

    #[test]
    fn passes_on_nothing_of_the_environment() {
        assert_eq!(
            run(shell("[ -z \"$HOME$USER$CARGO\" ]"), "/bin/sh").unwrap(),
            0
        );
    }
}
