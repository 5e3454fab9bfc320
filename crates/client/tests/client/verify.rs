//! What Munki is about to install, held against signatures: what counts, and what does not.

use std::collections::BTreeMap;

use evidence::{Predicate, PrivateKey, Subject, sign_bundle};
use model::Sha256;
use proplist::Value;
use serde_json::{Value as Json, json};

use crate::{
    mac::{INFO, TestMac, dict},
    server::{CREDENTIAL, EnvQuery, SLUG, honest, response},
};

const ROOT_FILE: &str = "usr/local/auto-update/trust/root.json";
const KEYS_FILE: &str = "usr/local/auto-update/trust/evidence.pem";
const CATALOG: &str = "Library/Managed Installs/catalogs/production";
const PACKAGE: &str = "Library/Managed Installs/Cache/Widget-1.0.pkg";
/// Where it is remembered what was seen.
const MEMORY: &str = "private/var/db";
const LOCATION: &str = "apps/Widget-1.0.pkg";
const BYTES: &[u8] = b"this is what is installed";
const LATER: &str = "2100-01-01T00:00:00Z";
const ROLES: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

/// The files of a repository, and those who sign them.
struct Repository {
    keys: BTreeMap<&'static str, PrivateKey>,
    auditor: PrivateKey,
    files: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    /// One title, its evidence, and metadata of version 1.
    fn new() -> Self {
        let key = |role| (role, PrivateKey::generate().unwrap());
        let mut repository = Self {
            keys: ROLES.map(key).into(),
            auditor: PrivateKey::generate().unwrap(),
            files: BTreeMap::new(),
        };
        let bundle = repository.bundle(&format!("pkgs/{LOCATION}"), BYTES);
        repository.put(&format!("evidence/{LOCATION}.intoto.jsonl"), bundle);
        repository.put("catalogs/production", catalog(Sha256::of(BYTES)));
        let root = repository.root(1);
        repository.put("tuf/1.root.json", root);
        repository.publish(1, LATER);
        repository
    }

    fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.insert(name.to_owned(), bytes);
    }

    fn bundle(&self, place: &str, bytes: &[u8]) -> Vec<u8> {
        let subject = Subject {
            name: place.to_owned(),
            sha256: Sha256::of(bytes),
        };
        let predicate = Predicate {
            kind: evidence::CHECKS.to_owned(),
            value: json!({}),
        };
        sign_bundle(&[subject], &[predicate], &self.auditor)
    }

    /// The root of a version, with the keys of now, signed by them.
    fn root(&self, version: u64) -> Vec<u8> {
        let mut keys = serde_json::Map::new();
        let mut roles = serde_json::Map::new();
        for (role, key) in &self.keys {
            let (id, written) = described(key);
            roles.insert((*role).to_owned(), json!({"keyids": [id], "threshold": 1}));
            keys.insert(id, written);
        }
        self.signed(
            "root",
            &json!({
                "_type": "root", "spec_version": "1.0.0", "consistent_snapshot": false,
                "version": version, "expires": LATER, "keys": keys, "roles": roles,
            }),
        )
    }

    fn signed(&self, role: &str, signed: &Json) -> Vec<u8> {
        let key = &self.keys[role];
        let signature = hex::encode(key.sign(canonical(signed).as_bytes()));
        let (id, _) = described(key);
        let file = json!({"signed": signed, "signatures": [{"keyid": id, "sig": signature}]});
        file.to_string().into_bytes()
    }

    /// Signs what is there as a version of everything.
    fn publish(&mut self, version: u64, expires: &str) {
        let head = |role: &str| {
            json!({
                "_type": role, "spec_version": "1.0.0", "version": version, "expires": expires,
            })
        };
        let bytes = &self.files["catalogs/production"];
        let mut targets = head("targets");
        targets["targets"] = json!({"catalogs/production": named(bytes)});
        let targets = self.signed("targets", &targets);
        let mut snapshot = head("snapshot");
        snapshot["meta"] = json!({"targets.json": {"version": version}});
        let snapshot = self.signed("snapshot", &snapshot);
        let mut timestamp = head("timestamp");
        let mut of_snapshot = named(&snapshot);
        of_snapshot["version"] = json!(version);
        timestamp["meta"] = json!({"snapshot.json": of_snapshot});
        let timestamp = self.signed("timestamp", &timestamp);
        self.put("tuf/targets.json", targets);
        self.put("tuf/snapshot.json", snapshot);
        self.put("tuf/timestamp.json", timestamp);
    }

    /// A server with these files.
    fn serve(&self) -> EnvQuery {
        let files = self.files.clone();
        EnvQuery::new(move |request, address| {
            let prefix = format!("GET /{SLUG}/");
            let Some(rest) = request.line.strip_prefix(&prefix) else {
                return honest(request, address);
            };
            let credential = format!("Basic {CREDENTIAL}");
            assert_eq!(request.header("authorization"), Some(credential.as_str()));
            let name = rest.split(' ').next().unwrap();
            match files.get(name) {
                Some(bytes) => {
                    let body = std::str::from_utf8(bytes).unwrap();
                    response("200 OK", "application/octet-stream", body)
                }
                None => response("404 Not Found", "text/plain", ""),
            }
        })
    }

    /// A Mac on which Munki has fetched catalog and package, and is about to install it.
    fn mac(&self, server: &EnvQuery) -> TestMac {
        let mac = TestMac::of(server);
        mac.write(ROOT_FILE, &self.files["tuf/1.root.json"], 0o644);
        let keys = self.auditor.public().to_pem().unwrap();
        mac.write(KEYS_FILE, keys.as_bytes(), 0o644);
        mac.write(CATALOG, &self.files["catalogs/production"], 0o644);
        mac.write(PACKAGE, BYTES, 0o644);
        let item = dict([
            ("name", Value::from("Widget")),
            ("version_to_install", Value::from("1.0")),
        ]);
        mac.plist(
            INFO,
            dict([("managed_installs", Value::Array(vec![Value::Dict(item)]))]),
        );
        mac
    }
}

