//! The exit statuses, which scripts rely on.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ExitStatus {
    /// Everything that was asked for was done.
    Done,
    /// It could not be done, or the answer is no.
    Failed,
    /// The command line or the set-up is wrong.
    Usage,
    /// `AutoPkg`'s own status: at least one recipe of a run failed.
    RecipeFailed,
    /// Munki 6's own status: its `makecatalogs` had something to say.
    Munki6Noted,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Usage => 2,
            ExitStatus::RecipeFailed => 70,
            ExitStatus::Munki6Noted => 255,
        })
    }
}
