//! Runs of titles whose vendors give proofs beside their downloads.

use std::sync::Arc;

use glob::Pattern;
use model::Sha256;
use processors::{AskedProof, ProofBy};
use proofs::VendorKey;
use serde_json::json;
use store::{IdentityDecision, IdentityState};
use testkit::{
    sparkle::{Updater, feed},
    vendor::Resource,
    virus_total::Verdict,
};

use super::bench::{Bench, end, package};
use crate::{IdentityEntry, IdentityVerdict, Worked};

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

const PUBLISHED: &str = "published";
const HELD: &str = "held identity-changed";
const REFUSED: &str = "failed code-signature";

/// A house whose title comes from a Sparkle feed, and a vendor who releases a version for each run.
struct Updated {
    bench: Bench,
    version: u32,
}

impl Updated {
    async fn new() -> Self {
        let bench = Bench::unapproved().await;
        let provider = format!(
            "- Processor: SparkleUpdateInfoProvider\n  Arguments: {{appcast_url: '{}'}}\n- Processor: URLDownloader",
            bench.vendor.url("/appcast.xml")
        );
        let arguments = format!(
            "url: '{}', filename: Widget.pkg",
            bench.vendor.url("/Widget.pkg")
        );
        edit_recipe(
            &bench,
            &[
                ("- Processor: URLDownloader", &provider),
                (&arguments, "filename: Widget.dmg"),
            ],
        );
        bench.approve().await;
        Self { bench, version: 0 }
    }

    /// The vendor releases an application that trusts `carries`, signed by `signs`, and it is run.
    async fn release(&mut self, carries: &Updater, signs: Option<&Updater>) -> String {
        self.put(carries, |image| signs.map(|signs| signs.sign(image)));
        self.again().await
    }

    fn put(&mut self, carries: &Updater, signature: impl FnOnce(&[u8]) -> Option<String>) {
        self.version += 1;
        let version = format!("{}.0", self.version);
        let image = self.image(&carries.info(&version));
        let feed = feed(
            &version,
            &self.bench.vendor.url("/Widget.dmg"),
            signature(&image).as_deref(),
        );
        let verdict = Verdict::clean();
        self.bench.virus_total.know(Sha256::of(&image), verdict);
        self.bench.vendor.put("/Widget.dmg", Resource::file(image));
        self.bench.vendor.put("/appcast.xml", Resource::page(&feed));
    }

    fn image(&self, info: &str) -> Vec<u8> {
        let folder = self.bench.folder.path().join(self.version.to_string());
        let contents = folder.join("image/Widget.app/Contents");
        fs_err::create_dir_all(&contents).unwrap();
        fs_err::write(contents.join("Info.plist"), info).unwrap();
        let image = folder.join("Widget.dmg");
        media::write::dmg(&folder.join("image"), "Widget", &image).unwrap();
        fs_err::read(image).unwrap()
    }

    async fn again(&self) -> String {
        end(&self.bench.run().await)
    }

    async fn entries(&self) -> Vec<IdentityEntry> {
        self.bench.engine.identities(None).await.unwrap()
    }

    /// How the title stands: the states and keys, newest first.
    async fn stands(&self) -> Vec<(&'static str, Vec<VendorKey>)> {
        let entries = self.entries().await.into_iter();
        entries
            .map(|entry| (entry.state.as_str(), entry.found.keys))
            .collect()
    }

    /// A person approves what waits.
    async fn approve(&self) {
        let mut entries = self.entries().await.into_iter();
        let held = entries.find(|entry| entry.state == IdentityState::Held);
        let decision = IdentityDecision {
            by: "ann".to_owned(),
            reason: "asked the vendor".to_owned(),
        };
        let approve = IdentityVerdict::Approve;
        let decided = self
            .bench
            .engine
            .decide_identity(held.unwrap().id, approve, decision);
        decided.await.unwrap();
    }
}

fn key(of: &Updater) -> VendorKey {
    VendorKey::sparkle_ed25519(&of.public_key()).unwrap()
}

#[tokio::test]
async fn the_key_of_the_first_publication_is_pinned_and_judges_from_then_on() {
    let (vendor, stranger) = (Updater::new(1), Updater::new(2));
    let mut title = Updated::new().await;
    for _ in 0..2 {
        assert_eq!(title.release(&vendor, Some(&vendor)).await, PUBLISHED);
        assert_eq!(title.stands().await, [("accepted", vec![key(&vendor)])]);
    }
    let files = title.bench.files();
    assert_eq!(title.release(&vendor, Some(&stranger)).await, REFUSED);
    title.put(&vendor, |_image| Some(vendor.sign(b"another file")));
    let worked = title.bench.run().await;
    assert_eq!(end(&worked), REFUSED);
    assert_eq!(
        checks(&title.bench, &worked).await,
        ["URLDownloader sparkle-ed25519 fail"]
    );
    let failure = worked.failure.unwrap();
    let told = format!(
        "the feed's signature does not verify; the pinned key sparkle-ed25519 {}: the signature is not this key's, or \
         not of this file",
        vendor.public_key()
    );
    assert_eq!(failure.said(), told);
    assert_eq!(title.bench.files(), files, "nothing was published");
    assert_eq!(title.bench.incidents().await, ["code-signature open 2"]);
    assert_eq!(title.release(&vendor, Some(&vendor)).await, PUBLISHED);
}

