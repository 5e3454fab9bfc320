//! Pods on NGINX, as the section `pods.nginx` says.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;
use tenancy::nginx::Site;

use super::{
    Config, ConfigError, RepositoryPlace,
    tenants::{MISSING, base, wrong},
};

/// Pods on NGINX.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NginxConfig {
    /// The folder that it serves, which is written for it; on the file system of the repository.
    pub folder: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The group that its workers are of: whoever is of it can read the folder.
    pub group: Option<String>,
    /// Where requests are logged; nowhere if not given.
    pub log: Option<PathBuf>,
    /// The command that tests its configuration.
    #[serde(default = "test")]
    pub test: Vec<String>,
    /// The command that has it read its configuration again.
    #[serde(default = "reload")]
    pub reload: Vec<String>,
}

fn test() -> Vec<String> {
    ["nginx", "-t", "-q"].map(str::to_owned).into()
}

fn reload() -> Vec<String> {
    ["nginx", "-s", "reload"].map(str::to_owned).into()
}

/// What NGINX is to serve, and how it is told.
#[derive(Clone, Debug)]
pub(crate) struct NginxPlace {
    pub(crate) site: Site,
    pub(crate) repository: PathBuf,
    pub(crate) group: Option<String>,
    pub(crate) test: Vec<String>,
    pub(crate) reload: Vec<String>,
}

/// What NGINX is to serve, if it is to.
///
/// # Errors
/// [`ConfigError::Value`], by the key that is missing or cannot be meant.
pub(super) fn place(config: &Config) -> Result<Option<NginxPlace>, ConfigError> {
    let pods = &config.pods;
    let Some(section) = &pods.nginx else {
        return Ok(None);
    };
    let RepositoryPlace::Folder(repository) = config.repository_place()? else {
        return Err(wrong(config, "pods.nginx", IN_A_STORE));
    };
    for (key, command) in [
        ("pods.nginx.test", &section.test),
        ("pods.nginx.reload", &section.reload),
    ] {
        if command.is_empty() {
            return Err(wrong(config, key, "it names no program"));
        }
    }
    let url = base(config, "pods.url", pods.url.as_ref())?;
    let url = url.ok_or_else(|| wrong(config, "pods.url", MISSING))?;
    if url.trim_start_matches("https://").contains('/') {
        return Err(wrong(config, "pods.url", BEHIND));
    }
    let host = pods.url.as_ref().and_then(url::Url::host_str);
    let (certificate, key) = (pods.certificate.clone(), pods.key.clone());
    Ok(Some(NginxPlace {
        site: Site {
            listen: section.listen,
            host: host.unwrap_or_default().to_owned(),
            certificate: certificate.ok_or_else(|| wrong(config, "pods.certificate", MISSING))?,
            certificate_digest: None,
            key: key.ok_or_else(|| wrong(config, "pods.key", MISSING))?,
            folder: section.folder.clone(),
            log: section.log.clone(),
        },
        repository,
        group: section.group.clone(),
        test: section.test.clone(),
        reload: section.reload.clone(),
    }))
}

const BEHIND: &str = "NGINX serves views at the root: there must be nothing behind the host";
const IN_A_STORE: &str =
    "NGINX serves files, and the repository is in an object store: `pods.listen` serves it";
