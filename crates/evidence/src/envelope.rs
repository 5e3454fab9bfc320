//! DSSE envelopes: a payload, its type, and signatures on both.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use serde::{Deserialize, Serialize};

use crate::{Code, KeyId, PrivateKey, PublicKey, Refusal};

/// The longest envelope that is read, in bytes.
pub(crate) const LONGEST: usize = 4 << 20;

/// How many signatures of an envelope are looked at.
const MOST_SIGNATURES: usize = 16;

/// The longest type of a payload, in bytes.
const LONGEST_TYPE: usize = 256;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD_LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE_LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A signed payload, not verified yet: what it holds cannot be got at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Signed>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Signed {
    /// A hint, which nobody has signed.
    key: Option<String>,
    bytes: Vec<u8>,
}

/// A payload that somebody who is trusted has signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// How to read it.
    pub payload_type: String,
    /// What was signed.
    pub payload: Vec<u8>,
    /// By which key; it was the first of those that are trusted and whose signature holds.
    pub key: KeyId,
}

/// As it is written. Members that the format does not know are passed over, as it wants.
#[derive(Deserialize, Serialize)]
struct Written {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WrittenSignature>,
}

#[derive(Deserialize, Serialize)]
struct WrittenSignature {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

impl Envelope {
    /// Signs `payload` as what `payload_type` says.
    pub fn sign(payload_type: &str, payload: Vec<u8>, key: &PrivateKey) -> Self {
        let signature = key.sign(&pre_authentication_encoding(payload_type, &payload));
        Self {
            payload_type: payload_type.to_owned(),
            payload,
            signatures: vec![Signed {
                key: Some(key.id().to_string()),
                bytes: signature.to_vec(),
            }],
        }
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// [`Code::TooLarge`], [`Code::TooMany`] or [`Code::NoEnvelope`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > LONGEST {
            let text = format!("an envelope of more than {LONGEST} bytes");
            return Err(Refusal::new(Code::TooLarge, text));
        }
        let written: Written = serde_json::from_slice(bytes).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            no_envelope(&format!("it is not JSON of that shape ({place})"))
        })?;
        if written.signatures.len() > MOST_SIGNATURES {
            let text = format!("an envelope with more than {MOST_SIGNATURES} signatures");
            return Err(Refusal::new(Code::TooMany, text));
        }
        if written.payload_type.len() > LONGEST_TYPE {
            return Err(no_envelope("its payload type is much too long"));
        }
        let signatures = written.signatures.into_iter().map(|signature| {
            Ok(Signed {
                bytes: decode(&signature.sig)?,
                key: signature.keyid.filter(|key| !key.is_empty()),
            })
        });
        Ok(Self {
            payload: decode(&written.payload)?,
            signatures: signatures.collect::<Result<_, Refusal>>()?,
            payload_type: written.payload_type,
        })
    }

    /// As one line of JSON, without the end of the line; the same bytes for the same envelope.
    pub fn to_line(&self) -> String {
        let signatures = self.signatures.iter().map(|signature| WrittenSignature {
            keyid: signature.key.clone(),
            sig: STANDARD.encode(&signature.bytes),
        });
        let written = Written {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: signatures.collect(),
        };
        // Texts and lists of texts: there is nothing in it that JSON cannot hold.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// What it holds, if one of `keys` has signed it.
    ///
    /// The name of a key beside a signature is a hint that nobody has signed: it is of use for telling a signature
    /// that was damaged from one of somebody else, and decides nothing.
    ///
    /// # Errors
    /// [`Code::BadSignature`] or [`Code::UnknownKey`].
    pub fn verify(&self, keys: &[PublicKey]) -> Result<Verified, Refusal> {
        let message = pre_authentication_encoding(&self.payload_type, &self.payload);
        let signer = keys.iter().find(|key| {
            self.signatures
                .iter()
                .any(|signature| key.has_signed(&message, &signature.bytes))
        });
        if let Some(signer) = signer {
            return Ok(Verified {
                payload_type: self.payload_type.clone(),
                payload: self.payload.clone(),
                key: signer.id(),
            });
        }
        let claims = |key: &PublicKey, signature: &Signed| {
            signature.key.as_deref() == Some(key.id().to_string().as_str())
        };
        let claimed = keys.iter().find(|key| {
            let signatures = self.signatures.iter();
            signatures
                .into_iter()
                .any(|signature| claims(key, signature))
        });
        Err(match claimed {
            Some(key) => Refusal::new(
                Code::BadSignature,
                format!("the signature is not one of key {} on this", key.id()),
            ),
            None => Refusal::new(Code::UnknownKey, "none of the given keys has signed it"),
        })
    }
}

/// What is signed: type and payload, each with its length, so that neither can be read as part of the other.
///
/// # Source
/// DSSE protocol v1, "Signature Definition".
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

/// Both alphabets must be taken, says the protocol.
fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    STANDARD_LENIENT
        .decode(text)
        .or_else(|_| URL_SAFE_LENIENT.decode(text))
        .map_err(|_neither| no_envelope("a part of it is not Base64"))
}

fn no_envelope(why: &str) -> Refusal {
    Refusal::new(Code::NoEnvelope, format!("this is no DSSE envelope: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The protocol's own example.
    #[test]
    fn what_is_signed_is_what_the_protocol_says() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(
            encoded,
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        // Lengths are of bytes, not of letters.
        assert_eq!(
            pre_authentication_encoding("ü", "é".as_bytes()),
            "DSSEv1 2 ü 2 é".as_bytes()
        );
        assert_eq!(pre_authentication_encoding("", b""), b"DSSEv1 0  0 ");
    }

    #[test]
    fn the_example_of_the_protocol_is_read_and_signed_by_nobody_we_know() {
        let example = br#"{"payload": "aGVsbG8gd29ybGQ=",
            "payloadType": "http://example.com/HelloWorld",
            "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"#;
        let envelope = Envelope::parse(example).unwrap();
        assert_eq!(envelope.payload, b"hello world");
        let key = PrivateKey::generate().unwrap();
        let refused = envelope.verify(&[key.public().clone()]).unwrap_err();
        assert_eq!(refused.code, Code::UnknownKey);
    }

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        let key = PrivateKey::generate().unwrap();
        let envelope = Envelope::sign("type", vec![0xfb, 0xff, 0xfe, 0xff], &key);
        let line = envelope.to_line();
        for line in [
            line.clone(),
            line.replace('+', "-").replace('/', "_"),
            line.replace('=', ""),
        ] {
            assert_eq!(Envelope::parse(line.as_bytes()).unwrap(), envelope);
        }
        assert!(line.contains("+//+/w=="), "{line}");
    }
}
