//! Whole runs on the bench.

mod bench;
mod community;
mod ends;
mod evidence;
mod identity;
mod payload;
mod proofs;
mod records;
mod replay;
mod scanning;
mod shelf;
mod update_metadata;

use std::{sync::Arc, time::Duration};

use model::{Clock as _, FailureClass, RunState, Sha256};
use testkit::{vendor::Resource, virus_total::Verdict};
use tokio_util::sync::CancellationToken;

use self::bench::{Bench, TITLE, end, package, reported};
use crate::{Outcome, Reporter, Request, Silent};

const WIDGET: [&str; 7] = [
    "catalogs/all",
    "catalogs/testing",
    "evidence/apps/Widget-1.0.pkg.intoto.jsonl",
    "evidence/publications.checkpoint.json",
    "evidence/publications.jsonl",
    "pkgs/apps/Widget-1.0.pkg",
    "pkgsinfo/apps/Widget-1.0.plist",
];

#[tokio::test]
async fn an_approved_title_is_published_once() {
    let bench = Bench::new().await;
    let first = bench.run().await;
    assert_eq!(end(&first), "published");
    assert_eq!(bench.files(), WIDGET);
    assert_eq!(first.published.len(), 1);
    assert_eq!(end(&bench.run().await), "unchanged");
    assert_eq!(bench.files(), WIDGET);
    let asked: Vec<bool> = bench
        .vendor
        .seen()
        .iter()
        .map(|seen| seen.header("if-none-match").is_some())
        .collect();
    assert_eq!(asked, [false, true], "the second request is conditional");
    assert!(bench.incidents().await.is_empty());
}

#[tokio::test]
async fn nothing_is_downloaded_without_an_approval() {
    let bench = Bench::unapproved().await;
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed trust");
    assert_eq!(worked.identifier.as_deref(), Some("local.munki.Widget"));
    assert!(bench.vendor.seen().is_empty());
    assert_eq!(bench.incidents().await, ["trust open 1"]);
}

#[tokio::test]
async fn a_changed_parent_stops_the_run_and_says_what_changed() {
    let bench = Bench::new().await;
    let recipe = bench.folder.path().join("recipes/Widget.munki.recipe.yaml");
    let text = fs_err::read_to_string(&recipe).unwrap();
    fs_err::write(&recipe, format!("{text}- Processor: EndOfCheckPhase\n")).unwrap();
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed trust");
    assert!(bench.vendor.seen().is_empty());
    let detail = worked.failure.unwrap().detail.unwrap();
    assert!(detail.contains("+- Processor: EndOfCheckPhase"), "{detail}");

    bench.approve().await;
    assert_eq!(end(&bench.run().await), "published");
    assert_eq!(bench.incidents().await, ["trust resolved 1"]);
}

#[tokio::test]
async fn a_failure_repeats_on_its_incident_and_the_next_good_run_resolves_it() {
    let bench = Bench::new().await;
    bench.vendor.put("/Widget.pkg", Resource::failure(404));
    for _ in 0..3 {
        assert_eq!(end(&bench.run().await), "failed download");
    }
    assert_eq!(bench.incidents().await, ["download open 3"]);
    bench.release("1.0", b"one");
    assert_eq!(end(&bench.run().await), "published");
    assert_eq!(bench.incidents().await, ["download resolved 3"]);
}

#[tokio::test]
async fn a_run_waits_parked_for_the_scanner_and_survives_a_restart() {
    let bench = Bench::new().await;
    let unknown = package("1.1", b"unknown to the scanner");
    bench.vendor.put("/Widget.pkg", Resource::file(unknown));
    bench.virus_total.set_polls_needed(2);
    let worked = bench.run().await;
    let Outcome::Parked { until, .. } = worked.outcome else {
        panic!("{:?}", worked.outcome);
    };
    assert!(bench.files().is_empty(), "nothing before the scan passed");
    assert!(bench.work().await.is_none(), "no worker waits");

    let bench = bench.restarted().await;
    let mut worked = None;
    for _ in 0..4 {
        bench.clock.advance(Duration::from_mins(1));
        worked = bench.work().await.or(worked);
    }
    assert!(bench.clock.now() >= until);
    let worked = worked.unwrap();
    assert_eq!(end(&worked), "published");
    assert_eq!(
        reported(&worked),
        [
            "url_downloader_summary_result",
            "munki_importer_summary_result"
        ],
        "whichever process carried the steps out"
    );
    assert_eq!(bench.virus_total.uploads().len(), 1);
    assert_eq!(bench.vendor.seen().len(), 1, "the steps were not repeated");
    assert_eq!(end(&bench.run().await), "unchanged");
    let last = bench.vendor.seen().pop().unwrap();
    assert!(last.header("if-none-match").is_some(), "and committed");
}

#[tokio::test]
async fn malware_is_never_published() {
    let bench = Bench::new().await;
    let sha256 = Sha256::of(&package("1.0", b"one"));
    bench.virus_total.know(sha256, Verdict::malicious(30));
    let mut request = Request::named(TITLE);
    request.accepted = vec![FailureClass::ScanInconclusive];
    let worked = bench.run_request(&request).await;
    assert_eq!(end(&worked), "failed malware");
    assert!(bench.files().is_empty());
    assert_eq!(
        reported(&worked),
        ["url_downloader_summary_result"],
        "nothing was imported"
    );
}

#[tokio::test]
async fn without_a_key_a_run_is_held_until_a_person_accepts() {
    let bench = Bench::new().await.without_key().await;
    let worked = bench.run().await;
    assert_eq!(end(&worked), "held scan-inconclusive");
    assert!(bench.files().is_empty());
    let mut request = Request::named(TITLE);
    request.accepted = vec![FailureClass::ScanInconclusive];
    assert_eq!(end(&bench.run_request(&request).await), "published");
    assert_eq!(bench.incidents().await, ["scan-inconclusive resolved 1"]);
}

