//! What binds a sign-in to the browser in which it was begun.
//!
//! The browser holds one text that nobody guesses. State, nonce and the verifier of PKCE are all made of it, each by its own
//! label, so nothing has to be kept here: any node can go on with what another began.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Sha256 as Digest, Timestamp};
use redact::Secret;
use sha2::Sha256;

use super::OidcError;
use crate::session::{LONGEST, is_same, unguessable};

/// How long somebody may take at the identity provider.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// A sign-in that is under way in one browser.
pub(super) struct Flow {
    held: Secret<String>,
}

impl Flow {
    /// One that begins.
    pub(super) fn begin() -> Result<Self, OidcError> {
        Ok(Self {
            held: unguessable()?,
        })
    }

    /// The one of which the browser holds this.
    pub(super) fn of(held: &Secret<String>) -> Result<Self, OidcError> {
        let len = held.expose().len();
        if len == 0 || len > LONGEST {
            return Err(OidcError::NotBegun);
        }
        Ok(Self { held: held.clone() })
    }

    /// What the browser holds.
    pub(super) fn held(self) -> Secret<String> {
        self.held
    }

    /// What comes back with the answer: when it was begun, and that it was here.
    pub(super) fn state(&self, begun: Timestamp) -> String {
        let seconds = begun.as_secs();
        format!("{seconds}.{}", self.derive(&format!("state {seconds}")))
    }

    /// Whether `state` is of this sign-in, and not too old.
    pub(super) fn check(&self, state: &str, now: Timestamp) -> Result<(), OidcError> {
        let seconds = state
            .split_once('.')
            .and_then(|(time, _)| time.parse().ok());
        let begun = Timestamp::from_secs(seconds.ok_or(OidcError::NotBegun)?);
        let is_ours = is_same(&self.state(begun), state);
        let is_young = begun <= now && now < begun.plus(PATIENCE);
        if is_ours && is_young {
            Ok(())
        } else {
            Err(OidcError::NotBegun)
        }
    }

    /// What has to be in the ID token.
    pub(super) fn nonce(&self) -> String {
        self.derive("nonce")
    }

    /// What shows that whoever fetches the token is who began (RFC 7636).
    pub(super) fn verifier(&self) -> Secret<String> {
        Secret::new(self.derive("verifier"))
    }

    /// What tells of the verifier without telling it: its digest, by the method `S256`.
    pub(super) fn challenge(&self) -> String {
        let digest = Digest::of(self.verifier().expose().as_bytes());
        URL_SAFE_NO_PAD.encode(digest.as_bytes())
    }

    fn derive(&self, label: &str) -> String {
        let key = self.held.expose().as_bytes();
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            return String::new();
        };
        mac.update(label.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_of_one_browser_and_of_ten_minutes() {
        let (flow, other) = (Flow::begin().unwrap(), Flow::begin().unwrap());
        let begun = Timestamp::from_secs(1_000);
        let state = flow.state(begun);
        let at = |seconds| begun.plus(Duration::from_secs(seconds));
        assert!(flow.check(&state, at(0)).is_ok());
        assert!(flow.check(&state, at(599)).is_ok());
        assert!(flow.check(&state, at(600)).is_err());
        assert!(flow.check(&state, Timestamp::from_secs(999)).is_err());
        assert!(other.check(&state, at(1)).is_err());
        // Nobody makes an old one young.
        let younger = state.replacen("1000", "1500", 1);
        assert!(flow.check(&younger, at(600)).is_err());
        for state in ["", ".", "1000", "1000.", "x.y"] {
            assert!(flow.check(state, begun).is_err(), "{state}");
        }
        assert_ne!(flow.nonce(), other.nonce());
        assert_ne!(&flow.nonce(), flow.verifier().expose());
        assert!(Flow::of(&Secret::new(String::new())).is_err());
    }

    /// RFC 7636 §4.1: 43 to 128 characters; appendix B has the digest of one.
    #[test]
    fn the_verifier_is_one_of_the_standard() {
        let flow = Flow::begin().unwrap();
        assert_eq!(flow.verifier().expose().len(), 43);
        assert_eq!(flow.challenge().len(), 43);
        let digest = Digest::of(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(digest.as_bytes()),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