fn catalog(digest: Sha256) -> Vec<u8> {
    format!(
        "<plist version=\"1.0\"><array><dict><key>name</key><string>Widget</string>\
         <key>version</key><string>1.0</string>\
         <key>installer_item_location</key><string>{LOCATION}</string>\
         <key>installer_item_hash</key><string>{digest}</string></dict></array></plist>"
    )
    .into_bytes()
}

fn named(bytes: &[u8]) -> Json {
    json!({"length": bytes.len(), "hashes": {"sha256": Sha256::of(bytes)}})
}

fn described(key: &PrivateKey) -> (String, Json) {
    let public = hex::encode(key.public().as_bytes());
    let written = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}});
    let id = Sha256::of(canonical(&written).as_bytes()).to_string();
    (id, written)
}

/// Members in the order of their names; there is nothing to escape in these.
fn canonical(value: &Json) -> String {
    let list = |parts: Vec<String>| parts.join(",");
    match value {
        Json::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            let part = |(name, value): (&String, &Json)| format!("\"{name}\":{}", canonical(value));
            format!("{{{}}}", list(sorted.into_iter().map(part).collect()))
        }
        Json::Array(values) => format!("[{}]", list(values.iter().map(canonical).collect())),
        other => other.to_string(),
    }
}

/// What verify prints, line by line; it must end with `status`, and change nothing but what it remembers.
fn verify(mac: &TestMac, status: i32) -> Vec<String> {
    let everything = || {
        let mut all = mac.everything();
        all.retain(|path, _| !path.starts_with(mac.path(MEMORY)));
        all
    };
    let before = everything();
    let ran = mac.run(&["verify"]);
    assert_eq!(ran.status, status, "{ran:?}");
    assert_eq!(everything(), before);
    mac.assert_clean();
    ran.stdout.lines().map(ToOwned::to_owned).collect()
}

/// Serves `repository` from now on to a Mac that knows it.
fn moved(mac: &TestMac, repository: &Repository) -> EnvQuery {
    let server = repository.serve();
    mac.plist(crate::mac::CLIENT_PROFILE, server.profile());
    mac.write("private/etc/ssl/cert.pem", server.roots().as_bytes(), 0o644);
    server
}

#[test]
fn what_was_published_is_verified() {
    let repository = Repository::new();
    let server = repository.serve();
    let mac = repository.mac(&server);
    assert_eq!(
        verify(&mac, 0),
        ["verified catalog production", "verified item Widget 1.0"]
    );
    let json: Json = serde_json::from_str(&mac.run(&["verify", "--json"]).stdout).unwrap();
    assert_eq!(json["checked"][1]["finding"], "verified");
    // Before a package is fetched there is none to be another one.
    std::fs::remove_file(mac.path(PACKAGE)).unwrap();
    assert_eq!(verify(&mac, 0).len(), 2);
    std::fs::remove_file(mac.path(INFO)).unwrap();
    std::fs::remove_file(mac.path(CATALOG)).unwrap();
    assert_eq!(
        verify(&mac, 0),
        ["Munki has fetched no catalog and is about to install nothing"]
    );
}