#[tokio::test]
async fn an_older_version_waits_for_a_person() {
    let bench = Bench::new().await;
    bench.release("2.0", b"two");
    assert_eq!(end(&bench.run().await), "published");
    bench.release("1.0", b"one");
    let worked = bench.run().await;
    assert_eq!(end(&worked), "held re-release");
    assert!(!bench.files().contains(&WIDGET[5].to_owned()));
}

#[tokio::test]
async fn a_run_without_trust_publishes_nothing_and_resolves_nothing() {
    let bench = Bench::unapproved().await;
    assert_eq!(end(&bench.run().await), "failed trust");
    let mut request = Request::named(TITLE);
    request.ignore_trust = true;
    let worked = bench.run_request(&request).await;
    assert_eq!(end(&worked), "unchanged");
    assert_eq!(bench.steps(&worked).await, 3);
    assert!(bench.files().is_empty());
    assert_eq!(bench.incidents().await, ["trust open 1"]);
}

#[tokio::test]
async fn a_check_stops_behind_the_check_phase() {
    let bench = Bench::new().await;
    let mut request = Request::named(TITLE);
    request.check_only = true;
    let worked = bench.run_request(&request).await;
    assert_eq!(end(&worked), "unchanged");
    assert_eq!(bench.steps(&worked).await, 2);
    assert!(bench.files().is_empty());
}

#[tokio::test]
async fn a_stopped_worker_gives_its_run_back() {
    let bench = Bench::new().await;
    bench.queue().await;
    let stop = CancellationToken::new();
    stop.cancel();
    let reporter: Arc<dyn Reporter> = Arc::new(Silent);
    let worked = bench.engine.work(&reporter, &stop).await.unwrap().unwrap();
    assert!(
        matches!(worked.outcome, Outcome::Released),
        "{:?}",
        worked.outcome
    );
    assert!(bench.incidents().await.is_empty());
    assert_eq!(end(&bench.work().await.unwrap()), "published");
}

#[tokio::test]
async fn the_run_of_a_process_that_is_gone_is_taken_over() {
    let bench = Bench::new().await;
    bench.queue().await;
    let now = bench.clock.now();
    let (host, me) = (bench.engine.owner.to_string(), std::process::id());
    let gone = host.replace(&format!("/{me}/"), "/4194999/");
    let gone = store::Worker::named(&gone);
    let claimed = bench
        .engine
        .db()
        .run_claim(&gone, now, now.plus(Duration::from_hours(1)));
    let (run, _lease) = claimed.await.unwrap().unwrap();
    assert!(bench.work().await.is_none(), "it is leased");
    bench.engine.recover().await.unwrap();
    let worked = bench.work().await.unwrap();
    assert_eq!(worked.run, run.id);
    assert_eq!(end(&worked), "published");
}

#[tokio::test]
async fn a_run_that_never_comes_to_an_end_fails_at_last() {
    let bench = Bench::new().await;
    bench.queue().await;
    for _ in 0..8 {
        let now = bench.clock.now();
        let crashing = store::Worker::named("crashing");
        let claimed = bench.engine.db().run_claim(&crashing, now, now);
        assert!(claimed.await.unwrap().is_some());
        // It waits longer each time.
        bench.clock.advance(Duration::from_mins(5));
    }
    assert_eq!(end(&bench.work().await.unwrap()), "failed internal");
}

#[tokio::test]
async fn a_missing_override_is_a_failure_that_somebody_hears_of() {
    let bench = Bench::new().await;
    let worked = bench.run_request(&Request::named("Gone.munki")).await;
    assert_eq!(end(&worked), "failed configuration");
    assert_eq!(worked.title.as_str(), "Gone.munki");
    assert_eq!(bench.incidents().await, ["configuration open 1"]);
}

#[tokio::test]
async fn only_one_run_of_a_title_at_a_time() {
    let bench = Bench::new().await;
    let request = Request::named(TITLE);
    let first = bench
        .engine
        .queue(&request, model::Trigger::Manual)
        .await
        .unwrap();
    // Another name of the same override.
    let other = Request::named("local.munki.Widget");
    let second = bench
        .engine
        .queue(&other, model::Trigger::Schedule)
        .await
        .unwrap();
    let store::Queued::New(id) = first else {
        panic!("{first:?}")
    };
    assert_eq!(second, store::Queued::Already(id));
    assert!(bench.engine.cancel(id).await.unwrap());
    let run = bench.engine.run(id).await.unwrap().unwrap();
    assert_eq!(run.state, RunState::Cancelled);
    assert!(bench.incidents().await.is_empty());
}

#[tokio::test]
async fn no_secret_reaches_receipt_store_or_desk() {
    let bench = Bench::new().await;
    assert_eq!(end(&bench.run().await), "published");
    bench.vendor.put("/Widget.pkg", Resource::failure(404));
    assert_eq!(end(&bench.run().await), "failed download");
    let tree = media::HostTree::new(bench.folder.path()).unwrap();
    for entry in media::walk(&tree, "").unwrap() {
        // The recipe itself says it, and nothing else may.
        if entry.is_file() && !entry.path.starts_with("recipes/") {
            let bytes = fs_err::read(bench.folder.path().join(&entry.path)).unwrap();
            for secret in ["hunter2-canary", "nested-canary"] {
                let mut windows = bytes.windows(secret.len());
                let found = windows.any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} in {}", entry.path);
            }
        }
    }
}
