use model::Sha256;
use serde_json::json;

use super::{bundle, key, subject};
use crate::{
    CHECKS, CONTENTS, Code, Envelope, LARGEST_BUNDLE, Predicate, PrivateKey, SLSA_PROVENANCE,
    Statement, Verdict, sign_bundle, verify_bundle,
};

fn verify(bytes: &[u8]) -> Verdict {
    verify_bundle(
        bytes,
        &[key().public().clone()],
        Sha256::of(b"foo"),
        Some("pkgs/Foo-1.dmg"),
    )
}

fn codes(verdict: &Verdict) -> Vec<Code> {
    let lines = verdict.lines.iter().filter_map(|line| line.refusal());
    let all = lines.chain(&verdict.refusals);
    all.map(|refusal| refusal.code).collect()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_bundle_holds_for_its_own_files_only() {
    let bytes = bundle(&key());
    let verdict = verify(&bytes);
    assert!(verdict.is_valid(), "{verdict:?}");
    let statements = verdict.lines.iter().filter_map(|line| line.statement());
    let kinds: Vec<_> = statements.map(|it| it.predicate.kind.as_str()).collect();
    assert_eq!(kinds, [SLSA_PROVENANCE, CHECKS, CONTENTS]);

    let other = verify_bundle(&bytes, &[key().public().clone()], Sha256::of(b"bar"), None);
    assert!(!other.is_valid());
    assert_eq!(codes(&other), [Code::SubjectMismatch; 3]);
}

/// An older release, or another title's package, could otherwise stand in for it together with its own evidence.
#[test]
fn a_bundle_holds_at_its_own_place_only() {
    let keys = [key().public().clone()];
    let at = |place| verify_bundle(&bundle(&key()), &keys, Sha256::of(b"foo"), place);
    assert!(at(Some("pkgs/Foo-1.dmg")).is_valid());
    assert!(at(None).is_valid(), "a copy outside of any repository");
    assert_eq!(codes(&at(Some("pkgs/Foo-2.dmg"))), [Code::OtherPlace; 3]);
    assert_eq!(
        codes(&at(Some("pkgsinfo/Foo-1.plist"))),
        [Code::OtherPlace; 3]
    );
}

#[test]
fn the_same_facts_and_key_give_the_same_bytes() {
    assert_eq!(bundle(&key()), bundle(&key()));
    let one = json!({"b": 1, "a": {"d": 2, "c": 3}});
    let other = json!({"a": {"c": 3, "d": 2}, "b": 1});
    let signed = |value| {
        let predicate = Predicate {
            kind: "x".to_owned(),
            value,
        };
        sign_bundle(
            &[subject("b", b"b"), subject("a", b"a")],
            &[predicate],
            &key(),
        )
    };
    assert_eq!(signed(one), signed(other));
}

#[test]
fn nobody_elses_signature_counts_whatever_it_calls_itself() {
    let stranger = PrivateKey::generate().unwrap();
    let theirs = bundle(&stranger);
    let verdict = verify(&theirs);
    assert!(codes(&verdict).contains(&Code::UnknownKey));
    assert!(verdict.lines.iter().all(|line| line.statement().is_none()));
    // The name of the key is a hint: under our name it is a bad signature, and no better.
    let renamed = String::from_utf8(theirs).unwrap();
    let renamed = renamed.replace(&stranger.id().to_string(), &key().id().to_string());
    assert!(codes(&verify(renamed.as_bytes())).contains(&Code::BadSignature));
    assert!(!verify_bundle(&bundle(&key()), &[], Sha256::of(b"foo"), None).is_valid());
}

#[test]
fn a_second_signature_neither_helps_nor_harms() {
    let line = lines(&bundle(&key())).remove(0);
    let mut envelope: serde_json::Value = serde_json::from_str(&line).unwrap();
    let signatures = envelope["signatures"].as_array_mut().unwrap();
    signatures.insert(0, json!({"keyid": "x", "sig": "AAAA"}));
    let keys = [key().public().clone()];
    let parsed = Envelope::parse(envelope.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.verify(&keys).unwrap().key, key().id());
    envelope["signatures"] = json!([]);
    let parsed = Envelope::parse(envelope.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.verify(&keys).unwrap_err().code, Code::UnknownKey);
    envelope["signatures"] = (0..17).map(|_| json!({"sig": ""})).collect();
    let refused = Envelope::parse(envelope.to_string().as_bytes()).unwrap_err();
    assert_eq!(refused.code, Code::TooMany);
}

#[test]
fn no_statement_can_be_taken_away_unseen() {
    let all = lines(&bundle(&key()));
    for gone in 0..all.len() {
        let mut rest = all.clone();
        rest.remove(gone);
        let verdict = verify(rest.join("\n").as_bytes());
        assert!(codes(&verdict).contains(&Code::Incomplete), "line {gone}");
    }
    // Nor by a list of another bundle.
    let mut mixed = lines(&sign_bundle(
        &[subject("pkgs/Foo-1.dmg", b"foo")],
        &[],
        &key(),
    ));
    mixed.extend(all[..1].iter().cloned());
    assert!(
        verify(mixed.join("\n").as_bytes()).is_valid(),
        "one more is no harm"
    );
    mixed.push(all[2].clone());
    assert_eq!(
        codes(&verify(mixed.join("\n").as_bytes())),
        [Code::Incomplete]
    );
}

#[test]
fn a_statement_of_an_unknown_type_is_listed_and_counts() {
    let predicate = Predicate {
        kind: "https://example.com/new/v9".to_owned(),
        value: json!(null),
    };
    let verdict = verify(&sign_bundle(
        &[subject("pkgs/Foo-1.dmg", b"foo")],
        &[predicate],
        &key(),
    ));
    assert!(verdict.is_valid());
    assert_eq!(verdict.lines.len(), 2);
}

#[test]
fn what_is_signed_must_be_a_statement() {
    let keys = [key().public().clone()];
    for (payload_type, payload, code) in [
        ("text/plain", "{}", Code::PayloadType),
        ("application/vnd.in-toto+json", "{}", Code::NoStatement),
        ("application/vnd.in-toto+json", "[", Code::NoStatement),
        (
            "application/vnd.in-toto+json",
            r#"{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"x","subject":[]}"#,
            Code::NoStatement,
        ),
    ] {
        let envelope = Envelope::sign(payload_type, payload.as_bytes().to_vec(), &key());
        let verified = envelope.verify(&keys).unwrap();
        assert_eq!(
            Statement::of(&verified).unwrap_err().code,
            code,
            "{payload}"
        );
        assert!(codes(&verify(envelope.to_line().as_bytes())).contains(&code));
    }
}

#[test]
fn what_is_too_much_or_nothing_is_refused() {
    assert_eq!(codes(&verify(b"")), [Code::NoEvidence]);
    assert_eq!(codes(&verify(b"\n \n")), [Code::NoEvidence]);
    assert_eq!(
        codes(&verify(&vec![b' '; LARGEST_BUNDLE + 1])),
        [Code::TooLarge]
    );
    let codes_of_many = codes(&verify("{}\n".repeat(300).as_bytes()));
    assert_eq!(codes_of_many.last(), Some(&Code::TooMany));
    let long = format!("{{\"payload\": \"{}\"", "A".repeat(5 << 20));
    assert!(codes(&verify(long.as_bytes())).contains(&Code::TooLarge));
    for junk in [
        "{}",
        "[]",
        "\u{0}",
        "{\"payload\":\"!\",\"payloadType\":\"\",\"signatures\":[]}",
    ] {
        assert!(
            codes(&verify(junk.as_bytes())).contains(&Code::NoEnvelope),
            "{junk}"
        );
    }
}
