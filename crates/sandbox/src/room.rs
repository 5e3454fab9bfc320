//! What a program sees and may use.

use std::{path::PathBuf, time::Duration};

/// Whether a program may use the network.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Network {
    /// As this machine does, with its names and certificates.
    Host,
    /// There is none.
    #[default]
    None,
}

/// How much a program may use, with everything it starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Processes at a time.
    pub processes: usize,
    /// How long it may run, without the time that it waits for its caller.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            processes: 64,
            time: Duration::from_mins(10),
        }
    }
}

/// What a program sees and may use.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// Files and folders to read: where they lie, and where the program sees them. Later ones go over earlier ones.
    pub read: Vec<(PathBuf, PathBuf)>,
    /// Folders to write, which the program sees where they lie.
    pub write: Vec<PathBuf>,
    /// The folder that is seen as `/tmp`; memory that goes with the program if there is none.
    pub scratch: Option<PathBuf>,
    /// The folder that it starts in.
    pub current_dir: PathBuf,
    /// Variables of the environment besides the usual ones.
    pub variables: Vec<(String, String)>,
    /// The network.
    pub network: Network,
    /// Limits.
    pub limits: Limits,
}
