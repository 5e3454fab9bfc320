//! Signatures of webhooks, by which a receiver knows who sent them and that nothing was changed.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use redact::Secret;
use sha2::Sha256;

/// A symmetric key of Standard Webhooks: 24 to 64 bytes, written as `whsec_` and base64.
pub struct SigningKey(Hmac<Sha256>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// Lengths of a key, in bytes, that the specification allows.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

impl SigningKey {
    /// Reads a key; `None` if the text is none.
    pub fn parse(text: &Secret<String>) -> Option<Self> {
        let base64 = text.expose().strip_prefix("whsec_")?;
        let key = STANDARD.decode(base64).ok()?;
        if !KEY_BYTES.contains(&key.len()) {
            return None;
        }
        Hmac::new_from_slice(&key).ok().map(Self)
    }

    /// The signature of one attempt: `v1,` and base64.
    ///
    /// `id` must not hold a full stop, so that no two messages are signed alike.
    pub fn sign(&self, id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp_seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<SigningKey> {
        SigningKey::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn signs_as_the_reference_libraries_do() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(format!("{key:?}"), "SigningKey(***)");
    }

    #[test]
    fn refuses_what_is_no_key() {
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_***",
            &short,
            &long,
        ] {
            assert!(key(text).is_none(), "{text}");
        }
        assert!(key(&format!("whsec_{}", STANDARD.encode([7; 24]))).is_some());
    }
}