#[test]
fn what_is_other_than_what_was_published_is_refused() {
    let repository = Repository::new();
    let server = repository.serve();
    let item = "verified item Widget 1.0";
    let mac = repository.mac(&server);
    mac.write(PACKAGE, b"another one", 0o644);
    let lines = verify(&mac, 1);
    assert!(
        lines[1].starts_with("REFUSED  item Widget 1.0: AU197 "),
        "{lines:?}"
    );
    assert_eq!(mac.log(), ["ERROR AU190 1 of 2 are not verified"]);

    let mac = repository.mac(&server);
    let mut other = repository.files["catalogs/production"].clone();
    other.push(b'\n');
    mac.write(CATALOG, &other, 0o644);
    let lines = verify(&mac, 1);
    assert!(
        lines[0].starts_with("REFUSED  catalog production: AU194 "),
        "{lines:?}"
    );
    assert_eq!(lines[1], item);

    // A catalog that names another package: neither is it the published one, nor has that package evidence.
    mac.write(CATALOG, &catalog(Sha256::of(b"another one")), 0o644);
    let lines = verify(&mac, 1);
    assert!(
        lines[0].contains(" AU194 ") && lines[1].contains(" AU196 "),
        "{lines:?}"
    );
    mac.write(CATALOG, b"<plist version=\"1.0\"><array/></plist>", 0o644);
    assert!(verify(&mac, 1)[1].contains(" AU195 "));
}

#[test]
fn evidence_counts_only_from_those_who_may_give_it_and_for_this_place() {
    for (name, change) in [
        ("none", None),
        ("another place", Some("pkgs/apps/Gadget-2.0.dmg")),
        ("another key", Some("")),
    ] {
        let mut repository = Repository::new();
        let path = format!("evidence/{LOCATION}.intoto.jsonl");
        match change {
            None => {
                repository.files.remove(&path);
            }
            Some("") => {
                let other = Repository::new();
                let bundle = other.bundle(&format!("pkgs/{LOCATION}"), BYTES);
                repository.put(&path, bundle);
            }
            Some(place) => {
                let bundle = repository.bundle(place, BYTES);
                repository.put(&path, bundle);
            }
        }
        let server = repository.serve();
        let lines = verify(&repository.mac(&server), 1);
        assert!(
            lines[1].starts_with("REFUSED  item Widget 1.0: AU196 evidence: "),
            "{name}: {lines:?}"
        );
    }
    // The same bytes were published twice: one good bundle is enough.
    let mut repository = Repository::new();
    let good = repository.bundle(&format!("pkgs/{LOCATION}"), BYTES);
    repository.put(&format!("evidence/{LOCATION}.intoto.jsonl"), b"{}".to_vec());
    repository.put(&format!("evidence/{LOCATION}.2.intoto.jsonl"), good);
    let server = repository.serve();
    verify(&repository.mac(&server), 0);
}

/// What is done to a repository.
type Change = dyn Fn(&mut Repository);

/// Metadata that must not be believed, each with a word of why.
#[test]
fn metadata_that_was_tampered_with_is_refused() {
    let expired = |repository: &mut Repository| repository.publish(1, "2020-01-01T00:00:00Z");
    let replaced = |name: &'static str, role: &'static str| {
        move |repository: &mut Repository| {
            let stranger = PrivateKey::generate().unwrap();
            let known = repository.keys.insert(role, stranger).unwrap();
            repository.publish(1, LATER);
            let forged = repository.files[name].clone();
            repository.keys.insert(role, known);
            repository.publish(1, LATER);
            repository.put(name, forged);
        }
    };
    let missing = |repository: &mut Repository| {
        repository.files.remove("tuf/snapshot.json");
    };
    let mixed = |repository: &mut Repository| {
        let old = repository.files["tuf/targets.json"].clone();
        repository.publish(2, LATER);
        repository.put("tuf/targets.json", old);
    };
    let no_json = |repository: &mut Repository| {
        repository.put("tuf/timestamp.json", b"{]".to_vec());
    };
    let cases: [(&str, &Change); 7] = [
        ("expired", &expired),
        ("not signed", &replaced("tuf/timestamp.json", "timestamp")),
        ("not the one", &replaced("tuf/snapshot.json", "snapshot")),
        ("not signed", &replaced("tuf/targets.json", "targets")),
        ("missing", &missing),
        ("not the one", &mixed),
        ("no JSON", &no_json),
    ];
    for (why, tamper) in cases {
        let mut repository = Repository::new();
        tamper(&mut repository);
        let server = repository.serve();
        let lines = verify(&repository.mac(&server), 1);
        assert!(
            lines[0].starts_with("REFUSED  catalog production: AU193 ") && lines[0].contains(why),
            "{why}: {lines:?}"
        );
        assert_eq!(lines[1], "verified item Widget 1.0", "{why}");
    }
}

