//! Tokens, with which programs call the API: made and taken back at the terminal.

use std::{net::IpAddr, time::Duration};

use model::{Sha256, Timestamp, TokenId};
use redact::Secret;
use store::ApiToken;
use subtle::ConstantTimeEq as _;

use super::{Administration, AdministrationError, Office, administrators::check_name};
use crate::random;

/// What a token begins with, so that whoever finds one knows what it is.
const PREFIX: &str = "aut_";

/// As many letters as nobody guesses.
const SECRET_LEN: usize = 40;

/// How exactly it is known when a token was used last.
const NOTED: Duration = Duration::from_mins(1);

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What people call it.
    pub name: String,
    /// What may be done with it.
    pub office: Office,
    /// How long it is taken; always if nothing.
    pub lasts: Option<Duration>,
    /// Who makes it.
    pub by: String,
}

/// A program that calls with a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The token.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub office: Office,
    /// When its token was made.
    pub made_at: Timestamp,
    /// Until when its token is taken.
    pub expires_at: Option<Timestamp>,
}

impl Caller {
    /// How the audit log and decisions name it; nobody who signs in can be called so.
    pub fn who(&self) -> String {
        format!("token:{}", self.name)
    }
}

/// What became of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Call {
    /// It comes from somebody who may call.
    Known(Caller),
    /// It does not, whatever is wrong with it.
    Unknown,
    /// There were too many.
    TooMany(Duration),
}

impl Administration {
    /// Makes a token; answers what has to be sent, which is kept nowhere.
    ///
    /// # Errors
    /// If the name cannot be one or is taken, or the state fails.
    pub async fn token_add(
        &self,
        new: NewToken,
    ) -> Result<(ApiToken, Secret<String>), AdministrationError> {
        check_name(&new.name)?;
        let text = Secret::new(format!("{PREFIX}{}", random::text(SECRET_LEN)?));
        let now = self.clock.now();
        let token = ApiToken {
            id: TokenId::new(),
            name: new.name,
            digest: Sha256::of(text.expose().as_bytes()),
            role: new.office.as_str().to_owned(),
            made_at: now,
            made_by: new.by,
            expires_at: new.lasts.map(|lasts| now.plus(lasts)),
            used_at: None,
            revoked_at: None,
            revoked_by: None,
        };
        if !self.db.api_token_add(&token).await? {
            return Err(AdministrationError::TokenExists { name: token.name });
        }
        tracing::info!(token = token.name, office = %new.office, "token made");
        Ok((token, text))
    }

    /// Every token that there ever was.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn token_list(&self) -> Result<Vec<ApiToken>, AdministrationError> {
        Ok(self.db.api_token_list().await?)
    }

    /// Takes a token no more.
    ///
    /// # Errors
    /// If there is none of that name, or the state fails.
    pub async fn token_revoke(&self, name: &str, by: &str) -> Result<(), AdministrationError> {
        let now = self.clock.now();
        if !self.db.api_token_revoke(name, by, now).await? {
            return Err(AdministrationError::TokenUnknown {
                name: name.to_owned(),
            });
        }
        tracing::info!(token = name, "token revoked");
        Ok(())
    }

    /// Who calls with this, if it is a token that is taken now, and does not call too often.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn call(
        &self,
        sent: Option<&Secret<String>>,
        address: IpAddr,
    ) -> Result<Call, AdministrationError> {
        let now = self.clock.now();
        let sent = sent.map_or("", |sent| sent.expose().as_str());
        let digest = Sha256::of(sent.as_bytes());
        // What is looked for is a digest, of which nobody chooses a part: how long that takes tells nothing.
        let found = self.db.api_token_find(&digest).await?;
        let is_taken = |token: &ApiToken| {
            bool::from(token.digest.as_bytes().ct_eq(digest.as_bytes()))
                && token.revoked_at.is_none()
                && token.expires_at.is_none_or(|until| until > now)
        };
        // A role of a newer program may do nothing.
        let known = found
            .filter(is_taken)
            .and_then(|token| Some((token.role.parse::<Office>().ok()?, token)));
        let Some((office, token)) = known else {
            return Ok(match self.strangers.admit(address, now) {
                Ok(()) => Call::Unknown,
                Err(wait) => Call::TooMany(wait),
            });
        };
        if let Err(wait) = self.calls.admit(token.id, now) {
            return Ok(Call::TooMany(wait));
        }
        if token.used_at.is_none_or(|used| used.plus(NOTED) < now) {
            self.db.api_token_used(token.id, now).await?;
        }
        Ok(Call::Known(Caller {
            id: token.id,
            name: token.name,
            office,
            made_at: token.made_at,
            expires_at: token.expires_at,
        }))
    }
}
