//! JSON Web Tokens of the one kind that is taken here: HMAC with SHA-256, and nothing that the token says of itself
//! changes that.
//!
//! # Source
//! RFC 7515 (JWS compact serialisation), RFC 7518 §3.2 (HS256), RFC 7519 (claims), RFC 8725 (what goes wrong with them).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use redact::Secret;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::Sha256;

use super::Refusal;

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// What a Mac claims.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) iat: Time,
    pub(super) exp: Time,
    #[serde(default)]
    pub(super) nbf: Option<Time>,
    pub(super) jti: String,
    pub(super) local_ip: String,
}

/// Seconds since 1970. A fraction is allowed (RFC 7519 §2), and cut off.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "Number")]
pub(super) struct Time(pub(super) i64);

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Broken(f64),
}

impl From<Number> for Time {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast ends at the ends of the range, and is 0 for what is no number: no such time is near"
    )]
    fn from(number: Number) -> Self {
        match number {
            Number::Whole(seconds) => Self(seconds),
            Number::Broken(seconds) => Self(seconds.floor() as i64),
        }
    }
}

/// The header. A name that is given twice is an error.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    /// Extensions that have to be understood; none is.
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

/// A token that was sent, not believed yet.
pub(super) struct Sent<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    /// What it claims, or what is wrong with it before any key is asked.
    pub(super) claims: Result<Claims, Refusal>,
}

impl<'a> Sent<'a> {
    /// Takes a token apart. What is none at all has a signature that no key makes.
    pub(super) fn of(token: &'a str) -> Self {
        let parts = token
            .rsplit_once('.')
            .and_then(|(signed, signature)| {
                let (header, claims) = signed.split_once('.')?;
                let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
                Some((signed, signature, header, claims))
            })
            .filter(|(.., claims)| !claims.contains('.'));
        let Some((signed, signature, header, claims)) = parts else {
            return Self {
                signed: token,
                signature: Vec::new(),
                claims: Err(Refusal::Malformed),
            };
        };
        Self {
            signed,
            signature,
            claims: check_header(header).and_then(|()| read(claims)),
        }
    }

    /// Who it says it is of; nobody if it does not say.
    pub(super) fn issuer(&self) -> &str {
        self.claims.as_ref().map_or("", |claims| &claims.iss)
    }

    /// The first of `keys` that signed it. Each is tried, whichever it is.
    pub(super) fn signer<'k>(&self, keys: &'k [Secret<String>]) -> Option<&'k Secret<String>> {
        let mut signer = None;
        for key in keys {
            let holds = mac(key, self.signed).is_some_and(|mac| {
                // Takes as long for a wrong one as for the right one.
                mac.verify_slice(&self.signature).is_ok()
            });
            if holds && signer.is_none() {
                signer = Some(key);
            }
        }
        signer
    }
}

fn check_header(header: &str) -> Result<(), Refusal> {
    let header: Header = read(header)?;
    let is_jwt = header
        .typ
        .is_none_or(|kind| kind.eq_ignore_ascii_case("jwt"));
    match header.alg.as_str() {
        "HS256" if is_jwt && header.crit.is_none() => Ok(()),
        "HS256" => Err(Refusal::Malformed),
        _ => Err(Refusal::Algorithm),
    }
}

fn read<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or(Refusal::Malformed)
}

/// A token with these claims, signed with `key`.
pub(super) fn sign(claims: &impl Serialize, key: &Secret<String>) -> Option<Secret<String>> {
    let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
    let signed = format!("{HEADER}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(mac(key, &signed)?.finalize().into_bytes());
    Some(Secret::new(format!("{signed}.{signature}")))
}

fn mac(key: &Secret<String>, signed: &str) -> Option<Hmac<Sha256>> {
    // A key of any length will do, says the type; it has to be asked all the same.
    let mut mac = Hmac::new_from_slice(key.expose().as_bytes()).ok()?;
    mac.update(signed.as_bytes());
    Some(mac)
}
