//! How tenants' Macs are served: envQUERY and the pods.

use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use tenancy::{envquery::EnvQuerySettings, pins};
use url::Url;
use web::LoadBalancers;

use super::{Config, ConfigError, NginxConfig, NginxPlace};

/// What tells Macs where their view is.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvQueryConfig {
    /// Where it is served; nowhere if not given.
    pub listen: Option<SocketAddr>,
    /// Its address, as Macs know it.
    pub url: Option<Url>,
    /// Its certificate and those above it, in PEM.
    pub certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    pub key: Option<PathBuf>,
    /// The pins that Macs know: of the key in use, and of one in reserve.
    pub pins: Vec<String>,
    /// Whose forwarding headers are believed, by address or network.
    pub load_balancers: Vec<String>,
    /// How often an address may ask in a minute.
    pub per_address_per_minute: NonZeroU32,
    /// How often a tenant's Macs may ask in a minute, all together.
    pub per_tenant_per_minute: NonZeroU32,
    /// How often an address may be refused in a minute, and a customer be named in vain, before there is a wait.
    pub failures_per_minute: NonZeroU32,
    /// How long check-ins are kept, in days.
    pub check_in_days: NonZeroU16,
}

const fn times(times: u32) -> NonZeroU32 {
    match NonZeroU32::new(times) {
        Some(times) => times,
        None => NonZeroU32::MIN,
    }
}

const fn days(days: u16) -> NonZeroU16 {
    match NonZeroU16::new(days) {
        Some(days) => days,
        None => NonZeroU16::MIN,
    }
}

impl Default for EnvQueryConfig {
    fn default() -> Self {
        Self {
            listen: None,
            url: None,
            certificate: None,
            key: None,
            pins: Vec::new(),
            load_balancers: Vec::new(),
            per_address_per_minute: times(600),
            per_tenant_per_minute: times(6000),
            failures_per_minute: times(60),
            check_in_days: days(30),
        }
    }
}

impl Config {
    /// envQUERY's address as Macs know it, if it is given.
    ///
    /// # Errors
    /// [`ConfigError::Value`], if it cannot be one. A loaded configuration has no such.
    pub fn envquery_url(&self) -> Result<Option<String>, ConfigError> {
        base(self, "envquery.url", self.envquery.url.as_ref())
    }

    /// How envQUERY is served, if it is.
    pub(crate) fn envquery_place(&self) -> Result<Option<EnvQueryPlace>, ConfigError> {
        envquery(self)
    }

    /// What NGINX is to serve, if it is to.
    pub(crate) fn nginx_place(&self) -> Result<Option<NginxPlace>, ConfigError> {
        super::nginx::place(self)
    }

    /// Where the pods are served, if they are.
    pub(crate) fn pods_place(&self) -> Result<Option<TlsPlace>, ConfigError> {
        pods(self)
    }
}

impl EnvQueryConfig {
    /// How long check-ins are kept.
    pub fn check_ins(&self) -> Duration {
        Duration::from_hours(24).saturating_mul(u32::from(self.check_in_days.get()))
    }
}

/// The views of tenants.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodsConfig {
    /// Where they are served; nowhere if not given.
    pub listen: Option<SocketAddr>,
    /// Their certificate and those above it, in PEM.
    pub certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    pub key: Option<PathBuf>,
    /// The address below which views are, as Macs know it.
    pub url: Option<Url>,
    /// How old a credential gets before it is replaced, in days; 0: it is replaced by hand only.
    pub rotate_days: u16,
    /// How long a credential is taken beside its successor, in hours.
    pub overlap_hours: NonZeroU16,
    /// Views on NGINX, instead of or beside those that are served here.
    pub nginx: Option<NginxConfig>,
}

impl Default for PodsConfig {
    fn default() -> Self {
        Self {
            listen: None,
            certificate: None,
            key: None,
            url: None,
            rotate_days: 30,
            overlap_hours: days(24),
            nginx: None,
        }
    }
}

impl PodsConfig {
    /// How old a credential gets, if it is replaced by itself.
    pub fn rotation(&self) -> Option<Duration> {
        let age = Duration::from_hours(24).saturating_mul(u32::from(self.rotate_days));
        Some(age).filter(|age| !age.is_zero())
    }

