//! How YARA rules are to be used, as the configuration file says it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Action;

/// Which YARA rules media are held against; none without any.
///
/// ```toml
/// [scan.yara]
/// rules = ["/etc/auto-update/yara"]
/// max-mib = 256
/// [scan.yara.policy]
/// found = "hold"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct YaraConfig {
    /// Files of rules, and folders with files whose names end in `.yar` or `.yara`.
    pub rules: Vec<PathBuf>,
    /// The largest file that is looked into, in MiB.
    pub max_mib: u64,
    /// What a finding leads to.
    pub policy: YaraPolicy,
}

impl Default for YaraConfig {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            max_mib: 256,
            policy: YaraPolicy::default(),
        }
    }
}

impl YaraConfig {
    pub(super) const fn max_bytes(&self) -> u64 {
        self.max_mib.saturating_mul(1 << 20)
    }
}

/// What each finding leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct YaraPolicy {
    /// A rule matches; `fail` takes that for malware.
    pub found: Action,
    /// Something was too large, or in media that cannot be looked into.
    pub unseen: Action,
}

/// Whatever somebody wrote a rule for waits for a person.
impl Default for YaraPolicy {
    fn default() -> Self {
        Self {
            found: Action::Hold,
            unseen: Action::Warn,
        }
    }
}
