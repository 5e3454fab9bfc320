//! Why a program was not run, or not to its end.

use std::{io, time::Duration};

/// A limit that a program went over; it and all it started were ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// It used more memory, with all it started.
    #[error("it used more than {limit_mib} MiB of memory")]
    Memory {
        /// The limit, in MiB.
        limit_mib: u64,
    },
    /// It started too many processes, or threads in them.
    #[error("it was more than {limit} processes, or more threads than they may have")]
    Processes {
        /// The limit.
        limit: usize,
    },
    /// It took too long.
    #[error("it took longer than {} seconds", limit.as_secs())]
    Time {
        /// The limit.
        limit: Duration,
    },
}

/// Why a program was not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Bubblewrap is not there.
    #[error("`bwrap` is not on this machine, and programs of others are run in it only")]
    Missing,
    /// The filter of system calls could not be made, and there is no room without it.
    #[error("system calls cannot be filtered on this machine")]
    Filter(#[source] io::Error),
    /// It could not be started.
    #[error("`{program}` cannot be started")]
    Start {
        /// What was to be started.
        program: String,
        /// What the system says.
        source: io::Error,
    },
}
