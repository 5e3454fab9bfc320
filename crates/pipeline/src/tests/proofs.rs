//! Runs of titles whose vendors give proofs beside their downloads.

use model::Sha256;
use serde_json::json;
use testkit::vendor::Resource;

use super::bench::{Bench, end, package};
use crate::Worked;

/// A house whose title comes from GitHub.
async fn on_git_hub() -> Bench {
    let bench = Bench::unapproved().await;
    let provider = format!(
        "- Processor: GitHubReleasesInfoProvider\n  Arguments: {{github_repo: w/w, GITHUB_URL: '{}', GITHUB_TOKEN_PATH: \
         /nonexistent}}\n- Processor: URLDownloader",
        bench.vendor.url("")
    );
    let url = format!("url: '{}', ", bench.vendor.url("/Widget.pkg"));
    edit_recipe(
        &bench,
        &[("- Processor: URLDownloader", &provider), (&url, "")],
    );
    bench.approve().await;
    bench
}

fn edit_recipe(bench: &Bench, changes: &[(&str, &str)]) {
    let recipe = bench.folder.path().join("recipes/Widget.munki.recipe.yaml");
    let mut text = fs_err::read_to_string(&recipe).unwrap();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    fs_err::write(&recipe, text).unwrap();
}

/// GitHub states that the asset has the digest of `bytes`.
fn state_digest(bench: &Bench, bytes: &[u8]) {
    let releases = json!([{"tag_name": "v1.0", "assets": [{
        "name": "Widget.pkg",
        "url": bench.vendor.url("/assets/1"),
        "browser_download_url": bench.vendor.url("/Widget.pkg"),
        "digest": format!("sha256:{}", Sha256::of(bytes)),
    }]}]);
    let page = Resource::page(&releases.to_string());
    bench.vendor.put("/repos/w/w/releases", page);
}

/// The checks of a run, as `step name result`.
async fn checks(bench: &Bench, worked: &Worked) -> Vec<String> {
    let steps = bench.engine.db().step_list(worked.run).await.unwrap();
    let mut shown = Vec::new();
    for step in steps {
        let checks: Vec<proofs::Check> = serde_json::from_value(step.checks).unwrap();
        for check in checks {
            shown.push(format!(
                "{} {} {}",
                step.processor, check.name, check.result
            ));
        }
    }
    shown
}

#[tokio::test]
async fn an_asset_that_is_not_what_git_hub_states_is_an_incident_and_the_right_one_is_published() {
    let bench = on_git_hub().await;
    state_digest(&bench, b"another file");
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed checksum");
    assert!(bench.files().is_empty());
    assert_eq!(
        checks(&bench, &worked).await,
        ["URLDownloader github-asset-digest fail"]
    );
    assert_eq!(bench.incidents().await, ["checksum open 1"]);
    let failure = worked.failure.unwrap();
    assert!(
        failure
            .said()
            .starts_with("GitHub says that the asset 'Widget.pkg' has SHA-256 "),
        "{}",
        failure.message
    );

    state_digest(&bench, &package("1.0", b"one"));
    let worked = bench.run().await;
    assert_eq!(end(&worked), "published");
    assert_eq!(
        checks(&bench, &worked).await,
        ["URLDownloader github-asset-digest pass"]
    );
    assert_eq!(bench.incidents().await, ["checksum resolved 1"]);
}
