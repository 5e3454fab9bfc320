//! Sign-on through an identity provider: who somebody is, and what they may do, says the organisation's own.
//!
//! Authorization code flow with PKCE. **[`Oidc::begin`]** sends a browser there, **[`Oidc::finish`]** fetches what it brings
//! back and answers who it is.
//!
//! **Invariants:** an answer counts only in the browser in which the sign-in was begun, for ten minutes; nobody is believed
//! but by an ID token that the configured issuer signed, with a public-key algorithm, for this client and this very sign-in;
//! what anybody may do is asked for at each sign-in; no token is kept, and none is logged.
//!
//! # Source
//! `OpenID` Connect Core 1.0, Discovery 1.0 and RP-Initiated Logout 1.0; RFC 6749, 7636 (PKCE), 9207 (`iss` of answers), 9700
//! (best practices).

mod error;
mod flow;
mod provider;
#[cfg(test)]
mod tests;
mod token;

use std::{collections::BTreeMap, sync::Arc};

use model::Clock;
use redact::Secret;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

pub use self::{error::OidcError, flow::PATIENCE};
use self::{
    flow::Flow,
    provider::{Provider, Told, ask, is_protected},
    token::{Claims, Wanted},
};
use crate::administration::{Office, check_name};

/// Where browsers come back to, below the address of the pages.
pub const CALLBACK: &str = "/sign-in/oidc/callback";

/// The longest part of an answer that is looked at, in bytes.
const LONGEST: usize = 4096;

/// Which of several roles somebody has: the first of these.
const PRECEDENCE: [Office; 5] = [
    Office::Administrator,
    Office::Approver,
    Office::Packager,
    Office::Auditor,
    Office::Viewer,
];

/// How an identity provider is asked.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// Its name for itself, an address.
    pub issuer: String,
    /// Its name for us.
    pub client_id: String,
    /// By which it knows us; none where PKCE alone is enough for it.
    pub client_secret: Option<Secret<String>>,
    /// The address of the administration pages, without anything behind the host.
    pub pages: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that is the user ID.
    pub name_claim: String,
    /// The claim that lists groups.
    pub groups_claim: String,
    /// What somebody in a group is here for.
    pub groups: BTreeMap<String, Office>,
    /// For whom else a token may be.
    pub audiences: Vec<String>,
    /// Whether `http` on the loopback interface is allowed.
    pub allow_loopback_http: bool,
}

/// Where a sign-in begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Where the browser goes.
    pub address: String,
    /// What it holds meanwhile.
    pub cookie: Secret<String>,
}

/// What a browser brings back.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Answer {
    /// By which the token is fetched.
    code: Option<Secret<String>>,
    /// What it was sent there with.
    #[serde(default)]
    state: String,
    /// Whose answer it is.
    iss: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// Somebody whom the identity provider knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claimant {
    /// Its name of them, which it gives to no other; with its own.
    pub subject: String,
    /// The user ID, of which none in this house can be equal.
    pub name: String,
    /// What they are here for.
    pub office: Office,
}

/// Signs people on through an identity provider.
///
/// Cheap to clone; clones share what it told about itself.
#[derive(Clone, Debug)]
pub struct Oidc {
    settings: Arc<OidcSettings>,
    provider: Arc<Provider>,
    clock: Arc<dyn Clock>,
}

impl Oidc {
    /// Nobody is asked yet.
    ///
    /// # Errors
    /// If it cannot work as it is configured.
    pub fn new(settings: OidcSettings, clock: Arc<dyn Clock>) -> Result<Self, OidcError> {
        let set_up = |why: &str| OidcError::SetUp {
            why: why.to_owned(),
        };
        if settings.client_id.is_empty() {
            return Err(set_up("`client-id` is empty"));
        }
        if settings.groups.is_empty() {
            return Err(set_up("no group has a role, so nobody could sign in"));
        }
        if !is_protected(&settings.pages, settings.allow_loopback_http) {
            return Err(set_up("the address of the pages is not https"));
        }
        Ok(Self {
            provider: Arc::new(Provider::new(&settings)?),
            settings: Arc::new(settings),
            clock,
        })
    }

    /// Begins a sign-in in a browser.
    ///
    /// # Errors
    /// If the provider does not tell where, or there are no random numbers.
    pub async fn begin(&self) -> Result<Beginning, OidcError> {
        let now = self.clock.now();
        let told = self.provider.told(now).await?;
        let flow = Flow::begin()?;
        let mut scope = "openid".to_owned();
        for more in self.settings.scopes.iter().filter(|it| *it != "openid") {
            scope.push(' ');
            scope.push_str(more);
        }
        let mut address = read(&told.authorization_endpoint)?;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.callback())
            .append_pair("scope", &scope)
            .append_pair("state", &flow.state(now))
            .append_pair("nonce", &flow.nonce())
            .append_pair("code_challenge", &flow.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(Beginning {
            address: address.into(),
            cookie: flow.held(),
        })
    }

