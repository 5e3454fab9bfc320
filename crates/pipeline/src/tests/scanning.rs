//! Runs at the scan gate: a second scanner, new looks, waivers, titles that are never uploaded, large media.

use std::time::Duration;

use ::evidence::{Keyring, SCAN, verify_bundle};
use model::{Clock as _, FailureClass, Sha256, WaiverId};
use scan::Action;
use serde_json::{Value as Json, json};
use store::ScanWaiver;
use testkit::{
    clamd::{Clamd, FOUND, MARKER},
    package::component,
    vendor::Resource,
    virus_total::Verdict,
};

use super::bench::{Bench, TITLE, end, package};
use crate::{Outcome, Request};

impl Bench {
    /// What the evidence of the only item says of its scan.
    fn scan_evidence(&self) -> Json {
        let name = "pkgs/apps/Widget-1.0.pkg";
        let bundle = self
            .repository()
            .join("evidence/apps/Widget-1.0.pkg.intoto.jsonl");
        let item = Sha256::of(&fs_err::read(self.repository().join(name)).unwrap());
        let keys = Keyring::in_folder(&self.folder.path().join("keys"));
        let keys = keys.public_keys().unwrap();
        let bundle = fs_err::read(bundle).unwrap();
        let verdict = verify_bundle(&bundle, &keys, item, Some(name));
        let statements = verdict.lines.iter().filter_map(|line| line.statement());
        let scan = statements
            .map(|it| &it.predicate)
            .find(|it| it.kind == SCAN);
        scan.unwrap().value.clone()
    }

    async fn waive(&self, engines: &[&str]) {
        let now = self.clock.now();
        let waiver = ScanWaiver {
            id: WaiverId::new(),
            sha256: Sha256::of(&package("1.0", b"one")),
            engines: engines.iter().map(|&it| it.to_owned()).collect(),
            reason: "The vendor confirms it".to_owned(),
            by: "jo".to_owned(),
            at: now,
            until: now.plus(Duration::from_hours(24)),
            revoked: None,
        };
        self.engine.db().waiver_add(&waiver).await.unwrap();
    }

    fn virus_total_says(&self, verdict: Verdict) {
        let sha256 = Sha256::of(&package("1.0", b"one"));
        self.virus_total.know(sha256, verdict);
    }

    /// Turns the clock on and works, until the run is no longer parked; answers how it ended, and after how many hours.
    async fn work_to_the_end(&self) -> (String, u64) {
        let began = self.clock.now();
        for _ in 0..400 {
            self.clock.advance(Duration::from_mins(10));
            if let Some(worked) = self.work().await
                && !matches!(worked.outcome, Outcome::Parked { .. })
            {
                let hours = self.clock.now().since(began).as_secs() / 3_600;
                return (end(&worked), hours);
            }
        }
        panic!("it never ended")
    }
}

#[tokio::test]
async fn a_second_scanner_stops_what_the_first_finds_clean_and_is_in_the_evidence() {
    let Some(daemon) = Clamd::start().unwrap() else {
        eprintln!("skipped: ClamAV's daemon is not installed");
        return;
    };
    let bench = Bench::new().await.scanning(|scan| {
        scan.clamd.socket = Some(daemon.socket());
        scan.clamd.policy.outdated = Action::Warn;
    });
    let bench = bench.await;
    assert_eq!(end(&bench.run().await), "published");
    let offline = &bench.scan_evidence()["media"][0]["offline"];
    assert_eq!(offline["result"], json!({"verdict": "clean"}));
    let scanner = offline["scanner"].as_str().unwrap();
    assert!(scanner.starts_with("ClamAV 1"), "{offline}");

    bench.release("2.0", format!("two, with an {MARKER} in it").as_bytes());
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed malware");
    let message = worked.failure.unwrap().message;
    assert!(message.contains(FOUND), "{message}");
    assert!(!bench.files().iter().any(|file| file.contains("2.0")));
}

#[tokio::test]
async fn rules_see_what_is_compressed_in_a_package_and_hold_it() {
    let bench = Bench::new().await;
    let rules = bench.folder.path().join("ours.yar");
    let text = "rule Ours { strings: $mark = \"a mark of ours\" condition: $mark }";
    fs_err::write(&rules, text).unwrap();
    let bench = bench.scanning(|scan| scan.yara.rules = vec![rules.clone()]);
    let bench = bench.await;
    assert_eq!(end(&bench.run().await), "published");
    let said = &bench.scan_evidence()["media"][0]["yara"];
    assert_eq!(said["found"], json!([]), "{said}");
    assert!(said["filesSeen"].as_u64().unwrap() > 1, "{said}");

    bench.release("2.0", b"two, with a mark of ours in it");
    let worked = bench.run().await;
    assert_eq!(end(&worked), "held scan-inconclusive");
    let failure = worked.failure.unwrap();
    let text = format!("{failure:?}");
    assert!(
        text.contains("Ours in `") && text.contains("usr/local/widget"),
        "{text}"
    );
    assert!(!bench.files().iter().any(|file| file.contains("2.0")));
    let mut request = Request::named(TITLE);
    request.accepted = vec![FailureClass::ScanInconclusive];
    assert_eq!(end(&bench.run_request(&request).await), "published");
}

