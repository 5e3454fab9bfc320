//! How pages for people are served: those of the administration, and the catalogue.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Config, ConfigError, TlsPlace};

/// Pages for people.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PagesConfig {
    /// Where they are served; nowhere if not given.
    pub listen: Option<SocketAddr>,
    /// Their certificate and those above it, in PEM; without one they are served to this machine only.
    pub certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    pub key: Option<PathBuf>,
}

/// The administration pages, and the API beside them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdministrationConfig {
    /// As [`PagesConfig::listen`].
    pub listen: Option<SocketAddr>,
    /// As [`PagesConfig::certificate`].
    pub certificate: Option<PathBuf>,
    /// As [`PagesConfig::key`].
    pub key: Option<PathBuf>,
    /// How often each token may call the API in a minute.
    pub api_calls_per_minute: NonZeroU32,
}

/// How often a token may call in a minute, unless it is said otherwise.
const CALLS: NonZeroU32 = match NonZeroU32::new(600) {
    Some(calls) => calls,
    None => NonZeroU32::MIN,
};

impl Default for AdministrationConfig {
    fn default() -> Self {
        Self {
            listen: None,
            certificate: None,
            key: None,
            api_calls_per_minute: CALLS,
        }
    }
}

impl AdministrationConfig {
    fn pages(&self) -> PagesConfig {
        PagesConfig {
            listen: self.listen,
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        }
    }
}

/// Where pages for people are served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum PagesPlace {
    /// To this machine, without TLS.
    Loopback(SocketAddr),
    /// Over TLS.
    Tls(TlsPlace),
}

impl Config {
    /// Where the administration pages are served, if they are.
    ///
    /// # Errors
    /// [`ConfigError::Value`], by the key that is missing or cannot be meant.
    pub(crate) fn administration_place(&self) -> Result<Option<PagesPlace>, ConfigError> {
        let keys = ["administration.certificate", "administration.key"];
        self.pages_place(&self.administration.pages(), keys)
    }

    /// Where the catalogue is served, if it is.
    ///
    /// # Errors
    /// As [`Config::administration_place`].
    pub(crate) fn catalogue_place(&self) -> Result<Option<PagesPlace>, ConfigError> {
        self.pages_place(&self.catalogue, ["catalogue.certificate", "catalogue.key"])
    }

    fn pages_place(
        &self,
        section: &PagesConfig,
        [certificate_key, key_key]: [&'static str; 2],
    ) -> Result<Option<PagesPlace>, ConfigError> {
        let wrong = |key, why| ConfigError::Value {
            path: self.file().unwrap_or(Path::new("")).to_owned(),
            key,
            why,
        };
        let Some(listen) = section.listen else {
            return Ok(None);
        };
        match (&section.certificate, &section.key) {
            (Some(certificate), Some(key)) => Ok(Some(PagesPlace::Tls(TlsPlace {
                listen,
                certificate: certificate.clone(),
                key: key.clone(),
            }))),
            (None, None) if listen.ip().is_loopback() => Ok(Some(PagesPlace::Loopback(listen))),
            (None, None) => Err(wrong(
                certificate_key,
                "it is missing, and without TLS only addresses of this machine itself can be listened on",
            )),
            (Some(_), None) => Err(wrong(key_key, "`certificate` needs it")),
            (None, Some(_)) => Err(wrong(certificate_key, "`key` needs it")),
        }
    }
}
