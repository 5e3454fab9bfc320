//! Signed tokens (RFC 7519) with HS256, and nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use redact::Secret;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;

use crate::Fault;

/// The head of every token, byte for byte.
const HEAD: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

#[derive(Deserialize)]
struct Head {
    alg: String,
    /// Names extensions that must be understood; none is.
    crit: Option<serde_json::Value>,
}

/// Signs `claims`.
///
/// # Errors
/// [`Fault::AnswerForm`] if they cannot be written as JSON.
pub(crate) fn sign(claims: &impl Serialize, key: &Secret<String>) -> Result<String, Fault> {
    let body = serde_json::to_vec(claims).map_err(|_shows| Fault::AnswerForm)?;
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(HEAD),
        URL_SAFE_NO_PAD.encode(body)
    );
    let signature = code(key, text.as_bytes())?.finalize().into_bytes();
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The claims of `token`, whose signature is looked at before anything in it is believed.
///
/// # Errors
/// [`Fault::AnswerForm`] if it is no token or not of HS256, [`Fault::AnswerSignature`] if it was signed with another key.
pub(crate) fn verify<T: DeserializeOwned>(token: &str, key: &Secret<String>) -> Result<T, Fault> {
    let (text, signature) = token.rsplit_once('.').ok_or(Fault::AnswerForm)?;
    let (head, body) = text.split_once('.').ok_or(Fault::AnswerForm)?;
    let head: Head = json(head)?;
    if head.alg != "HS256" || head.crit.is_some() {
        return Err(Fault::AnswerForm);
    }
    let signature = decoded(signature)?;
    code(key, text.as_bytes())?
        .verify_slice(&signature)
        .map_err(|_says_no_more| Fault::AnswerSignature)?;
    json(body)
}

fn code(key: &Secret<String>, text: &[u8]) -> Result<Hmac<Sha256>, Fault> {
    let mut code = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .map_err(|_says_no_more| Fault::AnswerForm)?;
    code.update(text);
    Ok(code)
}

fn decoded(part: &str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_shows| Fault::AnswerForm)
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, Fault> {
    serde_json::from_slice(&decoded(part)?).map_err(|_shows| Fault::AnswerForm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Claims {
        iss: String,
    }

    fn key(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    /// The example of RFC 7515, appendix A.1.
    #[test]
    fn reads_the_example_of_the_standard() {
        #[derive(Deserialize)]
        struct Joe {
            iss: String,
            exp: i64,
        }
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let bytes = URL_SAFE_NO_PAD.decode(secret).unwrap();
        // The standard's key is no text, so its code is made here; the reading is ours.
        let (text, signature) = token.rsplit_once('.').unwrap();
        let mut code = Hmac::<Sha256>::new_from_slice(&bytes).unwrap();
        code.update(text.as_bytes());
        assert!(code.verify_slice(&decoded(signature).unwrap()).is_ok());
        let joe: Joe = json(text.split_once('.').unwrap().1).unwrap();
        assert_eq!((joe.iss.as_str(), joe.exp), ("joe", 1_300_819_380));
    }

    #[test]
    fn reads_what_it_signed_with_the_same_key_only() {
        let claims = Claims {
            iss: "Acme Ltd".to_owned(),
        };
        let token = sign(&claims, &key("0123456789abcdef0123456789abcdef")).unwrap();
        let read: Claims = verify(&token, &key("0123456789abcdef0123456789abcdef")).unwrap();
        assert_eq!(read, claims);
        let other = verify::<Claims>(&token, &key("x123456789abcdef0123456789abcdef"));
        assert_eq!(other.unwrap_err().code(), "AU132");
    }

    #[test]
    fn believes_no_other_algorithm_and_no_changed_byte() {
        let key = key("0123456789abcdef0123456789abcdef");
        let claims = Claims {
            iss: "Acme Ltd".to_owned(),
        };
        let token = sign(&claims, &key).unwrap();
        let (text, signature) = token.rsplit_once('.').unwrap();
        let body = text.split_once('.').unwrap().1;
        for head in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"HS256","crit":["b64"]}"#,
            "{}",
        ] {
            let head = URL_SAFE_NO_PAD.encode(head);
            for signature in [signature, ""] {
                let token = format!("{head}.{body}.{signature}");
                assert!(verify::<Claims>(&token, &key).is_err(), "{token}");
            }
        }
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            assert!(verify::<Claims>(&changed, &key).is_err(), "byte {at}");
            let part = token.get(..at).unwrap();
            assert!(verify::<Claims>(part, &key).is_err(), "{at} bytes");
        }
    }
}