#[tokio::test]
async fn the_first_time_the_applications_own_key_must_have_signed() {
    let (vendor, stranger) = (Updater::new(1), Updater::new(2));
    let mut title = Updated::new().await;
    assert_eq!(title.release(&vendor, Some(&stranger)).await, REFUSED);
    assert!(title.bench.files().is_empty());
    assert_eq!(title.stands().await, []);
    title.put(&vendor, |_image| Some("AAAA".to_owned()));
    assert_eq!(title.again().await, REFUSED, "cut short");
}

#[tokio::test]
async fn another_key_is_held_with_both_side_by_side_until_somebody_approves() {
    let (old, new) = (Updater::new(1), Updater::new(2));
    let mut title = Updated::new().await;
    assert_eq!(title.release(&old, Some(&old)).await, PUBLISHED);
    title.put(&new, |image| Some(new.sign(image)));
    let worked = title.bench.run().await;
    assert_eq!(end(&worked), HELD);
    let failure = worked.failure.unwrap();
    let (was, now) = (old.public_key(), new.public_key());
    assert_eq!(
        failure.message,
        format!("the vendor's own key is sparkle-ed25519 {now}, and was sparkle-ed25519 {was}")
    );
    let detail = failure.detail.unwrap();
    let both = format!("    key          was  {was}\n                 now  {now}\n");
    assert!(detail.contains(&both), "{detail}");
    title.approve().await;
    assert_eq!(title.again().await, PUBLISHED);
    assert_eq!(title.stands().await, [("accepted", vec![key(&new)])]);
    assert_eq!(title.release(&old, Some(&old)).await, HELD, "approved once");
}

#[tokio::test]
async fn an_application_that_the_known_key_signed_and_that_trusts_another_is_held() {
    let (old, new) = (Updater::new(1), Updater::new(2));
    let mut title = Updated::new().await;
    assert_eq!(title.release(&old, Some(&old)).await, PUBLISHED);
    assert_eq!(title.release(&new, Some(&old)).await, HELD);
    title.approve().await;
    assert_eq!(title.again().await, PUBLISHED);
    assert_eq!(title.release(&new, Some(&new)).await, PUBLISHED);
}

#[tokio::test]
async fn a_signature_that_is_gone_is_held_and_the_old_key_stays_the_measure() {
    let (vendor, stranger) = (Updater::new(1), Updater::new(2));
    let mut title = Updated::new().await;
    assert_eq!(title.release(&vendor, Some(&vendor)).await, PUBLISHED);
    assert_eq!(title.release(&vendor, None).await, HELD);
    title.approve().await;
    assert_eq!(title.again().await, PUBLISHED);
    assert_eq!(title.release(&vendor, None).await, PUBLISHED);
    assert_eq!(title.release(&stranger, Some(&stranger)).await, HELD);
    assert_eq!(title.release(&vendor, Some(&vendor)).await, PUBLISHED);
}

#[tokio::test]
async fn a_feed_without_signatures_is_noted_and_a_first_one_is_welcome() {
    let vendor = Updater::new(1);
    let mut title = Updated::new().await;
    title.put(&vendor, |_image| None);
    let worked = title.bench.run().await;
    assert_eq!(end(&worked), PUBLISHED);
    assert_eq!(
        checks(&title.bench, &worked).await,
        ["URLDownloader sparkle-signature not-made"]
    );
    assert_eq!(title.stands().await, []);
    assert_eq!(title.release(&vendor, Some(&vendor)).await, PUBLISHED);
    assert_eq!(title.stands().await, [("accepted", vec![key(&vendor)])]);
}

/// The operator asks for a digest of the title's downloads that `files` names.
fn ask(bench: &mut Bench, files: &str, digest: &str) {
    let parts = Arc::get_mut(&mut bench.engine.parts).unwrap();
    parts.signatures.proofs = ["Widget.munki", "Another.munki"]
        .map(|title| AskedProof {
            title: title.parse().unwrap(),
            files: Pattern::new(files).unwrap(),
            by: ProofBy::Digest {
                value: digest.to_owned(),
            },
        })
        .into();
}

#[tokio::test]
async fn what_the_operator_asks_for_decides_and_must_have_been_asked_of_something() {
    let mut bench = Bench::new().await;
    ask(
        &mut bench,
        "*.pkg",
        &Sha256::of(b"another file").to_string(),
    );
    assert_eq!(end(&bench.run().await), "failed checksum");
    let digest = Sha256::of(&package("1.0", b"one")).to_string();
    ask(&mut bench, "*.dmg", &digest);
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed configuration");
    let failure = worked.failure.unwrap();
    assert_eq!(
        failure.message,
        "The configuration asks for the proof `vendor-digest` of downloads like `*.dmg`, and there was none"
    );
    assert!(bench.files().is_empty());
    ask(&mut bench, "*.pkg", &digest);
    let worked = bench.run().await;
    assert_eq!(end(&worked), PUBLISHED);
    assert_eq!(
        checks(&bench, &worked).await,
        ["URLDownloader vendor-digest pass"]
    );
    assert_eq!(end(&bench.run().await), "unchanged");
}
