//! Secrets that stand outside of the configuration file.

use std::path::Path;

use percent_encoding::percent_decode_str;
use redact::{Scrubber, Secret};
use url::Url;

use super::{Config, ConfigError, Surroundings};

/// The variable of the environment that holds the key for `VirusTotal`; it goes before the file's.
const SCAN_API_KEY: &str = "AUTO_UPDATE_SCAN_API_KEY";

/// The variable of the environment that holds the key for the object store; it goes before the file's.
const REPOSITORY_SECRET_KEY: &str = "AUTO_UPDATE_REPOSITORY_SECRET_KEY";

/// The variable of the environment that holds the address of the database; it goes before the file's.
const DATABASE_URL: &str = "AUTO_UPDATE_DATABASE_URL";

/// The variable of the environment that names the schema there; it goes before the file's.
const DATABASE_SCHEMA: &str = "AUTO_UPDATE_DATABASE_SCHEMA";

/// The variable of the environment by which the identity provider knows this service; it goes before the file's.
const OIDC_CLIENT_SECRET: &str = "AUTO_UPDATE_OIDC_CLIENT_SECRET";

/// Reads the secrets that files and the environment hold into `config`.
pub(super) fn read(
    config: &mut Config,
    surroundings: &Surroundings<'_>,
) -> Result<(), ConfigError> {
    let repository = &mut config.repository;
    one(
        &mut repository.secret_key,
        ("repository.secret-key", "repository.secret-key-file"),
        repository.secret_key_file.as_deref(),
    )?;
    if let Some(key) = variable(surroundings, REPOSITORY_SECRET_KEY)? {
        repository.secret_key = Some(key);
    }
    let database = &mut config.database;
    one(
        &mut database.url,
        ("database.url", "database.url-file"),
        database.url_file.as_deref(),
    )?;
    if let Some(url) = variable(surroundings, DATABASE_URL)? {
        database.url = Some(url);
    }
    if let Some(schema) = variable(surroundings, DATABASE_SCHEMA)? {
        database.schema = Some(schema.expose().clone());
    }
    let scan = &mut config.scan;
    one(
        &mut scan.api_key,
        ("scan.api-key", "scan.api-key-file"),
        scan.api_key_file.as_deref(),
    )?;
    if let Some(key) = variable(surroundings, SCAN_API_KEY)? {
        scan.api_key = Some(key);
    }
    if let Some(oidc) = &mut config.administration.oidc {
        one(
            &mut oidc.client_secret,
            (
                "administration.oidc.client-secret",
                "administration.oidc.client-secret-file",
            ),
            oidc.client_secret_file.as_deref(),
        )?;
        if let Some(secret) = variable(surroundings, OIDC_CLIENT_SECRET)? {
            oidc.client_secret = Some(secret);
        }
    }
    for place in config.desk.secret_places() {
        one(place.secret, (place.key, place.file_key), place.file)?;
    }
    for webhook in &mut config.desk.webhook {
        for file in &webhook.secret_files {
            let secret = from_file("desk.webhook.secret-files", file)?;
            webhook.secrets.push(secret);
        }
    }
    for endpoint in &mut config.webhooks.endpoint {
        for file in &endpoint.secret_files {
            let secret = from_file("webhooks.endpoint.secret-files", file)?;
            endpoint.secrets.push(secret);
        }
    }
    Ok(())
}

/// The secret in a variable of the environment.
fn variable(
    surroundings: &Surroundings<'_>,
    name: &'static str,
) -> Result<Option<Secret<String>>, ConfigError> {
    // Compose files and unit files set variables to nothing where nothing was given to them.
    let value = (surroundings.variable)(name).filter(|value| !value.is_empty());
    let text = value.map(|value| {
        value
            .into_string()
            .map_err(|_shows| ConfigError::Variable { name })
    });
    Ok(text.transpose()?.map(Secret::new))
}

/// A scrubber that knows every secret of `config`.
pub(super) fn scrubber(config: &Config) -> Scrubber {
    let mut scrubber = Scrubber::new();
    let keys = config
        .scan
        .api_key
        .iter()
        .chain(&config.repository.secret_key)
        .chain(&config.database.url)
        .chain(
            config
                .administration
                .oidc
                .iter()
                .flat_map(|oidc| &oidc.client_secret),
        );
    let called = config.webhooks.secrets();
    for secret in keys.chain(config.desk.secrets()).chain(called) {
        scrubber.learn(secret.expose());
    }
    // Its password may appear without the rest.
    let address = config.database.url.as_ref();
    let address = address.and_then(|address| Url::parse(address.expose()).ok());
    if let Some(password) = address.as_ref().and_then(Url::password) {
        scrubber.learn(password);
        scrubber.learn(&percent_decode_str(password).decode_utf8_lossy());
    }
    scrubber
}

fn one(
    secret: &mut Option<Secret<String>>,
    (key, file_key): (&'static str, &'static str),
    file: Option<&Path>,
) -> Result<(), ConfigError> {
    let Some(file) = file else {
        return Ok(());
    };
    if secret.is_some() {
        return Err(ConfigError::TwoSecrets {
            key,
            other: file_key,
        });
    }
    *secret = Some(from_file(file_key, file)?);
    Ok(())
}

/// The one line that a file holds, without the line break that editors put at its end.
fn from_file(key: &'static str, path: &Path) -> Result<Secret<String>, ConfigError> {
    let text = fs_err::read_to_string(path).map_err(|source| ConfigError::SecretFile {
        key,
        path: path.to_owned(),
        source,
    })?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err(ConfigError::EmptySecret {
            key,
            path: path.to_owned(),
        });
    }
    Ok(Secret::new(secret.to_owned()))
}