#[test]
fn what_is_older_than_what_was_seen_is_refused() {
    let mut repository = Repository::new();
    let first = repository.files.clone();
    repository.publish(7, LATER);
    let server = repository.serve();
    let mac = repository.mac(&server);
    verify(&mac, 0);
    repository.files = first.clone();
    let _server = moved(&mac, &repository);
    let lines = verify(&mac, 1);
    assert!(
        lines[0].contains(" AU193 ") && lines[0].contains("older"),
        "{lines:?}"
    );
    // Once it was there, that it is gone is no answer.
    repository.files.retain(|name, _| !name.starts_with("tuf/"));
    let _server = moved(&mac, &repository);
    assert!(verify(&mac, 1)[0].contains("missing"));
    // New keys for it, named by a root that the old root's keys have signed, bring it back.
    repository.files = first;
    for role in ["snapshot", "timestamp"] {
        repository
            .keys
            .insert(role, PrivateKey::generate().unwrap());
    }
    let root = repository.root(2);
    repository.put("tuf/2.root.json", root);
    repository.publish(1, LATER);
    let _server = moved(&mac, &repository);
    assert_eq!(verify(&mac, 0)[0], "verified catalog production");
    // A root that only its own keys have signed leads nowhere.
    repository
        .keys
        .insert("root", PrivateKey::generate().unwrap());
    let root = repository.root(3);
    repository.put("tuf/3.root.json", root);
    let _server = moved(&mac, &repository);
    assert!(verify(&mac, 1)[0].contains("3.root.json is not signed"));
}

#[test]
fn what_is_not_offered_is_not_called_verified() {
    let mut repository = Repository::new();
    repository.files.retain(|name, _| !name.starts_with("tuf/"));
    let server = repository.serve();
    let mac = TestMac::of(&server);
    assert_eq!(mac.run(&["verify"]).status, 1);
    assert!(mac.log()[0].starts_with("ERROR AU191 "), "{:?}", mac.log());
    repository.put("tuf/1.root.json", repository.root(1));
    let mac = repository.mac(&server);
    assert_eq!(
        verify(&mac, 0),
        [
            "-        catalog production: not offered",
            "verified item Widget 1.0"
        ]
    );
    std::fs::remove_file(mac.path(KEYS_FILE)).unwrap();
    assert_eq!(verify(&mac, 0)[1], "-        item Widget 1.0: not offered");
    mac.write(KEYS_FILE, b"no key", 0o644);
    assert_eq!(mac.run(&["verify"]).status, 1);
    assert!(mac.log()[0].starts_with("ERROR AU152 "), "{:?}", mac.log());
}

#[test]
fn without_a_network_nothing_is_verified() {
    let repository = Repository::new();
    let server = repository.serve();
    let test = repository.mac(&server);
    let mac = client::Mac {
        files: client::Files::below(&test.path("")).unwrap(),
        clock: &model::SystemClock,
        network: &crate::preflight::Nothing,
        randomness: &client::SystemRandomness,
    };
    assert_eq!(client::verify::examine(&mac).unwrap_err().code(), "AU192");
    assert_eq!(server.received().len(), 0);
}

/// Whatever one byte of it becomes, metadata is refused or says the same, and nothing else happens.
#[test]
fn no_other_byte_of_metadata_is_believed() {
    let repository = Repository::new();
    for name in [
        "tuf/timestamp.json",
        "tuf/snapshot.json",
        "tuf/targets.json",
    ] {
        let bytes = repository.files[name].clone();
        for at in (0..bytes.len()).step_by(bytes.len() / 4) {
            let mut other = Repository {
                keys: repository.keys.clone(),
                auditor: repository.auditor.clone(),
                files: repository.files.clone(),
            };
            let mut bytes = bytes.clone();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            other.put(name, bytes);
            let server = other.serve();
            let lines = verify(&other.mac(&server), 1);
            assert!(lines[0].contains(" AU193 "), "{name} {at}: {lines:?}");
        }
    }
}
