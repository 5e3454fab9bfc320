//! What vendors give beside their downloads.

use model::{FailureClass, Sha256};
use serde_json::json;
use testkit::vendor::Resource;

use crate::{StepError, bench::Bench};

const API: &str = "/repos/w/w/releases";

/// A bench on which GitHub has told of an asset, and of the digest that its bytes have.
async fn with_asset(digest: &serde_json::Value) -> Bench {
    let mut bench = Bench::new().await;
    let releases = json!([{"tag_name": "v1.0", "assets": [{
        "name": "Widget.zip",
        "url": bench.vendor.url("/assets/1"),
        "browser_download_url": bench.vendor.url("/Widget.zip"),
        "digest": digest,
    }]}]);
    bench.vendor.put(API, Resource::page(&releases.to_string()));
    let ask = json!({"github_repo": "w/w", "GITHUB_URL": bench.vendor.url(""),
        "GITHUB_TOKEN_PATH": "/nonexistent"});
    bench.step("GitHubReleasesInfoProvider", ask).await.unwrap();
    for path in ["/Widget.zip", "/assets/1", "/elsewhere.zip"] {
        bench.vendor.put(path, Resource::file("one"));
    }
    bench.said();
    bench
}

/// Downloads from `url`; answers the checks that were made.
async fn download(bench: &mut Bench, path: &str) -> (Vec<String>, Result<(), StepError>) {
    let url = bench.vendor.url(path);
    let done = bench.step("URLDownloader", json!({"url": url})).await;
    let checks = bench.context.proofs.take_checks();
    let shown = checks.iter().map(ToString::to_string).collect();
    (shown, done.map(drop))
}

fn digest_of(bytes: &str) -> String {
    Sha256::of(bytes.as_bytes()).to_string()
}

#[tokio::test]
async fn an_asset_with_the_digest_that_git_hub_states_passes_new_and_unchanged() {
    let stated = json!(format!("sha256:{}", digest_of("one")));
    let mut bench = with_asset(&stated).await;
    let passed = format!("github-asset-digest: pass (SHA-256 {})", digest_of("one"));
    for path in ["/Widget.zip", "/assets/1", "/Widget.zip#top"] {
        let (checks, done) = download(&mut bench, path).await;
        done.unwrap();
        assert_eq!(checks, [&*passed], "{path}");
        assert!(bench.said().contains(&passed));
    }
    bench.context.downloads.commit().unwrap();
    let (checks, done) = download(&mut bench, "/Widget.zip").await;
    done.unwrap();
    assert_eq!(bench.env["download_changed"], false.into());
    assert_eq!(checks, [passed], "a file of an earlier run is hashed anew");
    assert!(
        bench.env.keys().all(|name| !name.contains("digest")),
        "no variable of ours is among AutoPkg's"
    );
}

#[tokio::test]
async fn an_asset_with_another_digest_stops_the_run() {
    let stated = json!(format!("sha256:{}", digest_of("two")));
    let mut bench = with_asset(&stated).await;
    let (checks, done) = download(&mut bench, "/Widget.zip").await;
    let error = done.unwrap_err();
    assert_eq!(error.class, FailureClass::Checksum);
    let why = format!(
        "GitHub says that the asset 'Widget.zip' has SHA-256 {}, and the download has SHA-256 {}",
        digest_of("two"),
        digest_of("one")
    );
    assert_eq!(error.message, why);
    assert!(error.next_step.unwrap().starts_with("Do not install"));
    assert_eq!(checks, [format!("github-asset-digest: fail ({why})")]);
}

#[tokio::test]
async fn a_digest_is_about_the_asset_and_about_no_other_file() {
    let stated = json!(format!("sha256:{}", digest_of("two")));
    let mut bench = with_asset(&stated).await;
    let (checks, done) = download(&mut bench, "/elsewhere.zip").await;
    done.unwrap();
    assert_eq!(checks, [""; 0]);
}

#[tokio::test]
async fn assets_without_a_digest_or_with_one_that_is_not_understood_pass() {
    let mut bench = with_asset(&json!(null)).await;
    let (checks, done) = download(&mut bench, "/Widget.zip").await;
    done.unwrap();
    assert_eq!(checks, [""; 0]);
    let mut bench = with_asset(&json!("blake3:00")).await;
    let (checks, done) = download(&mut bench, "/Widget.zip").await;
    done.unwrap();
    assert!(
        checks[0].starts_with("github-asset-digest: not-made (`blake3` is no algorithm"),
        "{checks:?}"
    );
}
