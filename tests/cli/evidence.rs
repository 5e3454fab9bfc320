//! `evidence`: holding what was published against what was signed, with a public key and nothing else.

use evidence::{CHECKS, Event, Keyring, Log, Predicate, PrivateKey, Subject, sign_bundle};
use model::{Sha256, Timestamp};
use serde_json::{Value, json};

use crate::program::{House, Outcome};

const PACKAGE: &str = "repo/pkgs/apps/Foo-1.dmg";
const PKGINFO: &str = "repo/pkgsinfo/apps/Foo-1.plist";
const BUNDLE: &str = "repo/evidence/apps/Foo-1.dmg.intoto.jsonl";
const DESCRIBED: &str = "<plist version=\"1.0\"><dict><key>installer_item_location</key>\
                         <string>apps/Foo-1.dmg</string></dict></plist>";

/// A repository with one item and evidence of it; `pub.pem` is the key that signed.
fn house() -> (House, PrivateKey) {
    let house = House::new();
    let key = PrivateKey::generate().unwrap();
    house.write(PACKAGE, "foo");
    house.write(PKGINFO, DESCRIBED);
    house.write("pub.pem", &key.public().to_pem().unwrap());
    house.write(BUNDLE, &bundle("foo", &key));
    (house, key)
}

fn bundle(contents: &str, key: &PrivateKey) -> String {
    let subject = |name: &str, contents: &str| Subject {
        name: name.to_owned(),
        sha256: Sha256::of(contents.as_bytes()),
    };
    let subjects = [
        subject("pkgs/apps/Foo-1.dmg", contents),
        subject("pkgsinfo/apps/Foo-1.plist", DESCRIBED),
    ];
    let predicates = [
        (
            CHECKS,
            json!({"trust": {"approvedBy": "ada"}, "waivers": ["re-release"]}),
        ),
        (
            "https://example.com/unknown/v1",
            json!({"said": "\u{1b}[2J"}),
        ),
    ];
    let predicates = predicates.map(|(kind, value)| Predicate {
        kind: kind.to_owned(),
        value,
    });
    String::from_utf8(sign_bundle(&subjects, &predicates, key)).unwrap()
}

fn verify(house: &House, item: &str, more: &str) -> Outcome {
    house.run(&format!(
        "evidence verify {item} --json --key pub.pem {more}"
    ))
}

