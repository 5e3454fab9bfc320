//! The section `sandbox`.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use processors::PythonSettings;
use sandbox::Limits;
use serde::Deserialize;

/// How processors of recipe repositories are run.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SandboxConfig {
    /// The Python interpreter; it must lie in `/usr`.
    pub python: PathBuf,
    /// How much memory a step may use, in MiB.
    pub memory_mib: u64,
    /// How many processes a step may be.
    pub processes: usize,
    /// How long a step may take, in seconds.
    pub seconds: u64,
    /// Processors that may use the network by themselves, as steps name them.
    pub network: BTreeSet<String>,
    /// Folders with further Python modules, which processors may import.
    pub python_path: Vec<PathBuf>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            python: "/usr/bin/python3".into(),
            memory_mib: 1024,
            processes: 64,
            seconds: 600,
            network: BTreeSet::new(),
            python_path: Vec::new(),
        }
    }
}

impl SandboxConfig {
    /// The same, as the host of those processors takes it.
    pub fn settings(&self) -> PythonSettings {
        PythonSettings {
            python: self.python.clone(),
            limits: Limits {
                memory_bytes: self.memory_mib.saturating_mul(1 << 20),
                processes: self.processes,
                time: Duration::from_secs(self.seconds),
            },
            networked: self.network.clone(),
            python_path: self.python_path.clone(),
            tools: None,
        }
    }
}
