//! Runs that leave evidence, or may not publish because they could not.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

use ::evidence::{CHECKS, Event, Keyring, PublicKey, SCAN, SLSA_PROVENANCE, verify_bundle};
use model::{FailureClass, Sha256};
use publication::FolderRepository;
use serde_json::{Value as Json, json};
use store::ScanState;

use super::bench::{Bench, TITLE, end, package};
use crate::Request;

const BUNDLE: &str = "evidence/apps/Widget-1.0.pkg.intoto.jsonl";

impl Bench {
    fn keyring(&self) -> Keyring {
        Keyring::in_folder(&self.folder.path().join("keys"))
    }

    fn keys(&self) -> Vec<PublicKey> {
        self.keyring().public_keys().unwrap()
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        fs_err::read(self.repository().join(path)).unwrap()
    }

    /// What the bundle at `path` says, by the type of the predicate; it must hold for the package `name`.
    fn said(&self, path: &str, name: &str) -> impl Fn(&str) -> Json + use<> {
        let item = Sha256::of(&self.bytes(name));
        let verdict = verify_bundle(&self.bytes(path), &self.keys(), item, Some(name));
        assert!(verdict.is_valid(), "{verdict:#?}");
        let statements: Vec<_> = verdict
            .lines
            .iter()
            .filter_map(|line| line.statement().cloned())
            .collect();
        move |kind| {
            let mut of_kind = statements.iter().filter(|it| it.predicate.kind == kind);
            of_kind.next().unwrap().predicate.value.clone()
        }
    }
}

#[tokio::test]
async fn evidence_says_what_the_run_did_and_checked() {
    let bench = Bench::new().await;
    let worked = bench.run().await;
    assert_eq!(end(&worked), "published");
    let said = bench.said(BUNDLE, "pkgs/apps/Widget-1.0.pkg");
    let digest = Sha256::of(&package("1.0", b"one"));

    let provenance = said(SLSA_PROVENANCE);
    let run = provenance.pointer("/runDetails/metadata/invocationId");
    assert_eq!(run, Some(&json!(worked.run.to_string())));
    let inputs = provenance.pointer("/buildDefinition/resolvedDependencies");
    let inputs = inputs.and_then(Json::as_array).unwrap();
    let roles: Vec<_> = inputs.iter().map(|it| &it["annotations"]["role"]).collect();
    assert_eq!(roles, ["override", "parent", "download"]);
    let recipe = bench.folder.path().join("recipes/Widget.munki.recipe.yaml");
    let recipe = Sha256::of(&fs_err::read(recipe).unwrap());
    assert_eq!(inputs[1]["digest"]["sha256"], json!(recipe));
    assert_eq!(inputs[2]["digest"]["sha256"], json!(digest));
    assert_eq!(inputs[2]["uri"], json!(bench.vendor.url("/Widget.pkg")));
    assert!(inputs[2]["annotations"]["etag"].is_string(), "{inputs:?}");

    let checks = said(CHECKS);
    assert_eq!(checks["trust"]["approvedBy"], "me");
    assert_eq!(checks["trust"]["trustInfo"], "absent");
    assert_eq!(checks["signatures"], json!([]), "nothing was verified");
    assert_eq!(checks["waivers"], json!([]));
    assert_eq!(checks["steps"].as_array().unwrap().len(), 3);

    let scan = said(SCAN);
    assert_eq!(scan["media"][0]["sha256"], json!(digest));
    assert_eq!(scan["media"][0]["report"]["stats"]["malicious"], 0);
    assert_eq!(scan["media"][0]["verdict"]["action"], "release");
    let link = scan["media"][0]["report"]["permalink"].as_str().unwrap();
    assert!(link.ends_with(&digest.to_string()), "{link}");
}

#[tokio::test]
async fn evidence_is_of_all_files_of_the_item_and_the_log_tells_of_each() {
    let bench = Bench::new().await;
    assert_eq!(end(&bench.run().await), "published");
    let package = Sha256::of(&bench.bytes("pkgs/apps/Widget-1.0.pkg"));
    let verdict = verify_bundle(&bench.bytes(BUNDLE), &bench.keys(), package, None);
    let names: Vec<&str> = verdict.lines[0]
        .statement()
        .unwrap()
        .subjects
        .iter()
        .map(|subject| subject.name.as_str())
        .collect();
    let expected = ["pkgs/apps/Widget-1.0.pkg", "pkgsinfo/apps/Widget-1.0.plist"];
    assert_eq!(names, expected);

    let repository = FolderRepository::open(&bench.repository()).unwrap();
    let chain = repository.log().read(&bench.keys()).unwrap();
    let [entry] = chain.entries.as_slice() else {
        panic!("{chain:?}");
    };
    let Event::Published { title, files, .. } = &entry.event else {
        panic!("{entry:?}");
    };
    assert_eq!(title, TITLE);
    for file in files {
        assert_eq!(file.sha256, Sha256::of(&bench.bytes(&file.name)));
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, [expected[0], expected[1], BUNDLE]);
}

