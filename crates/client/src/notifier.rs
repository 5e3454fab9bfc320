//! Notifications to the person at the Mac, by dataJAR's Notifier.

use std::{
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};

use crate::{
    Fault, Mac,
    preferences::Settings,
    program::{self, Ended},
};

/// How long Notifier may take; it waits for a helper of its own.
const LIMIT: Duration = Duration::from_secs(10);
/// Accounts of the system have smaller numbers; at the login window, and while a Mac is set up, one of them has the
/// console.
const FIRST_PERSON: u32 = 500;

/// Notifications of one run.
#[derive(Debug)]
pub(crate) struct Notifier<'a> {
    mac: &'a Mac<'a>,
    settings: &'a Settings,
    /// The program and who is to see it; none if there is no such program, or nobody.
    to: Option<(PathBuf, u32)>,
    started: Vec<(Child, Instant)>,
}

impl<'a> Notifier<'a> {
    /// Looks for the program and for the person.
    ///
    /// # Errors
    /// If the program is not safe to run.
    pub(crate) fn new(mac: &'a Mac<'a>, settings: &'a Settings) -> Result<Self, Fault> {
        let user = mac.files.owner_of("/dev/console");
        let program = mac.files.program(&settings.notifier_path)?;
        Ok(Self {
            mac,
            settings,
            to: program.zip(user.filter(|user| *user >= FIRST_PERSON)),
            started: Vec::new(),
        })
    }

    /// Says that a title was installed.
    pub(crate) fn installed(&mut self, name: &str, version: &str) {
        let message = filled(&self.settings.message_installed, &[name, version]);
        self.banner(&message);
    }

    /// Says that the latest version of a title is installed already.
    pub(crate) fn up_to_date(&mut self, name: &str) {
        let message = filled(&self.settings.message_up_to_date, &[name]);
        self.banner(&message);
    }

    /// Says that something waits, with a button to log out.
    pub(crate) fn pending(&mut self) {
        self.alert(&[]);
    }

    /// Takes that back, and says so where that is wished for.
    pub(crate) fn nothing_pending(&mut self) {
        self.alert(&["--remove", "prior"]);
        if let Some(message) = &self.settings.message_no_pending {
            self.banner(message);
        }
    }

    /// Waits for what was started, and ends what takes too long.
    pub(crate) fn finish(self) {
        for (mut child, begun) in self.started {
            if program::wait_for(&mut child, LIMIT.saturating_sub(begun.elapsed())) == Ended::Late {
                program::end(&mut child);
            }
        }
    }

    fn banner(&mut self, message: &str) {
        let title = &self.settings.notifier_title;
        self.start(&["--type", "banner", "--title", title, "--message", message]);
    }

    /// To be taken back an alert must be named by all it was made of.
    fn alert(&mut self, more: &[&str]) {
        let settings = self.settings;
        let mut arguments = vec![
            "--type",
            "alert",
            "--title",
            &settings.notifier_title,
            "--message",
            &settings.message_pending,
            "--messagebutton",
            &settings.logout_button,
            "--messagebuttonaction",
            "logout",
        ];
        arguments.extend(more);
        self.start(&arguments);
    }

    /// Starts Notifier as the person at the Mac, in their session. That nobody can be told is nothing to fail for.
    fn start(&mut self, arguments: &[&str]) {
        let Some((notifier, user)) = &self.to else {
            return;
        };
        let launchctl = self.mac.files.real("/bin/launchctl");
        let sudo = self.mac.files.real("/usr/bin/sudo");
        let mut command = program::quiet(&launchctl, ["asuser", &user.to_string()]);
        command
            .arg(sudo)
            .args(["-u", &format!("#{user}")])
            .arg(notifier)
            .args(arguments);
        if let Ok(child) = program::start(command, "/bin/launchctl") {
            self.started.push((child, Instant::now()));
        }
    }
}

/// `text` with each `%s` replaced by the next of `values`.
fn filled(text: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let mut parts = text.split("%s");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        filled.push_str(values.next().copied().unwrap_or_default());
        filled.push_str(part);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn fills_in_what_there_is() {
        assert_eq!(filled("%s %s is here", &["A%s", "1.0"]), "A%s 1.0 is here");
        assert_eq!(filled("no place", &["A"]), "no place");
        assert_eq!(filled("%s%s%s", &["A"]), "A");
    }
}
