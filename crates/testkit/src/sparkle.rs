//! A vendor who signs updates as Sparkle's tools do.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};

/// Whoever has a key of Sparkle's.
#[derive(Clone, Debug)]
pub struct Updater(SigningKey);

impl Updater {
    /// The one of many whose key is made of `seed`.
    pub fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    /// The public key, as `SUPublicEDKey` has it.
    pub fn public_key(&self) -> String {
        BASE64_STANDARD.encode(self.0.verifying_key().as_bytes())
    }

    /// The signature of an update, as `sparkle:edSignature` has it.
    pub fn sign(&self, update: &[u8]) -> String {
        BASE64_STANDARD.encode(self.0.sign(update).to_bytes())
    }

    /// The `Info.plist` of an application that trusts this key.
    pub fn info(&self, version: &str) -> String {
        format!(
            "<plist version=\"1.0\"><dict>\
             <key>CFBundleIdentifier</key><string>com.example.Widget</string>\
             <key>CFBundleName</key><string>Widget</string>\
             <key>CFBundleShortVersionString</key><string>{version}</string>\
             <key>SUPublicEDKey</key><string>{}</string></dict></plist>",
            self.public_key()
        )
    }
}

/// A feed of one release, with the signature if there is one.
pub fn feed(version: &str, url: &str, signature: Option<&str>) -> String {
    let signature = signature.map(|signature| format!(" sparkle:edSignature=\"{signature}\""));
    format!(
        "<rss xmlns:sparkle=\"http://www.andymatuschak.org/xml-namespaces/sparkle\"><channel><item>\
         <enclosure url=\"{url}\" sparkle:version=\"{version}\"{}/></item></channel></rss>",
        signature.unwrap_or_default()
    )
}
