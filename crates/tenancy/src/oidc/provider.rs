//! What an identity provider tells about itself: where it is asked, and with which keys it signs.
//!
//! # Source
//! `OpenID` Connect Discovery 1.0; RFC 7517 (JSON web keys).

use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use model::Timestamp;
use reqwest::{Client, RequestBuilder, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use super::{OidcError, OidcSettings, token};

/// The longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 256 << 10;

/// For how long is believed what it told about itself.
const FRESH: Duration = Duration::from_hours(1);

/// How soon keys are asked for again when a token names one that is not known: it may have changed them.
const AGAIN: Duration = Duration::from_secs(30);

/// How long a question may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What it tells about itself, as far as it is needed.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Told {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    pub(super) end_session_endpoint: Option<String>,
    #[serde(default)]
    pub(super) token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

#[derive(Debug, Default)]
struct Known {
    told: Option<(Told, Timestamp)>,
    keys: Option<(JwkSet, Timestamp)>,
}

/// One identity provider.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    allow_loopback_http: bool,
    pub(super) http: Client,
    known: Mutex<Known>,
}

impl Provider {
    pub(super) fn new(settings: &OidcSettings) -> Result<Self, OidcError> {
        let set_up = |why: String| OidcError::SetUp { why };
        if !is_protected(&settings.issuer, settings.allow_loopback_http) {
            return Err(set_up(
                "`issuer` is not https; http is for the loopback interface, with `allow-loopback-http`"
                    .to_owned(),
            ));
        }
        let http = Client::builder()
            .https_only(!settings.allow_loopback_http)
            .redirect(redirect::Policy::none())
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("auto-update/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            issuer: settings.issuer.clone(),
            allow_loopback_http: settings.allow_loopback_http,
            http: http.map_err(|error| set_up(error.to_string()))?,
            known: Mutex::default(),
        })
    }

    /// What it tells about itself.
    pub(super) async fn told(&self, now: Timestamp) -> Result<Told, OidcError> {
        // Held while it is asked: those who come meanwhile wait for the same answer.
        let mut known = self.known.lock().await;
        if let Some((told, at)) = &known.told
            && now < at.plus(FRESH)
        {
            return Ok(told.clone());
        }
        let told = self.discover().await?;
        known.told = Some((told.clone(), now));
        Ok(told)
    }

    async fn discover(&self) -> Result<Told, OidcError> {
        const WHAT: &str = "itself";
        let base = self.issuer.trim_end_matches('/');
        let address = format!("{base}/.well-known/openid-configuration");
        let told: Told = ask(self.http.get(address), WHAT).await?;
        let wrong = |why: String| OidcError::Answer { what: WHAT, why };
        if told.issuer != self.issuer {
            return Err(wrong(format!(
                "it calls itself `{}`, and `issuer` says `{}`",
                told.issuer.escape_debug(),
                self.issuer
            )));
        }
        let endpoints = [
            Some(&told.authorization_endpoint),
            Some(&told.token_endpoint),
            Some(&told.jwks_uri),
            told.end_session_endpoint.as_ref(),
        ];
        for endpoint in endpoints.into_iter().flatten() {
            if !is_protected(endpoint, self.allow_loopback_http) {
                return Err(wrong("one of its addresses is not https".to_owned()));
            }
        }
        Ok(told)
    }

    /// The key that a token is signed with.
    pub(super) async fn key_of(
        &self,
        given: &str,
        told: &Told,
        now: Timestamp,
    ) -> Result<Jwk, OidcError> {
        let mut known = self.known.lock().await;
        let mut is_worth_asking = true;
        if let Some((keys, at)) = &known.keys {
            if now < at.plus(FRESH)
                && let Some(key) = token::key_of(given, keys)?
            {
                return Ok(key.clone());
            }
            is_worth_asking = now >= at.plus(AGAIN);
        }
        if is_worth_asking {
            let keys: JwkSet = ask(self.http.get(&told.jwks_uri), "its keys").await?;
            let key = token::key_of(given, &keys).map(Option::<&Jwk>::cloned);
            known.keys = Some((keys, now));
            if let Some(key) = key? {
                return Ok(key);
            }
        }
        Err(OidcError::Token {
            why: "it is signed with a key that the identity provider does not tell of",
        })
    }
}

/// Asks, and reads JSON.
pub(super) async fn ask<T: DeserializeOwned>(
    request: RequestBuilder,
    what: &'static str,
) -> Result<T, OidcError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let unreachable = |source: reqwest::Error| OidcError::Unreachable {
        what,
        source: source.without_url(),
    };
    let wrong = |why: String| OidcError::Answer { what, why };
    let mut response = request.send().await.map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES {
            return Err(wrong("it is longer than 256 KiB".to_owned()));
        }
    }
    if !response.status().is_success() {
        let said = serde_json::from_slice(&body).map_or_else(
            |_no_word| String::new(),
            |Refusal { error }| {
                let word: String = error.chars().take(64).collect();
                format!(", `{}`", word.escape_debug())
            },
        );
        return Err(wrong(format!("{}{said}", response.status().as_u16())));
    }
    // What the decoder says may quote what it could not read.
    serde_json::from_slice(&body)
        .map_err(|_may_quote| wrong("it is not the JSON of the standard".to_owned()))
}

/// Whether nobody between can read it: `https`, or this machine itself where that is allowed.
pub(super) fn is_protected(address: &str, allow_loopback_http: bool) -> bool {
    let Ok(url) = url::Url::parse(address) else {
        return false;
    };
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" && url.has_host()
        || url.scheme() == "http" && is_loopback && allow_loopback_http
}