#[tokio::test]
async fn no_secret_is_in_evidence() {
    let bench = Bench::new().await;
    let mut request = Request::named(TITLE);
    let secret = ("API_TOKEN".to_owned(), json!("hunter3-canary"));
    request.variables.push(secret);
    assert_eq!(end(&bench.run_request(&request).await), "published");
    let said = bench.said(BUNDLE, "pkgs/apps/Widget-1.0.pkg");
    let all = [SLSA_PROVENANCE, CHECKS, SCAN].map(|kind| said(kind).to_string());
    let all = all.concat();
    assert!(all.contains("API_TOKEN"), "that it was set is a fact");
    assert!(!all.contains("-canary"), "{all}");
}

#[tokio::test]
async fn what_somebody_let_pass_is_told() {
    let bench = Bench::new().await.without_key().await;
    let mut request = Request::named(TITLE);
    request.accepted = vec![FailureClass::ScanInconclusive];
    assert_eq!(end(&bench.run_request(&request).await), "published");
    let said = bench.said(BUNDLE, "pkgs/apps/Widget-1.0.pkg");
    let checks = said(CHECKS);
    assert_eq!(checks["waivers"], json!(["scan-inconclusive"]));
    assert_eq!(checks["warnings"].as_array().unwrap().len(), 1, "{checks}");
    assert_eq!(said(SCAN)["media"][0]["report"], Json::Null);
}

#[tokio::test]
async fn an_argument_that_nobody_reads_is_told() {
    let bench = Bench::unapproved().await;
    let recipe = bench.folder.path().join("recipes/Widget.munki.recipe.yaml");
    let text = fs_err::read_to_string(&recipe).unwrap();
    let text = text.replace(
        "repo_subdirectory: apps",
        "repo_subdirectory: apps, repo_subdir: x",
    );
    fs_err::write(&recipe, text).unwrap();
    bench.approve().await;
    assert_eq!(end(&bench.run().await), "published");
    let checks = bench.said(BUNDLE, "pkgs/apps/Widget-1.0.pkg")(CHECKS);
    let warnings = checks["warnings"].as_array().unwrap();
    let told = warnings.iter().filter_map(Json::as_str);
    assert_eq!(
        told.filter(|told| told.contains("'repo_subdir'")).count(),
        1,
        "{checks}"
    );
}

#[tokio::test]
async fn a_run_that_was_parked_for_the_scanner_has_its_evidence_all_the_same() {
    let bench = Bench::new().await;
    let unknown = package("1.1", b"unknown to the scanner");
    let resource = testkit::vendor::Resource::file(unknown.clone());
    bench.vendor.put("/Widget.pkg", resource);
    bench.virus_total.set_polls_needed(1);
    bench.run().await;
    let bench = bench.restarted().await;
    while bench.files().is_empty() {
        bench.clock.advance(std::time::Duration::from_mins(1));
        bench.work().await;
    }
    let bundle = "evidence/apps/Widget-1.1.pkg.intoto.jsonl";
    let said = bench.said(bundle, "pkgs/apps/Widget-1.1.pkg");
    assert_eq!(said(CHECKS)["trust"]["approvedBy"], "me");
    let scan = bench.engine.db().scan_find(Sha256::of(&unknown));
    let scan = scan.await.unwrap().unwrap();
    assert!(matches!(scan.state, ScanState::Reported { .. }));
    assert!(said(SCAN)["media"][0]["report"]["analysedAt"].is_string());
}

#[tokio::test]
async fn nothing_is_published_with_a_key_that_others_could_use() {
    let bench = Bench::new().await;
    let key = bench.keyring();
    key.signer().unwrap();
    fs_err::set_permissions(key.private_path(), Permissions::from_mode(0o644)).unwrap();
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed publish");
    assert!(bench.files().is_empty());
    let failure = worked.failure.unwrap();
    assert!(failure.message.contains("make it 600"), "{failure:?}");
    fs_err::set_permissions(key.private_path(), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(end(&bench.run().await), "published");
    assert_eq!(bench.incidents().await, ["publish resolved 1"]);
}

#[tokio::test]
async fn nothing_is_published_that_the_log_could_not_tell_of() {
    let bench = Bench::new().await;
    assert_eq!(end(&bench.run().await), "published");
    let log = bench.repository().join("evidence/publications.jsonl");
    let whole = fs_err::read(&log).unwrap();
    fs_err::write(&log, b"").unwrap();
    bench.release("1.1", b"more");
    let before = bench.files();
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed publish");
    assert_eq!(bench.files(), before);
    let failure = worked.failure.unwrap();
    assert!(
        failure.message.contains("changed by somebody"),
        "{failure:?}"
    );
    fs_err::write(&log, whole).unwrap();
    assert_eq!(end(&bench.run().await), "published");
}
