//! Where the Munki repository lies, as the section `repository` says.

use std::path::{Path, PathBuf};

use publication::{ObjectAddress, ObjectSettings};

use url::Url;

use super::{Config, ConfigError, RepositoryPlace};

/// The place, or which key cannot be meant.
pub(super) fn place(config: &Config) -> Result<RepositoryPlace, ConfigError> {
    let section = &config.repository;
    let wrong = |key, why| ConfigError::Value {
        path: config.file().unwrap_or(Path::new("")).to_owned(),
        key,
        why,
    };
    let Some(url) = &section.url else {
        let path = section.path.clone();
        return Ok(RepositoryPlace::Folder(
            path.unwrap_or_else(|| config.state_dir.join("repo")),
        ));
    };
    if section.path.is_some() {
        return Err(wrong(
            "repository.url",
            "`repository.path` is given, too: leave one of them out",
        ));
    }
    if let Some(path) = url.strip_prefix("file://") {
        if !path.starts_with('/') {
            return Err(wrong(
                "repository.url",
                "after `file://` comes a path that begins with `/`",
            ));
        }
        return Ok(RepositoryPlace::Folder(PathBuf::from(path)));
    }
    let address: ObjectAddress = url.parse().map_err(|why| wrong("repository.url", why))?;
    if let Some(endpoint) = &section.endpoint {
        let refused = refuse_endpoint(config, endpoint);
        refused.map_err(|why| wrong("repository.endpoint", why))?;
    }
    let endpoint = section.endpoint.as_ref();
    Ok(RepositoryPlace::Objects(ObjectSettings {
        address,
        endpoint: endpoint.map(|url| url.as_str().trim_end_matches('/').to_owned()),
        region: section.region.clone(),
        virtual_hosted: section.virtual_hosted,
        access_key_id: section.access_key_id.clone(),
        secret: section.secret_key.clone(),
    }))
}

/// Why this cannot be the address of a server, if it cannot.
fn refuse_endpoint(config: &Config, endpoint: &Url) -> Result<(), &'static str> {
    if !endpoint.username().is_empty() || endpoint.password().is_some() {
        return Err(
            "credentials do not belong into an address: use `access-key-id` and `secret-key-file`",
        );
    }
    let host = endpoint.host_str().unwrap_or_default();
    match endpoint.scheme() {
        "https" => Ok(()),
        "http" if config.fetch.plain_http_hosts.contains(host) => Ok(()),
        "http" => Err("it is not encrypted, and its host is not among `fetch.plain-http-hosts`"),
        _ => Err("it begins with neither `https://` nor `http://`"),
    }
}
