//! Modes: who may do what with a file.

use rustix::fs::{Mode, RawMode, Stat};

/// The groups whose members may change what belongs to root anyway: `wheel` and `admin` of macOS.
const ADMINISTRATORS: [u32; 2] = [0, 80];
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;
const STICKY: u32 = 0o1000;
/// Everyone may run it: what Munki 7 looks at before it runs a hook.
const EVERYONE_RUNS: u32 = 0o001;

/// Who may do what with a file that is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Read by everyone: mode 0644.
    EveryoneReads,
    /// Run by everyone: mode 0755.
    EveryoneRuns,
    /// Read and written by its owner: mode 0600.
    OwnerOnly,
}

impl Access {
    const fn bits(self) -> u32 {
        match self {
            Self::EveryoneReads => 0o644,
            Self::EveryoneRuns => 0o755,
            Self::OwnerOnly => 0o600,
        }
    }

    pub(crate) fn mode(self) -> Mode {
        Mode::from_raw_mode(narrow(self.bits()))
    }
}

/// Whether others than the owner, and those who may change what belongs to root anyway, can write.
pub(crate) fn others_can_write(stat: &Stat) -> bool {
    let mode = widen(stat.st_mode);
    mode & OTHERS_WRITE != 0 || (mode & GROUP_WRITES != 0 && !ADMINISTRATORS.contains(&stat.st_gid))
}

/// Whether people's files are kept apart there.
pub(crate) fn is_sticky(stat: &Stat) -> bool {
    widen(stat.st_mode) & STICKY != 0
}

/// Whether everyone may run it.
pub(crate) fn everyone_runs(stat: &Stat) -> bool {
    widen(stat.st_mode) & EVERYONE_RUNS != 0
}

/// Modes are of 16 bits on macOS and of 32 on Linux.
#[expect(
    clippy::useless_conversion,
    reason = "the type is another one on each system"
)]
fn widen(mode: RawMode) -> u32 {
    u32::from(mode)
}

/// The permission bits in the system's own width; they fit everywhere.
pub(crate) fn narrow(bits: u32) -> RawMode {
    RawMode::try_from(bits & 0o7777).unwrap_or_default()
}
