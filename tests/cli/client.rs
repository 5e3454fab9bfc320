//! `client package`: the installer package of the client.

use serde_json::Value;
use testkit::signing::program;

use crate::program::House;

fn with_program() -> House {
    let house = House::new();
    fs_err::write(house.path("client"), program(&[0xc3; 64])).unwrap();
    house
}

fn make(house: &House, options: &str, out: &str) -> Value {
    let (client, out) = (house.arg("client"), house.arg(out));
    let said = house.ok(&format!(
        "client package --json --client {client} {options} {out}"
    ));
    serde_json::from_str(&said).unwrap()
}

#[test]
fn the_package_holds_what_the_client_needs_and_the_same_files_make_the_same_bytes() {
    let house = with_program();
    let first = make(&house, "", "first.pkg");
    assert_eq!(first["verdict"], "unsigned");
    assert_eq!(
        first["components"],
        serde_json::json!(["com.auto-update.client"])
    );
    let second = make(&house, "", "second.pkg");
    assert_eq!(first["sha256"], second["sha256"]);
    let list = house.ok(&format!("media ls --tsv {}", house.arg("first.pkg")));
    for path in [
        "Distribution",
        "client.pkg/Payload/Library/LaunchDaemons/com.auto-update.client.clean.plist",
        "client.pkg/Payload/usr/local/auto-update/auto-update-client",
        "client.pkg/Scripts/postinstall",
    ] {
        assert!(
            list.lines()
                .any(|line| line.starts_with(&format!("{path}\tfile"))),
            "{path} in {list}"
        );
    }
    let inside = format!(
        "{}/client.pkg/Payload/usr/local/auto-update/auto-update-client",
        house.arg("first.pkg")
    );
    let outcome = house.run(&format!("codesign verify {inside} --json"));
    assert!(
        outcome.shows("\"verdict\":\"unsigned\"") || outcome.shows("\"verdict\": \"unsigned\""),
        "{outcome}"
    );
}

#[test]
fn the_package_brings_whose_signatures_count() {
    let house = with_program();
    house.ok("tuf init");
    house.write("root.json", &house.ok("tuf show --root"));
    house.write("evidence.pub", &house.ok("evidence key --public"));
    let options = "--update-root [HOUSE]/root.json --evidence-key [HOUSE]/evidence.pub";
    make(&house, options, "first.pkg");
    let folder = "first.pkg/client.pkg/Payload/usr/local/auto-update/trust";
    for (name, from) in [("root.json", "root.json"), ("evidence.pem", "evidence.pub")] {
        let inside = house.ok(&format!("media cat [HOUSE]/{folder}/{name}"));
        assert_eq!(inside, house.read(from), "{name}");
    }
    for options in [
        "--update-root [HOUSE]/evidence.pub",
        "--evidence-key [HOUSE]/root.json",
        "--evidence-key [HOUSE]/nowhere",
    ] {
        let outcome = house.run(&format!(
            "client package --client [HOUSE]/client {options} [HOUSE]/none.pkg"
        ));
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(!house.path("none.pkg").exists());
    }
}

#[test]
fn other_packages_come_before_the_client() {
    let house = with_program();
    make(&house, "", "munki.pkg");
    // A product archive is taken apart; what is in it twice is refused.
    let (client, munki) = (house.arg("client"), house.arg("munki.pkg"));
    let outcome = house.run(&format!(
        "client package --client {client} --munki {munki} {}",
        house.arg("twice.pkg")
    ));
    assert!(outcome.shows("is in it twice"), "{outcome}");
    assert!(!house.path("twice.pkg").exists());
    let folder = house.path("payload");
    fs_err::create_dir(&folder).unwrap();
    fs_err::write(folder.join("file"), "x").unwrap();
    let package = media::write::Package {
        identifier: "com.example.notifier",
        version: "3.0 & more",
        install_location: "/",
        postinstall_action: "none",
        scripts: None,
        owners: &[],
    };
    media::write::flat_pkg(&folder, &package, &house.path("notifier.pkg")).unwrap();
    let made = make(
        &house,
        &format!("--notifier {}", house.arg("notifier.pkg")),
        "all.pkg",
    );
    assert_eq!(
        made["components"],
        serde_json::json!(["com.example.notifier", "com.auto-update.client"])
    );
    let distribution = house.ok(&format!("media cat {}/Distribution", house.arg("all.pkg")));
    assert!(
        distribution.contains("version=\"3.0 &amp; more\""),
        "{distribution}"
    );
    let list = house.ok(&format!("media ls --tsv {}", house.arg("all.pkg")));
    assert!(list.contains("notifier.pkg/Payload/file\t"), "{list}");
}

#[test]
fn what_is_no_program_for_macs_is_refused() {
    let house = House::new();
    house.write("client", "#!/bin/sh\n");
    let (client, out) = (house.arg("client"), house.arg("out.pkg"));
    let outcome = house.run(&format!("client package --client {client} {out}"));
    assert!(outcome.shows("is nothing that a Mac can run"), "{outcome}");
    assert!(!house.path("out.pkg").exists());
}

/// A certificate as Apple issues them for installers, but of an authority of our own, with that authority's.
struct Identity {
    key: rcgen::KeyPair,
    leaf: rcgen::Certificate,
    authority: rcgen::Certificate,
}

