use std::process::{Command, Stdio};

use super::{PRIVATE, key};
use crate::{Envelope, PrivateKey, PublicKey};

#[test]
fn the_key_of_the_standard_has_its_public_half_and_signs_as_the_standard_says() {
    let key = key();
    assert_eq!(*key.to_pem().unwrap(), PRIVATE);
    let public = key.public().to_pem().unwrap();
    assert_eq!(
        public,
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
    );
    // RFC 8032 §7.1, test 1: the empty message.
    let signature = key.sign(b"");
    assert_eq!(&signature[..4], [0xe5, 0x56, 0x43, 0x00]);
    assert!(key.public().has_signed(b"", &signature));
    assert!(!key.public().has_signed(b"x", &signature));
    assert!(!key.public().has_signed(b"", &signature[..63]));
}

#[test]
fn a_key_with_its_public_half_beside_it_is_read_if_they_belong_together() {
    // PKCS #8 version 2 (RFC 5958), as other tools write it.
    let with_public = |public: &[u8]| {
        use pkcs8::der::{Encode as _, pem::LineEnding};
        let mut info = pkcs8::PrivateKeyInfo::new(
            pkcs8::AlgorithmIdentifierRef {
                oid: pkcs8::ObjectIdentifier::new_unwrap("1.3.101.112"),
                parameters: None,
            },
            &[],
        );
        let inner = [&[0x04, 0x20], [7; 32].as_slice()].concat();
        info.private_key = &inner;
        info.public_key = Some(public);
        pkcs8::der::pem::encode_string("PRIVATE KEY", LineEnding::LF, &info.to_der().unwrap())
            .unwrap()
    };
    let own = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
    assert!(PrivateKey::from_pem(&with_public(own.as_bytes())).is_ok());
    let error = PrivateKey::from_pem(&with_public(&[9; 32])).unwrap_err();
    assert!(error.to_string().contains("belong together"), "{error}");
}

#[test]
fn what_is_no_key_is_refused_in_words() {
    let p256 = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";
    let weak = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n";
    for (text, why) in [
        ("", "empty"),
        (PRIVATE, "private key"),
        (p256, "another algorithm"),
        (weak, "small order"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "",
        ),
    ] {
        let error = PublicKey::from_pem(text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let public = key().public().to_pem().unwrap();
    assert!(PrivateKey::from_pem(&public).is_err());
    let two = format!(
        "{public}\n{}",
        PrivateKey::generate().unwrap().public().to_pem().unwrap()
    );
    assert_eq!(PublicKey::all_from_pem(&two).unwrap().len(), 2);
    assert!(PublicKey::from_pem(&two).is_err());
}

/// A second opinion on key files, the encoding that is signed, and signatures: another implementation, where there is
/// one.
struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    fn find() -> Option<Self> {
        let found = Self(tempfile::tempdir().unwrap());
        if found.run("version").is_err() {
            eprintln!("skipped: there is no openssl");
            return None;
        }
        Some(found)
    }

    fn run(&self, arguments: &str) -> std::io::Result<std::process::Output> {
        let mut command = Command::new("openssl");
        command
            .args(arguments.split(' '))
            .current_dir(self.0.path());
        command.stderr(Stdio::null()).output()
    }

    fn done(&self, arguments: &str) -> bool {
        self.run(arguments).unwrap().status.success()
    }

    fn write(&self, name: &str, contents: &[u8]) {
        std::fs::write(self.0.path().join(name), contents).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }
}

#[test]
fn openssl_verifies_what_we_sign() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let Some(openssl) = OpenSsl::find() else {
        return;
    };
    let key = PrivateKey::generate().unwrap();
    openssl.write("public.pem", key.public().to_pem().unwrap().as_bytes());
    let envelope = Envelope::sign("application/vnd.in-toto+json", b"{\"a\":1}".to_vec(), &key);
    let written: serde_json::Value = serde_json::from_str(&envelope.to_line()).unwrap();
    let decode = |text: &serde_json::Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
    let payload = decode(&written["payload"]);
    let message = [b"DSSEv1 28 application/vnd.in-toto+json 7 ", &*payload].concat();
    openssl.write("message", &message);
    openssl.write("signature", &decode(&written["signatures"][0]["sig"]));
    let verify = "pkeyutl -verify -rawin -pubin -inkey public.pem -in message -sigfile signature";
    assert!(
        openssl.done(verify),
        "openssl does not verify what we signed"
    );
    openssl.write("message", b"another");
    assert!(!openssl.done(verify), "openssl verifies anything");
}

#[test]
fn we_read_the_keys_of_openssl_and_verify_what_it_signs() {
    let Some(openssl) = OpenSsl::find() else {
        return;
    };
    assert!(openssl.done("genpkey -algorithm ed25519 -out its.pem"));
    assert!(openssl.done("pkey -in its.pem -pubout -out its-public.pem"));
    let its = PrivateKey::from_pem(&openssl.text("its.pem")).unwrap();
    assert_eq!(
        its.public().to_pem().unwrap(),
        openssl.text("its-public.pem")
    );
    openssl.write("message", b"said");
    assert!(openssl.done("pkeyutl -sign -rawin -inkey its.pem -in message -out signature"));
    assert!(its.public().has_signed(b"said", &openssl.read("signature")));
    // The name of a key is what `openssl pkey -outform DER | sha256sum` says.
    let der = openssl.run("pkey -pubin -in its-public.pem -outform DER");
    let digest = model::Sha256::of(&der.unwrap().stdout);
    assert_eq!(its.id().to_string(), digest.to_string());
}