#[tokio::test]
async fn a_second_scanner_that_is_down_is_waited_for_and_then_a_person_decides() {
    let bench = Bench::new().await;
    let nowhere = bench.folder.path().join("nowhere");
    let bench = bench
        .scanning(|scan| scan.clamd.socket = Some(nowhere.clone()))
        .await;
    let worked = bench.run().await;
    assert!(
        matches!(worked.outcome, Outcome::Parked { .. }),
        "{worked:?}"
    );
    assert_eq!(
        bench.work_to_the_end().await,
        ("held scan-inconclusive".to_owned(), 24)
    );
    let runs = bench.engine.holds().await.unwrap();
    let failure = runs[0].run.failure.clone().unwrap();
    let detail = failure.detail.unwrap();
    assert!(detail.contains("cannot be asked"), "{detail}");

    let mut request = Request::named(TITLE);
    request.accepted = vec![FailureClass::ScanInconclusive];
    assert_eq!(end(&bench.run_request(&request).await), "published");
}

#[tokio::test]
async fn what_is_down_need_not_stop_anybody_where_the_operator_says_so() {
    let bench = Bench::new().await.scanning(|scan| {
        scan.clamd.socket = Some("/nowhere".into());
        scan.clamd.policy.down = Action::Warn;
    });
    assert_eq!(end(&bench.await.run().await), "published");
}

#[tokio::test]
async fn engines_that_object_are_asked_again_and_what_drops_to_none_is_published() {
    let bench = Bench::new().await;
    let bench = bench.scanning(|scan| scan.rescan_hours = vec![24, 6]).await;
    bench.virus_total_says(Verdict::suspicious());
    let sha256 = Sha256::of(&package("1.0", b"one"));
    bench.virus_total.will_say(sha256, Verdict::suspicious());
    let worked = bench.run().await;
    assert!(
        matches!(worked.outcome, Outcome::Parked { .. }),
        "{worked:?}"
    );
    let analyses = || {
        let asked = bench.virus_total.requests().into_iter();
        asked.filter(|it| it.ends_with("/analyse")).count()
    };
    for _ in 0..60 {
        bench.clock.advance(Duration::from_mins(10));
        bench.work().await;
    }
    assert_eq!(analyses(), 1, "once after six hours");
    bench.virus_total.will_say(sha256, Verdict::clean());
    assert_eq!(bench.work_to_the_end().await, ("published".to_owned(), 14));
    assert_eq!(analyses(), 2);
}

#[tokio::test]
async fn what_still_is_objected_to_after_the_last_look_is_held() {
    let bench = Bench::new().await;
    let bench = bench.scanning(|scan| scan.rescan_hours = vec![6]).await;
    bench.virus_total_says(Verdict::suspicious());
    let sha256 = Sha256::of(&package("1.0", b"one"));
    bench.virus_total.will_say(sha256, Verdict::suspicious());
    bench.run().await;
    let ended = bench.work_to_the_end().await;
    assert_eq!(ended, ("held scan-inconclusive".to_owned(), 6));
}

#[tokio::test]
async fn a_waiver_lets_doubts_pass_and_malware_only_where_it_names_the_engines() {
    let bench = Bench::new().await;
    bench.virus_total_says(Verdict::malicious(3));
    bench.waive(&[]).await;
    assert_eq!(end(&bench.run().await), "failed malware");
    bench.waive(&["engine1", "Engine2"]).await;
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(
        end(&bench.run().await),
        "published",
        "one objects, which is a doubt"
    );
    let said = bench.scan_evidence();
    let waivers = said["media"][0]["waivers"].as_array().unwrap();
    assert_eq!(waivers.len(), 2);
    assert_eq!(waivers[0]["engines"], json!(["engine1", "Engine2"]));
    assert_eq!(waivers[0]["by"], "jo");
    assert_eq!(said["media"][0]["report"]["stats"]["malicious"], 3);
}

#[tokio::test]
async fn a_waiver_that_is_over_lets_nothing_pass() {
    let bench = Bench::new().await;
    bench.virus_total_says(Verdict::suspicious());
    bench.waive(&[]).await;
    bench.clock.advance(Duration::from_hours(25));
    assert_eq!(end(&bench.run().await), "held scan-inconclusive");
}

#[tokio::test]
async fn a_title_that_is_never_uploaded_is_not() {
    let bench = Bench::new().await;
    let bench = bench
        .scanning(|scan| scan.never_upload = vec!["Widget*".to_owned()])
        .await;
    let unknown = package("1.0", b"known to nobody");
    bench.vendor.put("/Widget.pkg", Resource::file(unknown));
    assert_eq!(end(&bench.run().await), "held scan-inconclusive");
    assert!(bench.virus_total.uploads().is_empty());
}

#[tokio::test]
async fn the_programs_in_what_is_too_large_are_looked_up() {
    let bench = Bench::new().await;
    let bench = bench
        .scanning(|scan| {
            scan.max_upload_mb = 0;
            scan.policy.inner_clean = Action::Warn;
        })
        .await;
    let program = b"a program that somebody knows";
    let library = ("usr/local/lib/widget.dylib", &program[..]);
    let large = component("com.example.Widget", "1.0", &[library]).unwrap();
    bench.vendor.put("/Widget.pkg", Resource::file(large));
    assert_eq!(
        end(&bench.run().await),
        "held scan-inconclusive",
        "nobody knows it"
    );

    bench.clock.advance(Duration::from_hours(25));
    bench
        .virus_total
        .know(Sha256::of(program), Verdict::malicious(30));
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed malware");
    let message = worked.failure.unwrap().message;
    assert!(
        message.contains("usr/local/lib/widget.dylib` in it"),
        "{message}"
    );

    bench.clock.advance(Duration::from_hours(25));
    bench
        .virus_total
        .know(Sha256::of(program), Verdict::clean());
    assert_eq!(end(&bench.run().await), "published");
    let inner = &bench.scan_evidence()["media"][0]["inner"];
    assert_eq!(inner["programs"][0]["sha256"], json!(Sha256::of(program)));
    assert_eq!(inner["programs"][0]["report"]["stats"]["undetected"], 60);
    assert!(bench.virus_total.uploads().is_empty());
}
