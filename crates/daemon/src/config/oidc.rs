//! The identity provider through which people sign in to the administration pages.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use redact::Secret;
use serde::Deserialize;
use tenancy::{administration::Office, oidc::OidcSettings};

use super::{Config, ConfigError};

/// The identity provider.
///
/// ```toml
/// [administration.oidc]
/// issuer = "https://id.example.org"
/// client-id = "auto-update"
/// client-secret-file = "keys/oidc"
/// [administration.oidc.groups]
/// macos-administrators = "administrator"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OidcConfig {
    /// Its name for itself, an address, letter for letter.
    pub issuer: String,
    /// Its name for this service.
    pub client_id: String,
    /// By which it knows this service.
    pub client_secret: Option<Secret<String>>,
    /// A file that holds it instead.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for besides `openid`.
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// The claim that is the user ID.
    #[serde(default = "usual_name")]
    pub name_claim: String,
    /// The claim that lists groups.
    #[serde(default = "usual_groups")]
    pub groups_claim: String,
    /// What somebody in a group is here for.
    pub groups: BTreeMap<String, Office>,
    /// For whom else a token may be.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Whether passwords are taken beside it.
    #[serde(default = "yes")]
    pub local: bool,
    /// Whether `http` on the loopback interface is allowed.
    #[serde(default)]
    pub allow_loopback_http: bool,
}

fn usual_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn usual_name() -> String {
    "preferred_username".to_owned()
}

fn usual_groups() -> String {
    "groups".to_owned()
}

const fn yes() -> bool {
    true
}

impl Config {
    /// How the identity provider is asked, and whether passwords are taken beside it.
    ///
    /// # Errors
    /// [`ConfigError::Value`], if the pages have no address that it could send browsers back to.
    pub(crate) fn oidc_settings(&self) -> Result<Option<(OidcSettings, bool)>, ConfigError> {
        let Some(oidc) = &self.administration.oidc else {
            return Ok(None);
        };
        let Some(pages) = self.administration_url()? else {
            return Err(ConfigError::Value {
                path: self.file().unwrap_or(Path::new("")).to_owned(),
                key: "administration.url",
                why: "`administration.oidc` needs it, to be sent back to",
            });
        };
        let settings = OidcSettings {
            issuer: oidc.issuer.clone(),
            client_id: oidc.client_id.clone(),
            client_secret: oidc.client_secret.clone(),
            pages,
            scopes: oidc.scopes.clone(),
            name_claim: oidc.name_claim.clone(),
            groups_claim: oidc.groups_claim.clone(),
            groups: oidc.groups.clone(),
            audiences: oidc.audiences.clone(),
            allow_loopback_http: oidc.allow_loopback_http,
        };
        Ok(Some((settings, oidc.local)))
    }
}
