//! Secrets that stand outside of the configuration file.

use std::path::Path;

use redact::{Scrubber, Secret};

use super::{Config, ConfigError, Surroundings};

/// The variable of the environment that holds the key for `VirusTotal`; it goes before the file's.
const SCAN_API_KEY: &str = "AUTO_UPDATE_SCAN_API_KEY";

/// The variable of the environment that holds the key for the object store; it goes before the file's.
const REPOSITORY_SECRET_KEY: &str = "AUTO_UPDATE_REPOSITORY_SECRET_KEY";

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
    let scan = &mut config.scan;
    one(
        &mut scan.api_key,
        ("scan.api-key", "scan.api-key-file"),
        scan.api_key_file.as_deref(),
    )?;
    if let Some(key) = variable(surroundings, SCAN_API_KEY)? {
        scan.api_key = Some(key);
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
        .chain(&config.repository.secret_key);
    for secret in keys.chain(config.desk.secrets()) {
        scrubber.learn(secret.expose());
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