    /// Who it is, by what the browser holds and brings back.
    ///
    /// # Errors
    /// If it was not begun there, the provider does not answer, or is not to be believed, or they have no role here.
    pub async fn finish(
        &self,
        cookie: &Secret<String>,
        answer: &Answer,
    ) -> Result<Claimant, OidcError> {
        let now = self.clock.now();
        let flow = Flow::of(cookie)?;
        flow.check(&answer.state, now)?;
        let told = self.provider.told(now).await?;
        let is_said = answer.iss.is_some() || told.authorization_response_iss_parameter_supported;
        if is_said && answer.iss.as_ref() != Some(&self.settings.issuer) {
            return Err(OidcError::MixUp);
        }
        if let Some(error) = &answer.error {
            return Err(OidcError::Denied {
                said: error.chars().take(64).collect(),
            });
        }
        let code = answer.code.as_ref().filter(|code| {
            let len = code.expose().len();
            len > 0 && len <= LONGEST
        });
        let id_token = self
            .fetch(code.ok_or(OidcError::NotBegun)?, &flow, &told)
            .await?;
        let key = self.provider.key_of(id_token.expose(), &told, now).await?;
        let wanted = Wanted {
            issuer: &self.settings.issuer,
            client: &self.settings.client_id,
            audiences: &self.settings.audiences,
            nonce: &flow.nonce(),
            now: self.clock.now(),
        };
        let claims = token::verify(id_token.expose(), &key, &wanted)?;
        self.claimant(&claims)
    }

    /// Where somebody who has signed out here signs out there, too, if there is such a place.
    ///
    /// # Errors
    /// If the provider does not answer.
    pub async fn end_address(&self) -> Result<Option<String>, OidcError> {
        let told = self.provider.told(self.clock.now()).await?;
        let Some(end) = told.end_session_endpoint else {
            return Ok(None);
        };
        let mut address = read(&end)?;
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair(
                "post_logout_redirect_uri",
                &format!("{}/sign-in", self.settings.pages),
            );
        Ok(Some(address.into()))
    }

    fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.settings.pages)
    }

    /// Fetches the ID token for a code.
    async fn fetch(
        &self,
        code: &Secret<String>,
        flow: &Flow,
        told: &Told,
    ) -> Result<Secret<String>, OidcError> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: Secret<String>,
        }
        let (callback, verifier) = (self.callback(), flow.verifier());
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &callback),
            ("code_verifier", verifier.expose()),
        ];
        let request = self.provider.http.post(&told.token_endpoint);
        let client = self.settings.client_id.as_str();
        let methods = &told.token_endpoint_auth_methods_supported;
        let knows = |method: &str| methods.iter().any(|it| it == method);
        let request = match &self.settings.client_secret {
            Some(secret) if knows("client_secret_basic") || !knows("client_secret_post") => {
                // RFC 6749 §2.3.1 has both written as in forms first.
                request.basic_auth(as_in_forms(client), Some(as_in_forms(secret.expose())))
            }
            Some(secret) => {
                form.extend([("client_id", client), ("client_secret", secret.expose())]);
                request
            }
            None => {
                form.push(("client_id", client));
                request
            }
        };
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(body);
        let Tokens { id_token } = ask(request, "a token").await?;
        Ok(id_token)
    }

    fn claimant(&self, claims: &Claims) -> Result<Claimant, OidcError> {
        let claim = &self.settings.name_claim;
        let name = token::text(claims, claim).filter(|name| check_name(name).is_ok());
        let name = name.ok_or_else(|| OidcError::Name {
            claim: claim.clone(),
        })?;
        let groups: Vec<&str> = match claims.get(&self.settings.groups_claim) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let offices: Vec<Office> = groups
            .iter()
            .filter_map(|group| self.settings.groups.get(*group).copied())
            .collect();
        let office = PRECEDENCE.into_iter().find(|it| offices.contains(it));
        let subject = token::text(claims, "sub").unwrap_or_default();
        // A colon is in no name that is given here.
        let name = format!("oidc:{name}");
        match office {
            Some(office) => Ok(Claimant {
                subject: format!("{} {subject}", self.settings.issuer),
                name,
                office,
            }),
            None => Err(OidcError::NoRole { name }),
        }
    }
}

fn read(address: &str) -> Result<Url, OidcError> {
    Url::parse(address).map_err(|error| OidcError::Answer {
        what: "itself",
        why: error.to_string(),
    })
}

fn as_in_forms(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
