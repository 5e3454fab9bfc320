//! What vendors give beside their downloads.

use std::sync::Arc;

use glob::Pattern;
use model::{FailureClass, Sha256};
use serde_json::json;
use testkit::{minisign::Minisigner, vendor::Resource};

use crate::{AskedProof, ProofBy, Proofs, StepError, bench::Bench};

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

/// A bench on which the operator asks for a proof of what ends in `.zip`.
async fn asking(by: ProofBy) -> Bench {
    let mut bench = Bench::new().await;
    let asked = AskedProof {
        title: "Widget.munki".parse().unwrap(),
        files: Pattern::new("*.zip").unwrap(),
        by,
    };
    bench.context.proofs = Arc::new(Proofs::new(Vec::new(), vec![asked]));
    for path in ["/Widget.zip", "/Widget%201.zip", "/Widget.txt"] {
        bench.vendor.put(path, Resource::file("one"));
    }
    bench
}

fn checksums() -> ProofBy {
    ProofBy::Checksums {
        address: "%url%.sha256".to_owned(),
    }
}

fn minisign(by: &Minisigner) -> ProofBy {
    ProofBy::Minisign {
        address: "%url%.minisig".to_owned(),
        key: by.public_key().parse().unwrap(),
    }
}

/// What a download came to: the check, and the class of the failure.
async fn proved(bench: &mut Bench, path: &str) -> (String, Option<FailureClass>) {
    let (checks, done) = download(bench, path).await;
    let class = done.err().map(|error| {
        assert!(error.next_step.is_some(), "{error}");
        error.class
    });
    (checks.join("; "), class)
}

#[tokio::test]
async fn a_list_of_the_vendors_checksums_is_fetched_and_decides() {
    let mut bench = asking(checksums()).await;
    let (one, two) = (digest_of("one"), digest_of("two"));
    let pass = format!("vendor-checksums: pass (SHA-256 {one})");
    for list in [
        format!("{one}\n"),
        format!("{two}  Widget.dmg\n{one} *Widget.zip\n"),
        format!("SHA256 (Widget.zip) = {one}"),
    ] {
        bench
            .vendor
            .put("/Widget.zip.sha256", Resource::page(&list));
        let outcome = proved(&mut bench, "/Widget.zip").await;
        assert_eq!(outcome, (pass.clone(), None), "{list}");
    }
    for (list, why) in [
        (two.clone(), format!("the vendor states SHA-256 {two}, and the download has SHA-256 {one}")),
        (format!("{one}  Other.zip"), "the list does not name `Widget.zip`".to_owned()),
        ("<html></html>".to_owned(), "there is no checksum in it".to_owned()),
        (
            "f97c5d29941bfb1b2fdab0874906ab82".to_owned(),
            "the list has no usable digest of `Widget.zip`: MD5 is too weak: another file with the same value can be made"
                .to_owned(),
        ),
    ] {
        bench
            .vendor
            .put("/Widget.zip.sha256", Resource::page(&list));
        let outcome = proved(&mut bench, "/Widget.zip").await;
        let failed = format!("vendor-checksums: fail ({why})");
        assert_eq!(outcome, (failed, Some(FailureClass::Checksum)), "{list}");
    }
}

#[tokio::test]
async fn the_file_is_sought_by_the_name_that_the_vendor_gives_it() {
    let mut bench = asking(checksums()).await;
    let list = format!(
        "{}  Widget 1.zip\n{}  x",
        digest_of("one"),
        digest_of("two")
    );
    bench
        .vendor
        .put("/Widget%201.zip.sha256", Resource::page(&list));
    bench.env.insert("filename".to_owned(), "Stored.zip".into());
    let (check, class) = proved(&mut bench, "/Widget%201.zip").await;
    assert_eq!(class, None, "{check}");
    let stored = list.replace("Widget 1.zip", "Stored.zip");
    bench
        .vendor
        .put("/Widget%201.zip.sha256", Resource::page(&stored));
    let (check, class) = proved(&mut bench, "/Widget%201.zip").await;
    assert_eq!(class, None, "{check}");
}

