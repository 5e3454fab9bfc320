//! What the signature of a program claims, for those who only want to compare it.

use std::{collections::BTreeSet, sync::Arc};

use proplist::{Dict, Value};
use wire::{ReadAt, read_up_to};

use crate::{
    CodesignError,
    code::{Blobs, CodeDirectory, dictionary, slot},
    flaw::Flaw,
    macho,
};

/// What the signature of a program claims. Nothing of it was verified: for that there is [`crate::verify`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Claims {
    /// The identifier that the signer gave it; of the first architecture if they differ.
    pub identifier: String,
    /// The entitlements of all architectures, in words: the name, and the value if it is another than "yes":
    /// `com.apple.security.app-sandbox`, `com.apple.security.application-groups: group.example`.
    pub entitlements: BTreeSet<String>,
}

/// What the signature of the program in `source` claims; nothing if it is no program, or is not signed.
///
/// # Errors
/// If the program cannot be read, or what is signed not be found in it.
pub fn claims(source: &Arc<dyn ReadAt>) -> Result<Option<Claims>, CodesignError> {
    read(source).map_err(|flaw| CodesignError::Signature {
        code: flaw.code,
        what: flaw.detail,
    })
}

fn read(source: &Arc<dyn ReadAt>) -> Result<Option<Claims>, Flaw> {
    let mut head = [0; 8];
    let len = read_up_to(source.as_ref(), 0, &mut head)
        .map_err(|error| Flaw::new("unreadable", error.to_string()))?;
    if !macho::is_program(head.get(..len).unwrap_or_default()) {
        return Ok(None);
    }
    let mut claims: Option<Claims> = None;
    for architecture in macho::architectures(source)? {
        let Some((_, signature)) = &architecture.signature else {
            continue;
        };
        let blobs = Blobs::parse(signature)?;
        let claims = match &mut claims {
            Some(claims) => claims,
            none => none.insert(Claims {
                identifier: identifier(&blobs)?,
                entitlements: BTreeSet::new(),
            }),
        };
        if let Some(entitlements) = blobs.payload(slot::ENTITLEMENTS) {
            claims
                .entitlements
                .extend(words(&dictionary(entitlements)?));
        }
    }
    Ok(claims)
}

fn identifier(blobs: &Blobs<'_>) -> Result<String, Flaw> {
    let directory = blobs.get(slot::CODE_DIRECTORY).ok_or_else(|| {
        Flaw::new(
            "code-directory-missing",
            "the signature has no code directory",
        )
    })?;
    Ok(CodeDirectory::parse(directory)?.identifier)
}

fn words(entitlements: &Dict) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (name, value) in entitlements {
        match value {
            Value::Bool(false) => {}
            Value::Bool(true) => {
                words.insert(name.to_owned());
            }
            Value::Array(values) => {
                words.extend(
                    values
                        .iter()
                        .map(|value| format!("{name}: {}", word(value))),
                );
            }
            value => {
                words.insert(format!("{name}: {}", word(value)));
            }
        }
    }
    words
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_owned(),
        Value::Integer(number) => number.to_string(),
        // What is nested is told as it is written, on one line.
        value => {
            let xml = proplist::to_xml(value, proplist::KeyOrder::Sorted).unwrap_or_default();
            let (_, inside) = xml
                .split_once("<plist version=\"1.0\">")
                .unwrap_or_default();
            let inside: String = inside.split_whitespace().collect();
            inside.trim_end_matches("</plist>").to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::signing::{program, self_signed_certificate, sign_bundle, sign_with_entitlements};

    use super::*;

    const ENTITLEMENTS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>\
        <key>com.apple.security.cs.allow-jit</key><true/>\
        <key>com.apple.security.network.client</key><false/>\
        <key>groups</key><array><string>a</string><string>b</string></array>\
        <key>level</key><integer>3</integer>\
        <key>nested</key><dict><key>x</key><true/></dict>\
        </dict></plist>";

    fn claimed(bytes: Vec<u8>) -> Result<Option<Claims>, CodesignError> {
        let source: Arc<dyn ReadAt> = Arc::new(bytes);
        claims(&source)
    }

    fn signed(sign: impl FnOnce(&std::path::Path)) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool");
        std::fs::write(&path, program(&[0x90; 5000])).unwrap();
        sign(&path);
        std::fs::read(&path).unwrap()
    }

    #[test]
    fn entitlements_are_told_in_words() {
        let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
        let bytes = signed(|path| {
            sign_with_entitlements(path, &signer, "org.example.tool", ENTITLEMENTS).unwrap();
        });
        let claims = claimed(bytes.clone()).unwrap().unwrap();
        assert_eq!(claims.identifier, "org.example.tool");
        let words: Vec<_> = claims.entitlements.iter().map(String::as_str).collect();
        let expected = [
            "com.apple.security.cs.allow-jit",
            "groups: a",
            "groups: b",
            "level: 3",
            "nested: <dict><key>x</key><true/></dict>",
        ];
        assert_eq!(words, expected);
        let mut cut = bytes;
        cut.truncate(cut.len() - 3000);
        assert!(matches!(claimed(cut), Err(CodesignError::Signature { .. })));
    }

    #[test]
    fn what_is_not_signed_claims_nothing() {
        assert_eq!(claimed(program(&[0x90; 5000])).unwrap(), None);
        assert_eq!(claimed(b"#!/bin/sh\n".to_vec()).unwrap(), None);
        assert_eq!(claimed(Vec::new()).unwrap(), None);
        let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
        let bytes = signed(|path| sign_bundle(path, &signer, "org.example.tool").unwrap());
        let claims = claimed(bytes).unwrap().unwrap();
        assert_eq!(claims.identifier, "org.example.tool");
        assert!(claims.entitlements.is_empty());
    }
}
