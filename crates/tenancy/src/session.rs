//! What sessions on pages have in common, whoever is signed in.

use std::time::Duration;

use model::{Sha256, Timestamp};
use redact::Secret;
use store::LockRule;
use subtle::ConstantTimeEq as _;

use crate::random;

/// How many failures in a row lock somebody out, and for how long.
const FAILURES: u32 = 5;
const LOCKED: Duration = Duration::from_mins(15);

/// How long somebody who does nothing stays signed in, and how long anybody does.
pub(crate) const IDLE: Duration = Duration::from_mins(15);
pub(crate) const LIFE: Duration = Duration::from_hours(12);

/// How exactly it is known when somebody was heard of last.
pub(crate) const NOTED: Duration = Duration::from_secs(30);

/// As many letters as nobody guesses.
const LEN: usize = 32;

/// The longest thing that is looked at as any of what somebody proves.
pub(crate) const LONGEST: usize = 1024;

/// Something that nobody guesses: what a browser holds of a session, a code, a part of an address.
///
/// # Errors
/// If the system gives no random numbers.
pub(crate) fn unguessable() -> Result<Secret<String>, getrandom::Error> {
    Ok(Secret::new(random::text(LEN)?))
}

/// The name under which the state knows something that nobody guesses: whoever reads it there cannot use it.
pub(crate) fn digest_of(secret: &Secret<String>) -> String {
    Sha256::of(secret.expose().as_bytes()).to_string()
}

/// What has to come with every form of the session with this cookie.
pub(crate) fn form_token_of(cookie: &Secret<String>) -> Secret<String> {
    let token = Sha256::of(format!("form {}", cookie.expose()).as_bytes());
    Secret::new(token.to_string())
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

/// When failures lock somebody out, and until when, if it were now.
pub(crate) fn lock_rule(now: Timestamp) -> LockRule {
    LockRule {
        failures: FAILURES,
        until: now.plus(LOCKED),
    }
}
