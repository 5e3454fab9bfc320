//! Which programs are called with what happens, as the configuration file says it.

use std::path::PathBuf;

use redact::Secret;
use serde::Deserialize;

use super::twenty;

/// Which programs are called with what happens.
///
/// ```toml
/// [[webhooks.endpoint]]
/// name = "inventory"
/// url = "https://inventory.example.org/auto-update"
/// secret-files = ["keys/inventory"]
/// events = ["publication.published", "incident"]
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhooksConfig {
    /// One of them each.
    pub endpoint: Vec<EndpointConfig>,
}

/// A program that is called with what happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EndpointConfig {
    /// Its name, by which the outbox knows it.
    pub name: String,
    /// The address, which may hold a token: `https`, or `http` on the loopback interface where that is allowed.
    pub url: Secret<String>,
    /// `whsec_` secrets; each signs, so that a new one can be brought in before the old one goes.
    #[serde(default)]
    pub secrets: Vec<Secret<String>>,
    /// Files that hold further secrets, one each. Whoever reads the configuration reads them too.
    #[serde(default)]
    pub secret_files: Vec<PathBuf>,
    /// What it is told of: `run` for all that happens to runs, or `run.failed` for that alone; everything if not given.
    #[serde(default)]
    pub events: Vec<String>,
    /// Whether `http` on the loopback interface is allowed.
    #[serde(default)]
    pub allow_loopback_http: bool,
    /// How long one attempt may take.
    #[serde(default = "twenty")]
    pub timeout_seconds: u64,
}

impl WebhooksConfig {
    /// Every secret that is known.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret<String>> {
        self.endpoint
            .iter()
            .flat_map(|endpoint| endpoint.secrets.iter().chain([&endpoint.url]))
    }
}