impl Identity {
    fn new() -> Self {
        let named = |name: &str| {
            let mut params = rcgen::CertificateParams::default();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, name);
            params
        };
        let mut params = named("Authority");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let authority = params.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(params, authority_key);
        let mut params = named("Developer ID Installer: Acme Ltd (ABCDE12345)");
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        let installers = vec![1, 2, 840, 113_635, 100, 4, 13];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::Other(installers)];
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let leaf = params.signed_by(&key, &issuer).unwrap();
        Self {
            key,
            leaf,
            authority,
        }
    }

    fn pem(&self) -> String {
        format!(
            "Bag Attributes\n{}{}",
            self.leaf.pem(),
            self.key.serialize_pem()
        )
    }

    fn p12(&self, password: &str) -> Vec<u8> {
        let leaf = p12_keystore::Certificate::from_der(self.leaf.der()).unwrap();
        let chain = p12_keystore::PrivateKeyChain::new(self.key.serialize_der(), [1], [leaf]);
        let mut store = p12_keystore::KeyStore::new();
        store.add_entry(
            "installer",
            p12_keystore::KeyStoreEntry::PrivateKeyChain(chain),
        );
        store.writer(password).write().unwrap()
    }
}

#[test]
fn an_identity_signs_and_our_own_judgement_says_so() {
    let house = with_program();
    let identity = Identity::new();
    house.write("id.pem", &identity.pem());
    house.write("authority.pem", &identity.authority.pem());
    let options = format!(
        "--sign-with {} --chain {}",
        house.arg("id.pem"),
        house.arg("authority.pem")
    );
    let made = make(&house, &options, "signed.pkg");
    // It leads to nobody Macs know: intact, and not trusted.
    assert_eq!(made["verdict"], "not-trusted");
    let outcome = house.run(&format!(
        "codesign verify {} --json",
        house.arg("signed.pkg")
    ));
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let failed = |report: &Value| {
        let checks = report["checks"].as_array().unwrap().clone();
        let names = checks
            .into_iter()
            .filter(|check| check["result"] == "fail")
            .map(|check| check["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(report["authorities"].as_array().unwrap().len(), 2);
    assert_eq!(failed(&report), ["certificate-chain"], "{report}");
    // One other byte of the table of contents, of a signature, or of a member, and it is broken.
    let good = fs_err::read(house.path("signed.pkg")).unwrap();
    let signature = 28 + usize::from(good[14]) * 256 + usize::from(good[15]) + 20;
    for at in [100, signature + 5, signature + 256 + 700, good.len() - 10] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs_err::write(house.path("bad.pkg"), bad).unwrap();
        let outcome = house.run(&format!("codesign verify {} --json", house.arg("bad.pkg")));
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(report["verdict"], "invalid", "byte {at}: {report}");
    }
    other_readers_agree(&house, &good, signature);
}

/// openssl reads the message, and 7-Zip and libarchive the archive, where they are installed.
fn other_readers_agree(house: &House, package: &[u8], signature: usize) {
    let digest = &package[signature - 20..signature];
    fs_err::write(house.path("digest"), digest).unwrap();
    fs_err::write(house.path("message"), &package[signature + 256..]).unwrap();
    let package = house.arg("signed.pkg");
    for line in [
        "openssl cms -verify -noverify -inform DER -binary -in [HOUSE]/message -content [HOUSE]/digest -out [HOUSE]/said",
        "openssl x509 -in [HOUSE]/id.pem -pubkey -noout -out [HOUSE]/public",
        "openssl pkeyutl -verify -pubin -inkey [HOUSE]/public -in [HOUSE]/digest -sigfile [HOUSE]/bare -pkeyopt digest:sha1",
        "7zz t [HOUSE]/signed.pkg",
        "bsdtar -tf [HOUSE]/signed.pkg",
    ] {
        let bytes = fs_err::read(&package).unwrap();
        fs_err::write(house.path("bare"), &bytes[signature..signature + 256]).unwrap();
        let line = line.replace("[HOUSE]", &house.arg(""));
        let mut words = line.split_whitespace();
        let mut command = std::process::Command::new(words.next().unwrap());
        let Ok(output) = command.args(words).output() else {
            eprintln!("skipped, it is not installed: {line}");
            continue;
        };
        assert!(output.status.success(), "{line}: {output:?}");
    }
}

#[test]
fn an_identity_is_read_from_what_operators_have() {
    let house = with_program();
    let identity = Identity::new();
    fs_err::write(house.path("id.p12"), identity.p12("pass word")).unwrap();
    house.write("right", "pass word\n");
    house.write("wrong", "password\n");
    house.write("bare.pem", &identity.leaf.pem());
    house.write(
        "other.pem",
        &format!(
            "{}{}",
            identity.authority.pem(),
            identity.key.serialize_pem()
        ),
    );
    let made = make(
        &house,
        "--sign-with [HOUSE]/id.p12 --password-file [HOUSE]/right",
        "signed.pkg",
    );
    assert_eq!(made["verdict"], "not-trusted");
    for (options, said) in [
        ("id.p12 --password-file [HOUSE]/wrong", "another one"),
        ("id.p12", "--password-file"),
        ("bare.pem", "no RSA key"),
        ("other.pem", "no certificate of its key"),
        ("client", "--password-file"),
        ("nowhere", "nowhere"),
    ] {
        let outcome = house.run(&format!(
            "client package --client [HOUSE]/client --sign-with [HOUSE]/{options} [HOUSE]/none.pkg"
        ));
        assert!(outcome.shows(said), "{options}: {outcome}");
        assert!(!house.path("none.pkg").exists(), "{options}");
    }
}
