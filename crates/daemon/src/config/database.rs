//! Where the state is kept, and what this service is called among those that share it.

use std::path::PathBuf;

use redact::Secret;
use serde::Deserialize;
use store::Server;

use super::{Config, ConfigError};

/// Where the state is kept, if not in a file of the state folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DatabaseConfig {
    /// The address of a PostgreSQL database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`.
    pub url: Option<Secret<String>>,
    /// A file that holds it instead.
    pub url_file: Option<PathBuf>,
    /// The schema of the tables; the one that the server gives the user if not given.
    pub schema: Option<String>,
    /// How many connections this service may have.
    pub connections: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            schema: None,
            connections: 10,
        }
    }
}

impl DatabaseConfig {
    /// The server, if the state is on one.
    pub fn server(&self) -> Option<Server> {
        Some(Server {
            address: self.url.clone()?,
            schema: self.schema.clone(),
            connections: self.connections.max(2),
        })
    }
}

/// When a scheduled run that failed in passing is tried again.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RetryConfig {
    /// How often in all; 1: never again.
    pub tries: u32,
    /// How many minutes after the first failure.
    pub first_minutes: u32,
    /// How many times as long each further wait is.
    pub factor: u32,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            tries: 3,
            first_minutes: 5,
            factor: 4,
        }
    }
}

/// What a service does. Health and metrics are served by all.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Queues overrides when they are due, moves items from ring to ring, keeps house and watches.
    Scheduler,
    /// Carries runs out.
    Worker,
}

impl Role {
    /// The name used in the configuration and in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Worker => "worker",
        }
    }
}

/// Checks the name of the node and the labels of its workers.
pub(super) fn check(config: &Config, path: &std::path::Path) -> Result<(), ConfigError> {
    let wrong = |key, why| {
        Err(ConfigError::Value {
            path: path.to_owned(),
            key,
            why,
        })
    };
    if config.serve.labels.iter().any(|it| !pipeline::is_label(it)) {
        return wrong("serve.labels", "labels are small letters, digits and `-`");
    }
    if !(4..=3_600).contains(&config.serve.lease_seconds) {
        return wrong(
            "serve.lease-seconds",
            "a lease lasts from 4 to 3600 seconds",
        );
    }
    if config.serve.roles.is_empty() {
        return wrong("serve.roles", "a service without a role does nothing");
    }
    if config.node.as_ref().is_some_and(|it| it.trim().is_empty()) {
        return wrong("node", "a node has a name");
    }
    Ok(())
}
