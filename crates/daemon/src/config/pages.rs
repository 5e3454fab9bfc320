//! How pages for people are served: those of the administration, and the catalogue.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use url::Url;

use super::{Config, ConfigError, OidcConfig, TlsPlace};

/// Pages for people.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PagesConfig {
    /// Where they are served; nowhere if not given.
    pub listen: Option<SocketAddr>,
    /// Their address, as people know it: nothing stands behind the host and port.
    pub url: Option<Url>,
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
    /// As [`PagesConfig::url`].
    pub url: Option<Url>,
    /// As [`PagesConfig::certificate`].
    pub certificate: Option<PathBuf>,
    /// As [`PagesConfig::key`].
    pub key: Option<PathBuf>,
    /// How often each token may call the API in a minute.
    pub api_calls_per_minute: NonZeroU32,
    /// The identity provider through which people sign in; only with passwords if not given.
    pub oidc: Option<OidcConfig>,
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
            url: None,
            certificate: None,
            key: None,
            api_calls_per_minute: CALLS,
            oidc: None,
        }
    }
}

impl AdministrationConfig {
    fn pages(&self) -> PagesConfig {
        PagesConfig {
            listen: self.listen,
            url: self.url.clone(),
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

    /// The address of the administration pages, without a slash at its end.
    ///
    /// # Errors
    /// As [`Config::administration_place`].
    pub(crate) fn administration_url(&self) -> Result<Option<String>, ConfigError> {
        self.pages_url(self.administration.url.as_ref(), "administration.url")
    }

    /// The address of the catalogue, without a slash at its end.
    ///
    /// # Errors
    /// As [`Config::administration_place`].
    pub(crate) fn catalogue_url(&self) -> Result<Option<String>, ConfigError> {
        self.pages_url(self.catalogue.url.as_ref(), "catalogue.url")
    }

    fn pages_url(
        &self,
        url: Option<&Url>,
        key: &'static str,
    ) -> Result<Option<String>, ConfigError> {
        let Some(url) = url else {
            return Ok(None);
        };
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_nobodys = url.username().is_empty() && url.password().is_none();
        if is_web && is_bare && is_nobodys {
            return Ok(Some(url.origin().ascii_serialization()));
        }
        Err(ConfigError::Value {
            path: self.file().unwrap_or(Path::new("")).to_owned(),
            key,
            why: "it is not `https://` and a host",
        })
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
