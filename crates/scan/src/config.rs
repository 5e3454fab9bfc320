//! How `VirusTotal` is to be used, as the configuration file says it.

use std::{path::PathBuf, time::Duration};

use redact::Secret;
use serde::Deserialize;

use crate::{ClamdConfig, Policy, Thresholds, UPLOAD_LIMIT, YaraConfig};

/// How `VirusTotal` is to be used.
///
/// ```toml
/// [scan]
/// api-key = "…"
/// per-minute = 4
/// per-day = 500
/// [scan.thresholds]
/// malicious = 3
/// trusted-engines = ["Kaspersky"]
/// [scan.policy]
/// suspicious = "hold"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where the API is; `https`, or `http` on the loopback interface.
    pub base_url: String,
    /// The key; without one nothing is asked.
    pub api_key: Option<Secret<String>>,
    /// A file that holds the key instead. Whoever reads the configuration reads it too.
    pub api_key_file: Option<PathBuf>,
    /// How many requests a minute the key allows.
    pub per_minute: u32,
    /// How many requests a day (UTC).
    pub per_day: u32,
    /// How many requests a calendar month (UTC).
    pub per_month: u32,
    /// How long one request may take, without uploads.
    pub request_timeout_seconds: u64,
    /// How long one upload may take.
    pub upload_timeout_seconds: u64,
    /// How long to wait between two looks at an analysis.
    pub poll_seconds: u64,
    /// How long a report is good before it is looked up again.
    pub report_hours: u64,
    /// How long a run waits for answers, before it is taken for inconclusive.
    pub wait_hours: u64,
    /// How many hours after a release was first seen engines that object are asked to look again, before it is held for
    /// their objections; in growing order. Only where `policy.suspicious` is to hold.
    pub rescan_hours: Vec<u32>,
    /// Titles whose media are never uploaded, whatever their overrides say; `*` stands for anything.
    pub never_upload: Vec<String>,
    /// The largest file that is uploaded, in MB; never more than the service takes.
    pub max_upload_mb: u64,
    /// How many programs in a file that is larger are looked up; 0: none.
    pub inner_files: u32,
    /// For how many days after its publication software is asked about again; 0: never.
    pub again_days: u64,
    /// Whether what is found then is recalled by itself.
    pub recall: bool,
    /// When facts become an assessment.
    pub thresholds: Thresholds,
    /// What an assessment leads to.
    pub policy: Policy,
    /// `ClamAV`'s daemon, as a second scanner.
    pub clamd: ClamdConfig,
    /// YARA rules of the operator's own.
    pub yara: YaraConfig,
}

/// The limits of a public key, as `VirusTotal` states them.
impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: "https://www.virustotal.com/api/v3/".to_owned(),
            api_key: None,
            api_key_file: None,
            per_minute: 4,
            per_day: 500,
            per_month: 15_500,
            request_timeout_seconds: 60,
            upload_timeout_seconds: 1_800,
            poll_seconds: 30,
            report_hours: 24,
            wait_hours: 24,
            rescan_hours: Vec::new(),
            never_upload: Vec::new(),
            max_upload_mb: UPLOAD_LIMIT / 1_000_000,
            inner_files: 25,
            again_days: 7,
            recall: true,
            thresholds: Thresholds::default(),
            policy: Policy::default(),
            clamd: ClamdConfig::default(),
            yara: YaraConfig::default(),
        }
    }
}

impl Config {
    /// How long a run waits for answers.
    pub const fn patience(&self) -> Duration {
        Duration::from_secs(self.wait_hours.saturating_mul(3_600))
    }

    /// When engines that object are asked to look again, from when a release was first seen.
    pub fn rescans(&self) -> Vec<Duration> {
        let mut hours = self.rescan_hours.clone();
        hours.sort_unstable();
        hours
            .into_iter()
            .map(|hours| Duration::from_hours(hours.into()))
            .collect()
    }

    /// The largest file that is uploaded, in bytes.
    pub fn upload_limit(&self) -> u64 {
        self.max_upload_mb
            .saturating_mul(1_000_000)
            .min(UPLOAD_LIMIT)
    }

    pub(crate) const fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub(crate) const fn upload_timeout(&self) -> Duration {
        Duration::from_secs(self.upload_timeout_seconds)
    }

    pub(crate) const fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_seconds)
    }

    pub(crate) const fn report_age(&self) -> Duration {
        Duration::from_secs(self.report_hours.saturating_mul(3_600))
    }
}