#[track_caller]
fn answer(outcome: &Outcome, status: i32) -> Value {
    assert_eq!(outcome.status, Some(status), "{outcome}");
    assert_eq!(outcome.stderr, "", "{outcome}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Every code in an answer, of statements and of the whole.
fn codes(answer: &Value) -> Vec<&str> {
    let lists = ["statements", "problems"].map(|list| answer[list].as_array().unwrap());
    let all = lists.into_iter().flatten();
    all.filter_map(|entry| entry["code"].as_str()).collect()
}

#[test]
fn an_item_is_verified_by_its_public_key_alone() {
    let (house, key) = house();
    let answer = answer(&verify(&house, PACKAGE, ""), 0);
    assert_eq!(answer["schema"], 1);
    assert_eq!(answer["valid"], true);
    assert_eq!(answer["sha256"], json!(Sha256::of(b"foo")));
    let statements = answer["statements"].as_array().unwrap();
    assert_eq!(statements.len(), 3);
    for statement in statements {
        assert_eq!(statement["verified"], true);
        assert_eq!(statement["keyid"], key.id().to_string());
        let states = statement["subjects"].as_array().unwrap().iter();
        let states: Vec<_> = states.map(|subject| &subject["state"]).collect();
        assert_eq!(states, ["matches", "matches"]);
    }
    assert_eq!(statements[0]["predicateType"], CHECKS);
    assert_eq!(statements[0]["predicate"]["trust"]["approvedBy"], "ada");
    assert_eq!(codes(&answer), [""; 0]);
    assert!(!house.path("var").exists(), "it needs no house");
}

#[test]
fn it_is_found_from_every_side() {
    let (house, _key) = house();
    for item in [BUNDLE, PKGINFO] {
        let answer = answer(&verify(&house, item, ""), 0);
        assert_eq!(answer["valid"], true, "{item}");
    }
    house.write("elsewhere/copy.dmg", "foo");
    let copy = verify(&house, "elsewhere/copy.dmg", "");
    assert_eq!(codes(&answer(&copy, 1)), ["no-evidence"]);
    let copy = verify(
        &house,
        "elsewhere/copy.dmg",
        &format!("--evidence {BUNDLE}"),
    );
    let copy = answer(&copy, 0);
    let state = &copy["statements"][0]["subjects"][1]["state"];
    assert_eq!(state, "not-looked-at");
}

#[test]
fn what_is_not_as_it_was_signed_is_refused_with_a_code() {
    let (house, key) = house();
    house.write(PACKAGE, "fop");
    let changed = answer(&verify(&house, PACKAGE, ""), 1);
    assert_eq!(changed["valid"], false);
    assert_eq!(codes(&changed), ["subject-mismatch"; 3]);

    house.write(PACKAGE, "foo");
    let whole = house.read(BUNDLE);
    let stranger = PrivateKey::generate().unwrap();
    let (first, rest) = whole.split_once('\n').unwrap();
    for (text, code) in [
        (bundle("foo", &stranger), "unknown-key"),
        (rest.to_owned(), "incomplete"),
        (format!("{first}\n"), "incomplete"),
        (String::new(), "no-evidence"),
        (format!("{whole}{{}}\n"), "no-envelope"),
        (
            bundle("foo", &stranger).replace(&stranger.id().to_string(), &key.id().to_string()),
            "bad-signature",
        ),
    ] {
        house.write(BUNDLE, &text);
        let answer = answer(&verify(&house, PACKAGE, ""), 1);
        assert!(codes(&answer).contains(&code), "{code}: {answer}");
    }
    house.write(BUNDLE, &bundle("foo", &stranger));
    let refused = answer(&verify(&house, PACKAGE, ""), 1);
    assert!(
        !refused.to_string().contains("ada"),
        "believed before it was checked"
    );
    let gone = answer(&verify(&house, "repo/pkgs/gone.dmg", ""), 1);
    assert_eq!(codes(&gone), ["no-item"]);
}

/// What was signed for one place says nothing about another: an older release could come back as a newer one.
#[test]
fn a_package_that_took_the_place_of_another_is_refused_with_its_own_evidence() {
    let (house, _key) = house();
    house.write("repo/pkgs/apps/Foo-2.dmg", "foo");
    house.write(
        "repo/evidence/apps/Foo-2.dmg.intoto.jsonl",
        &house.read(BUNDLE),
    );
    let swapped = answer(&verify(&house, "repo/pkgs/apps/Foo-2.dmg", ""), 1);
    assert_eq!(codes(&swapped), ["other-place"; 3]);
}

#[test]
fn a_pkginfo_that_was_edited_is_told_and_refused_where_that_is_asked_for() {
    let (house, _key) = house();
    house.write(
        PKGINFO,
        &DESCRIBED.replace("<dict>", "<dict><key>x</key><true/>"),
    );
    let told = answer(&verify(&house, PACKAGE, ""), 0);
    assert_eq!(told["statements"][0]["subjects"][1]["state"], "differs");
    let strict = answer(&verify(&house, PACKAGE, "--strict"), 1);
    assert_eq!(codes(&strict), ["subject-mismatch"]);
    // The pkginfo itself is no longer what was signed.
    assert_eq!(answer(&verify(&house, PKGINFO, ""), 1)["valid"], false);
}

#[test]
fn a_package_that_was_published_again_has_all_its_evidence_verified() {
    let (house, key) = house();
    let second = "repo/evidence/apps/Foo-1.dmg.2.intoto.jsonl";
    house.write(second, &bundle("foo", &key));
    let both = answer(&verify(&house, PACKAGE, ""), 0);
    assert_eq!(both["statements"].as_array().unwrap().len(), 6);
    house.write(second, &bundle("foo", &PrivateKey::generate().unwrap()));
    assert_eq!(answer(&verify(&house, PACKAGE, ""), 1)["valid"], false);
}

#[test]
fn an_auditor_can_read_it() {
    let (house, _key) = house();
    let read = house.run(&format!("evidence verify {PACKAGE} --key pub.pem"));
    assert_eq!(read.status, Some(0), "{read}");
    for text in [
        "approved by ada",
        "a person let pass: re-release",
        "NO step verified",
        "valid: 3",
    ] {
        assert!(read.stdout.contains(text), "{text}: {read}");
    }
    assert!(!read.stdout.contains('\u{1b}'), "{read}");
    let shown = house.ok(&format!("evidence show {PACKAGE} --key pub.pem"));
    assert!(shown.contains("\"approvedBy\": \"ada\""), "{shown}");
    house.write(PACKAGE, "fop");
    let refused = house.run(&format!("evidence verify {PACKAGE} --key pub.pem"));
    assert_eq!(refused.status, Some(1));
    assert!(
        refused.stdout.contains("invalid: subject-mismatch"),
        "{refused}"
    );
}

#[test]
fn without_a_usable_key_it_is_wrong_usage() {
    let (house, _key) = house();
    let none = house.run(&format!("evidence verify {PACKAGE} --json"));
    assert_eq!(none.status, Some(2), "{none}");
    for (name, text) in [("gone.pem", None), ("junk.pem", Some("junk"))] {
        if let Some(text) = text {
            house.write(name, text);
        }
        let refused = house.run(&format!("evidence verify {PACKAGE} --key {name} --json"));
        assert_eq!(refused.status, Some(2), "{refused}");
        assert!(refused.stderr.contains(name), "{refused}");
    }
}

#[test]
fn the_key_is_made_once_shown_and_changed_for_another() {
    let house = House::new();
    let first = house.ok("evidence key --public");
    assert_eq!(house.ok("evidence key --public"), first);
    assert!(first.starts_with("-----BEGIN PUBLIC KEY-----"), "{first}");
    house.write("first.pem", &first);
    let second = house.ok("evidence rotate-key");
    assert_ne!(second, first);
    assert_eq!(house.ok("evidence key --public"), second);
    let all: Value = serde_json::from_str(&house.ok("evidence key --all --json")).unwrap();
    let pems: Vec<_> = all["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["pem"])
        .collect();
    assert_eq!(pems, [&second, &first]);
    // The first key is enough to follow the log over the change.
    let verified = house.ok("evidence verify-log --key first.pem --json");
    let verified: Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(
        (&verified["valid"], &verified["entries"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(verified["keys"][1]["pem"], second);
    assert!(house.ok("evidence log").contains("signs from here on"));
}

#[test]
fn a_log_that_was_changed_is_seen() {
    let house = House::new();
    let keyring = Keyring::in_folder(&house.path("keys"));
    let log = Log::new(&house.path("repo/evidence"), &house.path("lock"));
    let add = |number: i64| {
        let event = Event::Published {
            change_set: number.to_string(),
            title: "Foo.munki".to_owned(),
            files: Vec::new(),
        };
        log.append(&event, &keyring, Timestamp::from_secs(number))
            .unwrap();
    };
    add(1);
    let kept = house.read("repo/evidence/publications.checkpoint.json");
    house.write("kept.json", &kept);
    add(2);
    let public = keyring.signer().unwrap().public().to_pem().unwrap();
    house.write("pub.pem", &public);
    let verify = "evidence verify-log repo --key pub.pem --checkpoint kept.json --json";
    assert_eq!(answer(&house.run(verify), 0)["entries"], 2);
    let shown = house.ok("evidence log repo --key pub.pem --json");
    assert_eq!(shown.lines().count(), 2, "{shown}");

    let whole = house.read("repo/evidence/publications.jsonl");
    let (first, second) = whole.split_at(whole.find('\n').unwrap() + 1);
    house.write("repo/evidence/publications.jsonl", second);
    assert_eq!(answer(&house.run(verify), 1)["code"], "broken-chain");
    house.write("repo/evidence/publications.jsonl", first);
    assert_eq!(answer(&house.run(verify), 1)["code"], "checkpoint");
}