    /// How long a credential is taken beside its successor.
    pub fn overlap(&self) -> Duration {
        Duration::from_hours(1).saturating_mul(u32::from(self.overlap_hours.get()))
    }
}

/// A socket that speaks TLS, and with which certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TlsPlace {
    pub(crate) listen: SocketAddr,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// How envQUERY is served, if it is.
#[derive(Debug)]
pub(crate) struct EnvQueryPlace {
    pub(crate) socket: TlsPlace,
    pub(crate) host: String,
    pub(crate) load_balancers: LoadBalancers,
    pub(crate) settings: EnvQuerySettings,
}

/// How envQUERY is served, if it is.
///
/// # Errors
/// [`ConfigError::Value`], by the key that is missing or cannot be meant.
pub(super) fn envquery(config: &Config) -> Result<Option<EnvQueryPlace>, ConfigError> {
    let section = &config.envquery;
    let wrong = |key, why| wrong(config, key, why);
    if section.pins.iter().any(|pin| !pins::is_pin(pin)) {
        return Err(wrong("envquery.pins", NO_PIN));
    }
    let networks = section.load_balancers.iter().map(String::as_str);
    let load_balancers = LoadBalancers::parse(networks).map_err(|_unknown| {
        wrong(
            "envquery.load-balancers",
            "one of them is neither an address nor a network",
        )
    })?;
    let url = base(config, "envquery.url", section.url.as_ref())?;
    let pods_url = base(config, "pods.url", config.pods.url.as_ref())?;
    let Some(listen) = section.listen else {
        return Ok(None);
    };
    let url = url.ok_or_else(|| wrong("envquery.url", MISSING))?;
    let host = url.strip_prefix("https://").unwrap_or_default();
    if host.contains('/') {
        return Err(wrong(
            "envquery.url",
            "there must be nothing behind the host",
        ));
    }
    let certificate = section.certificate.clone();
    let key = section.key.clone();
    Ok(Some(EnvQueryPlace {
        socket: TlsPlace {
            listen,
            certificate: certificate.ok_or_else(|| wrong("envquery.certificate", MISSING))?,
            key: key.ok_or_else(|| wrong("envquery.key", MISSING))?,
        },
        host: host.to_owned(),
        load_balancers,
        settings: EnvQuerySettings {
            pods_url: pods_url.ok_or_else(|| wrong("pods.url", MISSING))?,
            per_address: section.per_address_per_minute,
            per_tenant: section.per_tenant_per_minute,
            failures: section.failures_per_minute,
            url,
        },
    }))
}

/// Where the pods are served, if they are.
///
/// # Errors
/// As [`envquery`].
pub(super) fn pods(config: &Config) -> Result<Option<TlsPlace>, ConfigError> {
    let section = &config.pods;
    let Some(listen) = section.listen else {
        return Ok(None);
    };
    let (certificate, key) = (section.certificate.clone(), section.key.clone());
    Ok(Some(TlsPlace {
        listen,
        certificate: certificate.ok_or_else(|| wrong(config, "pods.certificate", MISSING))?,
        key: key.ok_or_else(|| wrong(config, "pods.key", MISSING))?,
    }))
}

pub(super) const MISSING: &str = "it is missing, and `listen` needs it";
const NO_PIN: &str =
    "one of them is none: `auto-update tenant pins CERTIFICATE` prints that of a certificate";

pub(super) fn wrong(config: &Config, key: &'static str, why: &'static str) -> ConfigError {
    ConfigError::Value {
        path: config.file().unwrap_or(Path::new("")).to_owned(),
        key,
        why,
    }
}

/// An address without the slash at its end.
pub(super) fn base(
    config: &Config,
    key: &'static str,
    url: Option<&Url>,
) -> Result<Option<String>, ConfigError> {
    let Some(url) = url else {
        return Ok(None);
    };
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if url.scheme() != "https" || !is_plain {
        return Err(wrong(
            config,
            key,
            "it is no `https://` address without user, query and fragment",
        ));
    }
    Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
}
