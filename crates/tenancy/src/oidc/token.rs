//! Whether an ID token is to be believed.
//!
//! # Source
//! `OpenID` Connect Core 1.0 §3.1.3.7; RFC 8725 (best practices for JSON web tokens).

use std::time::Duration;

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use model::Timestamp;
use serde_json::{Map, Value};

use super::OidcError;
use crate::session::is_same;

/// The signatures that are believed: of a private key that nobody but the provider has. `none`, and what is signed with a
/// secret that we know as well, are not among them.
const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::EdDSA,
    Algorithm::ES256,
    Algorithm::PS256,
    Algorithm::RS256,
];

/// How far clocks may differ.
const DRIFT: Duration = Duration::from_mins(1);

/// How old a token may be that was just fetched.
const OLDEST: Duration = Duration::from_mins(10);

/// What a token has to be.
pub(super) struct Wanted<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    /// For whom else it may be.
    pub(super) audiences: &'a [String],
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// What a token says, after its signature and each of its rules held.
pub(super) type Claims = Map<String, Value>;

/// The key that a token says it is signed with, if it is among these.
///
/// # Errors
/// If the token is none, or is signed in a way that is not believed.
pub(super) fn key_of<'a>(token: &str, keys: &'a JwkSet) -> Result<Option<&'a Jwk>, OidcError> {
    let wrong = |why| OidcError::Token { why };
    // What it is signed with by `none` has no name that the decoder knows.
    let header = decode_header(token)
        .map_err(|_no_token| wrong("it is no signed token of a known algorithm"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(wrong("it is signed in a way that is not believed"));
    }
    let mut fitting = keys.keys.iter().filter(|key| fits(key, header.alg));
    match &header.kid {
        Some(kid) => Ok(fitting.find(|key| key.common.key_id.as_ref() == Some(kid))),
        // Without a name it is the only one there is, or nobody knows which.
        None => match (fitting.next(), fitting.next()) {
            (Some(_), Some(_)) => Err(wrong("it does not say with which key it is signed")),
            (key, _) => Ok(key),
        },
    }
}

/// Whether a key is one for signatures by this algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let is_kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256 | Algorithm::PS256) => true,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => {
            curve.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::OctetKeyPair(curve), Algorithm::EdDSA) => {
            curve.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    let common = &key.common;
    let is_use = common
        .public_key_use
        .as_ref()
        .is_none_or(|it| *it == PublicKeyUse::Signature);
    let is_named = common
        .key_algorithm
        .is_none_or(|it| it.to_string() == format!("{algorithm:?}"));
    is_kind && is_use && is_named
}

/// What the token says, if it is signed with `key` and is what is wanted.
///
/// # Errors
/// The rule that it breaks.
pub(super) fn verify(token: &str, key: &Jwk, wanted: &Wanted<'_>) -> Result<Claims, OidcError> {
    let wrong = |why| OidcError::Token { why };
    let header = decode_header(token)
        .map_err(|_no_token| wrong("it is no signed token of a known algorithm"))?;
    // Times and names are compared below, by a clock that is passed in.
    let mut only_signature = Validation::new(header.alg);
    only_signature.required_spec_claims.clear();
    only_signature.validate_exp = false;
    only_signature.validate_aud = false;
    let key = DecodingKey::from_jwk(key).map_err(OidcError::Signature)?;
    let decoded = decode::<Claims>(token, &key, &only_signature);
    let claims = decoded.map_err(OidcError::Signature)?.claims;
    check(&claims, wanted)?;
    Ok(claims)
}

fn check(claims: &Claims, wanted: &Wanted<'_>) -> Result<(), OidcError> {
    let wrong = |why| Err(OidcError::Token { why });
    if text(claims, "iss") != Some(wanted.issuer) {
        return wrong("it is another issuer's");
    }
    check_audience(claims, wanted)?;
    let now = wanted.now;
    let Some(expires) = time(claims, "exp") else {
        return wrong("it does not say when it ends");
    };
    if expires.plus(DRIFT) <= now {
        return wrong("it has expired");
    }
    let Some(issued) = time(claims, "iat") else {
        return wrong("it does not say when it was issued");
    };
    if issued > now.plus(DRIFT) || issued.plus(OLDEST) < now {
        return wrong("it was not issued just now");
    }
    if time(claims, "nbf").is_some_and(|begins| begins > now.plus(DRIFT)) {
        return wrong("it is not valid yet");
    }
    let nonce = text(claims, "nonce").unwrap_or_default();
    if !is_same(nonce, wanted.nonce) {
        return wrong("it is not of this sign-in: its nonce is another one");
    }
    match text(claims, "sub") {
        Some(subject) if !subject.is_empty() && subject.len() <= 255 => Ok(()),
        _ => wrong("it does not say who it is about"),
    }
}

fn check_audience(claims: &Claims, wanted: &Wanted<'_>) -> Result<(), OidcError> {
    let wrong = |why| Err(OidcError::Token { why });
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(some)) => some
            .iter()
            .map(|it| it.as_str().unwrap_or_default())
            .collect(),
        _ => Vec::new(),
    };
    if !audience.contains(&wanted.client) {
        return wrong("it is for somebody else");
    }
    let is_allowed =
        |it: &&str| *it == wanted.client || wanted.audiences.iter().any(|one| one == it);
    if !audience.iter().all(is_allowed) {
        return wrong("it is also for somebody who is not allowed");
    }
    match claims.get("azp") {
        None if audience.len() > 1 => wrong("it is for several and does not say who asked for it"),
        Some(party) if party.as_str() != Some(wanted.client) => wrong("somebody else asked for it"),
        _ => Ok(()),
    }
}

pub(super) fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// Seconds since 1970, which may have a fraction.
fn time(claims: &Claims, name: &str) -> Option<Timestamp> {
    let value = claims.get(name)?;
    if let Some(seconds) = value.as_i64() {
        // Beyond this it cannot be told in microseconds.
        return (0..=1 << 40)
            .contains(&seconds)
            .then(|| Timestamp::from_secs(seconds));
    }
    let seconds = value.as_f64().filter(|it| (0.0..1e12).contains(it))?;
    Some(Timestamp::from_secs(0).plus(Duration::from_secs_f64(seconds)))
}