#[tokio::test]
async fn without_its_proof_a_download_is_refused_and_others_need_none() {
    let mut bench = asking(checksums()).await;
    let (check, class) = proved(&mut bench, "/Widget.zip").await;
    assert_eq!(class, Some(FailureClass::Download));
    assert!(check.contains("error: 404"), "{check}");
    let large = "0".repeat((1 << 20) + 1);
    bench
        .vendor
        .put("/Widget.zip.sha256", Resource::page(&large));
    let (check, class) = proved(&mut bench, "/Widget.zip").await;
    assert_eq!(class, Some(FailureClass::Download));
    assert!(check.contains("Maximum file size"), "{check}");
    assert_eq!(bench.context.proofs.missing().len(), 1, "never made");

    let (check, class) = proved(&mut bench, "/Widget.txt").await;
    assert_eq!((check.as_str(), class), ("", None));
}

#[tokio::test]
async fn a_digest_that_the_recipe_found_decides() {
    let value = "%expected_sha256%".to_owned();
    let mut bench = asking(ProofBy::Digest { value }).await;
    let (check, class) = proved(&mut bench, "/Widget.zip").await;
    assert_eq!(class, Some(FailureClass::Configuration));
    assert!(
        check.contains("`expected_sha256`, which is not set"),
        "{check}"
    );
    for (found, class) in [
        (digest_of("one"), None),
        (digest_of("two"), Some(FailureClass::Checksum)),
        (
            "f97c5d29941bfb1b2fdab0874906ab82".to_owned(),
            Some(FailureClass::Checksum),
        ),
        (String::new(), Some(FailureClass::Checksum)),
    ] {
        bench
            .env
            .insert("expected_sha256".to_owned(), found.as_str().into());
        let outcome = proved(&mut bench, "/Widget.zip").await;
        assert_eq!(outcome.1, class, "{found}: {}", outcome.0);
    }
}

#[tokio::test]
async fn only_the_pinned_minisign_key_proves() {
    let (vendor, stranger) = (Minisigner::new(1), Minisigner::new(2));
    let mut bench = asking(minisign(&vendor)).await;
    let whole = vendor.sign(b"one");
    let cut = whole.lines().take(2).collect::<Vec<_>>().join("\n");
    for (signature, passes) in [
        (whole, true),
        (vendor.sign(b"two"), false),
        (stranger.sign(b"one"), false),
        (cut, false),
    ] {
        bench
            .vendor
            .put("/Widget.zip.minisig", Resource::page(&signature));
        let (check, class) = proved(&mut bench, "/Widget.zip").await;
        let expected = (!passes).then_some(FailureClass::CodeSignature);
        assert_eq!(class, expected, "{check}");
        assert!(check.starts_with("minisign: "), "{check}");
    }
    assert_eq!(bench.context.proofs.missing().len(), 0);
}

#[tokio::test]
async fn only_the_pinned_openpgp_keys_prove() {
    let sample = |name: &str| {
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../proofs/src/openpgp/samples");
        fs_err::read(format!("{samples}/{name}")).unwrap()
    };
    let keys = proofs::OpenPgpKeys::read(&sample("a.asc")).unwrap();
    let address = "%url%.asc".to_owned();
    let mut bench = asking(ProofBy::OpenPgp { address, keys }).await;
    bench
        .vendor
        .put("/Widget.zip", Resource::file("the download"));
    for (name, passes) in [
        ("a.sig.asc", true),
        ("a.sig", true),
        ("b.sig.asc", false),
        ("sha1.sig.asc", false),
        ("README.md", false),
    ] {
        bench
            .vendor
            .put("/Widget.zip.asc", Resource::file(sample(name)));
        let (check, class) = proved(&mut bench, "/Widget.zip").await;
        let expected = (!passes).then_some(FailureClass::CodeSignature);
        assert_eq!(class, expected, "{name}: {check}");
        assert!(check.starts_with("openpgp: "), "{check}");
    }
    bench.vendor.put("/Widget.zip", Resource::file("another"));
    bench
        .vendor
        .put("/Widget.zip.asc", Resource::file(sample("a.sig")));
    let (_check, class) = proved(&mut bench, "/Widget.zip").await;
    assert_eq!(class, Some(FailureClass::CodeSignature));
}
