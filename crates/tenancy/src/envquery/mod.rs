//! envQUERY: tells a Mac of a tenant where its view is, and by which credential it is opened.
//!
//! The Mac asks with a token that is signed with its tenant's key, and gets one back that is signed with the same. No
//! HTTP here: what came in is text and an address, what goes out is an [`Answer`].
//!
//! **Invariants:** who does not prove to have the key is told nothing, and cannot tell why: an unknown tenant, a suspended
//! one, a bad signature and a question asked before get the same answer after the same work. A question is answered once,
//! by all nodes together.

mod token;

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use model::{Clock, Timestamp};
use redact::Secret;
use serde::Serialize;
use store::{CheckIn, Db, Tenant, TenantKey};
use tokio::time::Instant;

use self::token::{Claims, Sent};
use crate::{
    SecretKind, TenancyError, Vault,
    doorkeeper::{Doorkeeper, Known},
    limits::Limit,
};

/// The longest question, in bytes.
pub const LONGEST_QUESTION: usize = 16 << 10;

/// How long a token is good for.
const LIFE_SECS: i64 = 60;

/// When a refusal is told, after the question came: longer than the work for it takes, so that its time does not tell
/// what was wrong. A database has less to say of a tenant that there is not.
const REFUSED_AFTER: Duration = Duration::from_millis(5);

/// How far clocks may differ.
const LEEWAY_SECS: i64 = 60;

/// The length of a question's random number: 128 bits, in hexadecimal digits.
const NUMBER_LEN: usize = 32;

/// How envQUERY is set up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvQuerySettings {
    /// Its own address, which questions are for and answers are from.
    pub url: String,
    /// The address below which views are.
    pub pods_url: String,
    /// How often an address may ask in a minute.
    pub per_address: NonZeroU32,
    /// How often a tenant's Macs may ask in a minute, all together.
    pub per_tenant: NonZeroU32,
    /// How often an address may be refused in a minute before it has to wait, and how often a customer may be named in
    /// vain.
    pub failures: NonZeroU32,
}

/// What becomes of a question.
#[derive(Debug)]
pub enum Answer {
    /// The token with address and credential.
    Given(Secret<String>),
    /// Nothing, for whatever reason.
    Refused,
    /// Nothing, and the next question has to wait so long.
    TooMany(Duration),
}

/// Why a question is refused. It is logged, and never told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Address,
    Algorithm,
    Audience,
    Future,
    Lifetime,
    Malformed,
    Number,
    Replayed,
    Signature,
    Stale,
    Tenant,
}

impl Refusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "its local address is none",
            Self::Algorithm => "it is not signed with HS256",
            Self::Audience => "it is meant for somebody else",
            Self::Future => "it comes from the future",
            Self::Lifetime => "it would live too long",
            Self::Malformed => "it is no token",
            Self::Number => "its random number is none of 128 bits",
            Self::Replayed => "it was asked before",
            Self::Signature => "its signature is wrong",
            Self::Stale => "it is too old",
            Self::Tenant => "there is no such tenant, or it is suspended",
        }
    }
}

/// Answers Macs.
#[derive(Clone, Debug)]
pub struct EnvQuery {
    doorkeeper: Doorkeeper,
    clock: Arc<dyn Clock>,
    settings: Arc<EnvQuerySettings>,
    limits: Arc<Limits>,
}

#[derive(Debug)]
struct Limits {
    addresses: Limit,
    tenants: Limit,
    failing_addresses: Limit,
    failing_customers: Limit,
}

/// What a Mac is told.
#[derive(Serialize)]
struct Told<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    repo_url: String,
    repo_authorization: String,
}

/// A question that may be answered, once.
struct Asked<'a> {
    tenant: &'a Tenant,
    key: &'a Secret<String>,
    credential: &'a Secret<String>,
    claims: &'a Claims,
    local_ip: IpAddr,
}

impl EnvQuery {
    /// Answers for the tenants in `db`, whose secrets `vault` opens.
    ///
    /// # Errors
    /// If the vault fails.
    pub fn new(
        db: Db,
        vault: Vault,
        clock: Arc<dyn Clock>,
        settings: EnvQuerySettings,
    ) -> Result<Self, TenancyError> {
        Ok(Self {
            doorkeeper: Doorkeeper::new(db, vault)?,
            clock,
            limits: Arc::new(Limits {
                addresses: Limit::per_minute(settings.per_address),
                tenants: Limit::per_minute(settings.per_tenant),
                failing_addresses: Limit::per_minute(settings.failures),
                failing_customers: Limit::per_minute(settings.failures),
            }),
            settings: Arc::new(settings),
        })
    }

