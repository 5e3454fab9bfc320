//! Every sample of the corpus gets the verdict that is stated there.

use std::fs;

use super::{codes, corpus, now};
use crate::{CodesignError, Notarization, Pins, Requirement, verify};

#[test]
fn every_sample_gets_its_verdict() {
    let Some(corpus) = corpus() else {
        return;
    };
    let media = corpus.join("media");
    let table = fs::read_to_string(media.join("expected/signatures.tsv")).unwrap();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [sample, verdict, _, team, authority, ticket, ..] = columns[..] else {
            panic!("{line}");
        };
        let report = match verify(&media.join(sample), &Pins::none(), now()) {
            Ok(report) => report,
            Err(error) => panic!("{sample}: {}", chained(&error)),
        };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["verdict"], verdict, "{sample}: {:?}", codes(&report));
        assert_eq!(json["team_id"].as_str().unwrap_or("-"), team, "{sample}");
        let leaf = report.authorities.first().map_or("-", String::as_str);
        let start = authority.split('…').next().unwrap();
        assert!(leaf.starts_with(start), "{sample}: {leaf}");
        assert_eq!(
            report.notarization == Notarization::Stapled,
            ticket == "yes",
            "{sample}"
        );
        assert_eq!(report.holds(), report.verdict.is_accepted(), "{sample}");
    }
}

fn chained(error: &CodesignError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[test]
fn a_program_stands_for_its_bundle() {
    let Some(corpus) = corpus() else {
        return;
    };
    let program = "media/app/DevSignedApp.zip/DevSignedApp.app/Contents/MacOS/SignedApp";
    let report = verify(&corpus.join(program), &Pins::none(), now()).unwrap();
    assert!(report.holds(), "{:?}", codes(&report));
    assert!(
        report
            .checks
            .iter()
            .any(|check| check.name == "sealed-resources")
    );
}

#[test]
fn pins_hold_or_do_not() {
    let Some(corpus) = corpus() else {
        return;
    };
    let app = corpus.join("media/app/DevSignedApp.zip/DevSignedApp.app");
    let with = |requirement: &str| Pins {
        requirement: Some(Requirement::parse(requirement).unwrap()),
        ..Pins::none()
    };
    for (requirement, met) in [
        (
            "anchor apple generic and certificate leaf[subject.OU] = ZCK58M894E",
            true,
        ),
        (
            "identifier \"com.zoo.SignedApp\" and certificate 1[field.1.2.840.113635.100.6.2.6]",
            true,
        ),
        (
            "info[CFBundleIdentifier] = \"com.zoo.\"* and ! info[NoSuchKey]",
            true,
        ),
        (
            "certificate root = H\"611e5b662c593a08ff58d14ae22452d198df6c60\"",
            true,
        ),
        ("notarized or anchor apple generic", true),
        (
            "anchor apple generic and certificate leaf[subject.OU] = ZCK58M894F",
            false,
        ),
        ("identifier \"com.zoo.signedapp\"", false),
        ("anchor apple", false),
        ("notarized", false),
        ("! notarized", false),
        ("certificate 7 exists", false),
    ] {
        if requirement == "certificate 7 exists" {
            assert!(Requirement::parse(requirement).is_err());
            continue;
        }
        let pins = with(requirement);
        let report = verify(&app, &pins, now()).unwrap();
        assert_eq!(report.requirement_met, Some(met), "{requirement}");
        assert_eq!(report.satisfies(&pins), met, "{requirement}");
    }
    let report = verify(&app, &Pins::none(), now()).unwrap();
    assert!(report.holds() && !report.satisfies(&Pins::none()));
    let pins = with("always");
    assert!(!verify(&app, &pins, now()).unwrap().satisfies(&pins));
}

#[test]
fn authorities_are_compared_in_order_and_number() {
    let Some(corpus) = corpus() else {
        return;
    };
    let package = corpus.join("media/pkg/CH34xVCPDriver.pkg");
    let names = verify(&package, &Pins::none(), now()).unwrap().authorities;
    assert_eq!(names.len(), 3);
    let judge = |authorities: &[String]| {
        let pins = Pins {
            authorities: authorities.to_vec(),
            ..Pins::none()
        };
        verify(&package, &pins, now()).unwrap().satisfies(&pins)
    };
    assert!(judge(&names));
    assert!(!judge(&names[..2]));
    assert!(!judge(&[
        names[0].clone(),
        names[2].clone(),
        names[1].clone()
    ]));
    let pins = Pins {
        requirement: Some(Requirement::parse("anchor apple generic").unwrap()),
        ..Pins::none()
    };
    let report = verify(&package, &pins, now()).unwrap();
    assert_eq!(codes(&report), ["requirement-not-applicable"]);
}
