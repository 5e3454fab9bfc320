//! How `ClamAV`'s daemon is to be used, as the configuration file says it.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Action;

const DAY: u64 = 86_400;

/// How `ClamAV`'s daemon is to be used; without a socket or an address it is not.
///
/// ```toml
/// [scan.clamd]
/// socket = "/run/clamav/clamd.ctl"
/// max-mib = 100
/// [scan.clamd.policy]
/// down = "hold"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClamdConfig {
    /// The socket that it listens on.
    pub socket: Option<PathBuf>,
    /// Its address and port instead. Files go there as they are, unencrypted.
    pub address: Option<String>,
    /// The largest file that is sent, in MiB; no more than its own `StreamMaxLength`.
    pub max_mib: u64,
    /// How long sending a file and waiting for the answer may take.
    pub timeout_seconds: u64,
    /// How long an answer is good, as long as the signatures stay the same.
    pub opinion_hours: u64,
    /// How old its signatures may be, in days; 0: as old as they like.
    pub signature_days: u64,
    /// What an opinion leads to.
    pub policy: ClamdPolicy,
}

/// The daemon's own limit of a stream, and signatures of a week.
impl Default for ClamdConfig {
    fn default() -> Self {
        Self {
            socket: None,
            address: None,
            max_mib: 100,
            timeout_seconds: 600,
            opinion_hours: 24,
            signature_days: 7,
            policy: ClamdPolicy::default(),
        }
    }
}

impl ClamdConfig {
    pub(super) const fn max_bytes(&self) -> u64 {
        self.max_mib.saturating_mul(1 << 20)
    }

    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    pub(super) const fn opinion_age(&self) -> Duration {
        Duration::from_secs(self.opinion_hours.saturating_mul(3_600))
    }

    pub(super) fn signature_age(&self) -> Option<Duration> {
        let seconds = self.signature_days.saturating_mul(DAY);
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }
}

/// What each opinion leads to. What it calls malware always fails, and where it finds nothing it does not object; it
/// never takes a doubt of `VirusTotal` away.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClamdPolicy {
    /// It cannot be asked: `hold` waits for it as long as for `VirusTotal`, and holds then.
    pub down: Action,
    /// It has not seen all of the file.
    pub too_large: Action,
    /// It finds it odd, or unwanted: names that begin with `Heuristics.` or `PUA.`.
    pub suspicious: Action,
    /// It finds nothing, by signatures that are too old or of no date.
    pub outdated: Action,
}

/// Whatever is not clean waits for a person.
impl Default for ClamdPolicy {
    fn default() -> Self {
        Self {
            down: Action::Hold,
            too_large: Action::Hold,
            suspicious: Action::Hold,
            outdated: Action::Hold,
        }
    }
}