    /// Answers `question`, which came from `from`.
    ///
    /// # Errors
    /// If the state or the vault fails.
    pub async fn answer(&self, question: &str, from: IpAddr) -> Result<Answer, TenancyError> {
        let (now, came) = (self.clock.now(), Instant::now());
        let network = network(from);
        if let Err(wait) = self.limits.addresses.admit(network, now) {
            tracing::warn!(public_ip = %from, "envQUERY is asked too often by an address");
            return Ok(Answer::TooMany(wait));
        }
        let sent = Sent::of(question);
        let issuer = TenantKey::Customer(sent.issuer());
        let known = self
            .doorkeeper
            .known(issuer, SecretKind::Token, now)
            .await?;
        let refusal = match self.judge(&sent, &known, now) {
            Ok(asked) => match self.give(&asked, from, now).await? {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            },
            Err(refusal) => refusal,
        };
        tracing::info!(public_ip = %from, why = refusal.as_str(), "envQUERY refused a question");
        let limits = &self.limits;
        let counted = limits.failing_addresses.admit(network, now);
        let counted = counted.and_then(|()| limits.failing_customers.admit(sent.issuer(), now));
        tokio::time::sleep_until(came + REFUSED_AFTER).await;
        Ok(counted.map_or_else(Answer::TooMany, |()| Answer::Refused))
    }

    /// Whether the question may be answered, as far as that can be told without noting it.
    fn judge<'a>(
        &self,
        sent: &'a Sent<'_>,
        known: &'a Known,
        now: Timestamp,
    ) -> Result<Asked<'a>, Refusal> {
        // Before anything else, so that each question costs it.
        let signer = sent.signer(&known.asked);
        let claims = sent.claims.as_ref().map_err(|refusal| *refusal)?;
        let tenant = known.tenant.as_ref().ok_or(Refusal::Tenant)?;
        let key = signer.ok_or(Refusal::Signature)?;
        if claims.aud != self.settings.url {
            return Err(Refusal::Audience);
        }
        check_times(claims, now.as_secs())?;
        let is_number = claims.jti.len() == NUMBER_LEN
            && claims.jti.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_number {
            return Err(Refusal::Number);
        }
        Ok(Asked {
            tenant,
            key,
            credential: known.other.as_ref().ok_or(Refusal::Tenant)?,
            claims,
            local_ip: claims.local_ip.parse().ok().ok_or(Refusal::Address)?,
        })
    }

    /// Notes the question and answers it, unless it was answered before.
    async fn give(
        &self,
        asked: &Asked<'_>,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Result<Answer, Refusal>, TenancyError> {
        if let Err(wait) = self.limits.tenants.admit(asked.tenant.id, now) {
            tracing::warn!(tenant.id = %asked.tenant.id, "envQUERY is asked too often by a tenant");
            return Ok(Ok(Answer::TooMany(wait)));
        }
        let check_in = CheckIn {
            tenant: asked.tenant.id,
            local_ip: asked.local_ip.to_string(),
            public_ip: from.to_string(),
            at: now,
        };
        let number = asked.claims.jti.to_ascii_lowercase();
        if !self
            .doorkeeper
            .db()
            .check_in_note(&check_in, &number)
            .await?
        {
            return Ok(Err(Refusal::Replayed));
        }
        let told = Told {
            iss: &self.settings.url,
            aud: &asked.tenant.customer,
            iat: now.as_secs(),
            exp: now.as_secs().saturating_add(LIFE_SECS),
            jti: &asked.claims.jti,
            repo_url: format!("{}/{}", self.settings.pods_url, asked.tenant.slug),
            repo_authorization: format!("Basic {}", asked.credential.expose()),
        };
        let token = token::sign(&told, asked.key).ok_or(Refusal::Malformed);
        tracing::info!(tenant.id = %asked.tenant.id, "envQUERY answered");
        Ok(token.map(Answer::Given))
    }
}

fn check_times(claims: &Claims, now: i64) -> Result<(), Refusal> {
    let (made, ends) = (claims.iat.0, claims.exp.0);
    let latest = now.saturating_add(LEEWAY_SECS);
    let not_before = claims.nbf.map_or(made, |time| time.0);
    if made > latest || not_before > latest {
        return Err(Refusal::Future);
    }
    if ends.saturating_add(LEEWAY_SECS) <= now {
        return Err(Refusal::Stale);
    }
    let life = ends.saturating_sub(made);
    if !(1..=LIFE_SECS).contains(&life) {
        return Err(Refusal::Lifetime);
    }
    Ok(())
}

/// Who has an IPv6 address has many: the first half names the network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
