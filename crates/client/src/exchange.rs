//! The exchange with envQUERY: a signed question for the repository's address and its credential.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use model::Timestamp;
use redact::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Fault, Mac, Randomness,
    net::{Answer, LONGEST_ANSWER, Method, Request, Trust, send},
    preferences::Profile,
    token,
};

/// How long a question may be answered.
const LIFETIME: i64 = 60;
/// How far apart the clocks of both sides may be.
const LEEWAY: i64 = 60;
/// The longest credential: two random words of 16 characters make one of 44.
const LONGEST_CREDENTIAL: usize = 1024;

/// What envQUERY says.
#[derive(Clone, Debug)]
pub struct Repository {
    /// The address of the tenant's pod: `https`.
    pub url: Url,
    /// The address as envQUERY spelt it.
    pub spelt: String,
    /// The value of `Authorization`: `Basic …`.
    pub authorization: Secret<String>,
}

#[derive(Serialize)]
struct Question<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    local_ip: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
    repo_url: String,
    repo_authorization: Secret<String>,
}

/// When and from where a question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Now, by this Mac's clock; asked again when the answer is there.
    pub clock: &'a dyn model::Clock,
    /// Where the question's number comes from.
    pub randomness: &'a dyn Randomness,
    /// This Mac's address in its network.
    pub local_address: IpAddr,
    /// When the answer must be there.
    pub until: Instant,
}

/// An answer, and how and until when its repository may be asked.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) repository: Repository,
    pub(crate) trust: Trust,
    pub(crate) until: Instant,
}

/// Asks envQUERY for what is used at once and written nowhere, with `patience` for that and its use; none where there is no
/// network.
///
/// # Errors
/// As [`ask`].
pub(crate) fn open(
    mac: &Mac<'_>,
    profile: &Profile,
    patience: Duration,
) -> Result<Option<Opened>, Fault> {
    let Some(local_address) = mac.network.local_address(&profile.exchange_url) else {
        return Ok(None);
    };
    let until = Instant::now()
        .checked_add(patience)
        .unwrap_or_else(Instant::now);
    let moment = Moment {
        clock: mac.clock,
        randomness: mac.randomness,
        local_address,
        until,
    };
    let trust = Trust::of(&mac.files)?;
    Ok(Some(Opened {
        repository: ask(profile, moment, &trust)?,
        trust,
        until,
    }))
}

/// Asks envQUERY.
///
/// # Errors
/// [`Fault`], by what is wrong with the way or the answer.
pub fn ask(profile: &Profile, moment: Moment<'_>, trust: &Trust) -> Result<Repository, Fault> {
    let jti = question_id(moment.randomness)?;
    let iat = moment.clock.now().as_secs();
    let question = Question {
        iss: &profile.customer_id,
        aud: &profile.env_query_url,
        iat,
        exp: iat.saturating_add(LIFETIME),
        jti: &jti,
        local_ip: moment.local_address.to_string(),
    };
    let request = Request {
        method: Method::Post,
        url: &profile.exchange_url,
        pins: Some(&profile.pins),
        authorization: None,
        body: Some(token::sign(&question, &profile.token)?),
        longest: LONGEST_ANSWER,
        until: moment.until,
    };
    let answer = send(request, trust).map_err(Fault::EnvQuery)?;
    let body = accepted(answer)?;
    let claims = token::verify(&body, &profile.token)?;
    judged(claims, profile, &jti, moment.clock.now())
}

/// 128 bits that were never used before.
fn question_id(randomness: &dyn Randomness) -> Result<String, Fault> {
    let mut bytes = [0; 16];
    randomness.fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// The body of an answer that may be believed to be one.
fn accepted(answer: Answer) -> Result<String, Fault> {
    const WAIT: Duration = Duration::from_mins(1);
    match answer.status {
        200 => {}
        401 => return Err(Fault::Refused),
        429 => {
            return Err(Fault::TooMany {
                wait: answer.retry_after.unwrap_or(WAIT),
            });
        }
        status @ 300..=399 => return Err(Fault::EnvQueryRedirect { status }),
        status => return Err(Fault::EnvQueryStatus { status }),
    }
    if answer.content_type != "application/jwt" {
        return Err(Fault::AnswerType);
    }
    let body = String::from_utf8(answer.body).map_err(|_shows| Fault::AnswerForm)?;
    Ok(body.trim_end().to_owned())
}

fn judged(
    claims: Claims,
    profile: &Profile,
    jti: &str,
    now: Timestamp,
) -> Result<Repository, Fault> {
    let same_server =
        claims.iss.trim_end_matches('/') == profile.env_query_url.trim_end_matches('/');
    for (claim, is_right) in [
        ("iss", same_server),
        ("aud", claims.aud == profile.customer_id),
        ("jti", claims.jti == jti),
    ] {
        if !is_right {
            return Err(Fault::AnswerClaim { claim });
        }
    }
    let now = now.as_secs();
    let begun = claims.iat <= now.saturating_add(LEEWAY);
    let over = claims.exp < now.saturating_sub(LEEWAY) || claims.exp < claims.iat;
    if !begun || over {
        return Err(Fault::AnswerTime);
    }
    Ok(Repository {
        url: repository_url(&claims.repo_url)?,
        spelt: claims.repo_url,
        authorization: credential(claims.repo_authorization)?,
    })
}

fn repository_url(text: &str) -> Result<Url, Fault> {
    let wrong = |why| Fault::RepositoryUrl { why };
    let url = Url::parse(text).map_err(|_shows| wrong("is no address"))?;
    if url.scheme() != "https" {
        return Err(wrong("is not https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("holds a query or a fragment"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong("holds a space or a control character"));
    }
    Ok(url)
}

/// Munki 7 drops a header with a second colon without a word, and a line end would begin another header.
fn credential(value: Secret<String>) -> Result<Secret<String>, Fault> {
    let text = value.expose();
    let is_good = text.len() <= LONGEST_CREDENTIAL
        && text.strip_prefix("Basic ").is_some_and(|code| {
            !code.is_empty()
                && code
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte))
        });
    if is_good {
        Ok(value)
    } else {
        Err(Fault::RepositoryCredential)
    }
}
