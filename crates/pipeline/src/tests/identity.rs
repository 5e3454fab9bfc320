//! Runs of a title whose signatures are remembered.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use codesign::{Identity, IdentityKind};
use model::IdentityId;
use processors::{Call, Env, Input, Output, Outputs, Processor, Registry, StepContext, StepError};
use store::{HoldVerdict, IdentityDecision, IdentityState};
use testkit::{vendor::Resource, virus_total::Verdict};

use super::bench::{Bench, end, package};
use crate::{Decided, IdentityEntry, IdentityVerdict, Outcome};

/// In place of the step that judges Apple's signatures, which no test can make: takes the word of a file.
struct Verifier {
    signers: PathBuf,
}

#[async_trait]
impl Processor for Verifier {
    fn name(&self) -> &'static str {
        "CodeSignatureVerifier"
    }

    fn description(&self) -> &'static str {
        "Takes the word of a file."
    }

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    async fn run(
        &self,
        _call: &Call,
        context: &StepContext,
        _env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let found = fs_err::read_to_string(&self.signers).unwrap();
        let found: Vec<Identity> = serde_json::from_str(&found).unwrap();
        for identity in found {
            context.identities.note(identity);
        }
        Ok(Outputs::Declared)
    }
}

/// A house whose title has a step that verifies, and a vendor who releases a version for each run.
struct Signed {
    bench: Bench,
    version: u32,
}

impl Signed {
    async fn new() -> Self {
        let bench = Bench::unapproved().await;
        let recipe = bench.folder.path().join("recipes/Widget.munki.recipe.yaml");
        let text = fs_err::read_to_string(&recipe).unwrap();
        let step = "- Processor: CodeSignatureVerifier\n- Processor: MunkiImporter";
        let text = text.replace("- Processor: MunkiImporter", step);
        fs_err::write(&recipe, text).unwrap();
        bench.approve().await;
        Self { bench, version: 0 }.with_verifier()
    }

    fn with_verifier(mut self) -> Self {
        let mut registry = Registry::native();
        registry.add(Arc::new(Verifier {
            signers: self.signers(),
        }));
        self.bench.engine.registry = Arc::new(registry);
        self
    }

    fn signers(&self) -> PathBuf {
        self.bench.folder.path().join("signers.json")
    }

    fn sign(&self, by: &[Identity]) {
        fs_err::write(self.signers(), serde_json::to_string(by).unwrap()).unwrap();
    }

    /// The vendor releases a new version, and it is run; answers how that ended.
    async fn release(&mut self, by: &[Identity]) -> String {
        self.version += 1;
        let version = format!("{}.0", self.version);
        self.bench.release(&version, version.as_bytes());
        self.sign(by);
        end(&self.bench.run().await)
    }

    /// The last run once more.
    async fn again(&self) -> String {
        end(&self.bench.run().await)
    }

    async fn decide(&self, id: IdentityId, verdict: IdentityVerdict) -> Result<(), String> {
        let decision = IdentityDecision {
            by: "ann".to_owned(),
            reason: "asked the vendor".to_owned(),
        };
        let decided = self.bench.engine.decide_identity(id, verdict, decision);
        decided.await.map(drop).map_err(|failure| failure.message)
    }

    async fn approve(&self, id: IdentityId) -> Result<(), String> {
        self.decide(id, IdentityVerdict::Approve).await
    }

    /// How the title stands: the states, and whose signatures, newest first.
    async fn stands(&self) -> Vec<(&'static str, Vec<Identity>)> {
        let entries = self.entries().await.into_iter();
        entries
            .map(|entry| (entry.state.as_str(), entry.found.identities))
            .collect()
    }

    async fn entries(&self) -> Vec<IdentityEntry> {
        self.bench.engine.identities(None).await.unwrap()
    }

    /// The entry that waits for a person.
    async fn held(&self) -> IdentityEntry {
        let entries = self.entries().await.into_iter();
        let mut held = entries.filter(|entry| entry.state == IdentityState::Held);
        held.next().unwrap()
    }

    fn published(&self) -> usize {
        let files = self.bench.files();
        files
            .iter()
            .filter(|file| file.starts_with("pkgs/"))
            .count()
    }
}

fn by(team: &str) -> Identity {
    Identity {
        kind: IdentityKind::Code,
        identifier: Some("com.example.Widget".to_owned()),
        team_id: Some(team.to_owned()),
        authorities: vec![
            format!("Developer ID Application: Vendor ({team})"),
            "Apple Root CA".to_owned(),
        ],
        designated_requirement: Some("identifier \"com.example.Widget\"".to_owned()),
    }
}

const PUBLISHED: &str = "published";
const HELD: &str = "held identity-changed";

#[tokio::test]
async fn the_same_identity_is_remembered_once_and_passes() {
    let mut title = Signed::new().await;
    for _ in 0..2 {
        assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
        assert_eq!(title.stands().await, [("accepted", vec![by("A")])]);
    }
    let history = title.bench.engine.identity_history(None).await.unwrap();
    assert_eq!(history.len(), 1);
    let releases = title.bench.engine.db().release_list(&history[0].title);
    let identity = releases.await.unwrap()[0].identity.clone().unwrap();
    let remembered: Vec<Identity> = serde_json::from_str(&identity).unwrap();
    assert_eq!(remembered, [by("A")]);
}

#[tokio::test]
async fn another_identity_is_held_with_both_side_by_side_and_nothing_published() {
    let mut title = Signed::new().await;
    assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
    let before = title.bench.files();
    title.version += 1;
    title.bench.release("2.0", b"two");
    title.sign(&[by("B")]);
    let worked = title.bench.run().await;
    assert_eq!(end(&worked), HELD);
    assert_eq!(title.bench.files(), before);
    let failure = worked.failure.unwrap();
    assert_eq!(
        failure.message,
        "code `com.example.Widget` is signed by Developer ID Application: Vendor (B), and was signed by Developer ID \
         Application: Vendor (A)"
    );
    let held = title.held().await;
    assert!(
        failure
            .next_step()
            .contains(&format!("auto-update identity approve {} ", held.id)),
        "{}",
        failure.next_step()
    );
    assert_eq!(
        failure.detail.unwrap(),
        "changed: code `com.example.Widget`\n\
         \x20   identifier        com.example.Widget\n\
         \x20   team         was  A\n\
         \x20                now  B\n\
         \x20   authorities  was  Developer ID Application: Vendor (A) -> Apple Root CA\n\
         \x20                now  Developer ID Application: Vendor (B) -> Apple Root CA\n\
         \x20   requirement       identifier \"com.example.Widget\"\n"
    );
    let incidents = title.bench.engine.db();
    let incidents = incidents.incident_list(store::IncidentFilter::All).await;
    let excerpt = incidents.unwrap()[0].excerpt.clone();
    assert!(excerpt.contains("team         was  A"), "{excerpt}");
    assert!(excerpt.contains("now  B"), "{excerpt}");

    assert_eq!(title.again().await, HELD);
    assert_eq!(title.held().await.id, held.id, "it waits once");
    assert_eq!(title.bench.incidents().await, ["identity-changed open 2"]);
}

#[tokio::test]
async fn an_approval_lets_exactly_that_identity_pass_once() {
    let mut title = Signed::new().await;
    assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
    assert_eq!(title.release(&[by("B")]).await, HELD);
    let b = title.held().await.id;
    title.approve(b).await.unwrap();
    title.sign(&[by("C")]);
    assert_eq!(title.again().await, HELD, "B was approved, and not C");
    title.sign(&[by("B")]);
    assert_eq!(title.again().await, PUBLISHED);
    assert_eq!(title.stands().await, [("accepted", vec![by("B")])]);
    assert_eq!(
        title.bench.incidents().await,
        ["identity-changed resolved 2"]
    );
    let late = title.approve(b).await.unwrap_err();
    assert!(late.contains("nothing waits for a decision"), "{late}");

    // Back to A, which was never approved; and the approval of B was used up.
    assert_eq!(title.release(&[by("A")]).await, HELD);
    title.approve(title.held().await.id).await.unwrap();
    assert_eq!(title.again().await, PUBLISHED);
    assert_eq!(title.release(&[by("B")]).await, HELD);
}

#[tokio::test]
async fn an_approval_beside_one_identity_is_none_beside_another() {
    let mut title = Signed::new().await;
    assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
    assert_eq!(title.release(&[by("B")]).await, HELD);
    let b = title.held().await.id;
    assert_eq!(title.release(&[by("C")]).await, HELD);
    let c = title.held().await.id;
    title.approve(b).await.unwrap();
    title.approve(c).await.unwrap();
    assert_eq!(title.again().await, PUBLISHED);
    // What ann saw was B beside A; now it is B beside C.
    assert_eq!(title.release(&[by("B")]).await, HELD);
    assert_eq!(title.held().await.accepted.identities, [by("C")]);
}

#[tokio::test]
async fn a_refusal_keeps_it_held_and_says_so_until_somebody_approves() {
    let mut title = Signed::new().await;
    assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
    assert_eq!(title.release(&[by("B")]).await, HELD);
    let b = title.held().await.id;
    title.decide(b, IdentityVerdict::Refuse).await.unwrap();
    let twice = title.decide(b, IdentityVerdict::Refuse).await.unwrap_err();
    assert!(twice.contains("refused by ann"), "{twice}");
    for _ in 0..2 {
        let worked = title.bench.run().await;
        assert_eq!(end(&worked), HELD);
        let message = worked.failure.unwrap().message;
        assert!(message.contains("; ann refused that on "), "{message}");
        assert!(message.ends_with(": asked the vendor"), "{message}");
    }
    assert_eq!(title.published(), 1);
    title.approve(b).await.unwrap();
    assert_eq!(title.again().await, PUBLISHED);
    let history = title.bench.engine.identity_history(None).await.unwrap();
    let states: Vec<_> = history.iter().map(|entry| entry.state.as_str()).collect();
    assert_eq!(
        states,
        ["accepted", "approved", "refused", "held", "accepted"],
        "nothing is forgotten"
    );
}

#[tokio::test]
async fn what_is_not_checked_any_more_is_a_change_and_what_is_checked_first_is_none() {
    let mut title = Signed::new().await;
    assert_eq!(title.release(&[]).await, PUBLISHED);
    assert_eq!(title.stands().await, []);
    assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
    assert_eq!(title.release(&[]).await, HELD);
    title.approve(title.held().await.id).await.unwrap();
    assert_eq!(title.again().await, PUBLISHED);
    assert_eq!(title.release(&[]).await, PUBLISHED);

    // A while without checks does not make anybody welcome.
    assert_eq!(title.release(&[by("B")]).await, HELD);
    assert_eq!(title.held().await.accepted.identities, [by("A")]);
    title.sign(&[by("A")]);
    assert_eq!(title.again().await, PUBLISHED);
    assert_eq!(title.release(&[]).await, HELD, "approved once");
}

#[tokio::test]
async fn a_thing_more_by_the_same_signer_is_remembered_with_the_others() {
    let mut title = Signed::new().await;
    let tool = Identity {
        identifier: Some("tool".to_owned()),
        ..by("A")
    };
    assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
    assert_eq!(title.release(&[by("A"), tool.clone()]).await, PUBLISHED);
    assert_eq!(title.release(&[by("A")]).await, HELD, "now it is missed");
    assert_eq!(
        title.stands().await,
        [("held", vec![by("A")]), ("accepted", vec![by("A"), tool]),]
    );
}

#[tokio::test]
async fn a_refusal_reaches_a_run_that_waits_for_the_scanner() {
    let mut title = Signed::new().await;
    assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
    assert_eq!(title.release(&[by("B")]).await, HELD);
    let b = title.held().await.id;
    title.approve(b).await.unwrap();
    let unknown = package("9.0", b"unknown to the scanner");
    title
        .bench
        .vendor
        .put("/Widget.pkg", Resource::file(unknown));
    title.bench.virus_total.will_say_of_others(Verdict::clean());
    title.bench.virus_total.set_polls_needed(1);
    let parked = title.bench.run().await;
    assert!(
        matches!(parked.outcome, Outcome::Parked { .. }),
        "{:?}",
        parked.outcome
    );
    title.decide(b, IdentityVerdict::Refuse).await.unwrap();
    title.bench = title.bench.restarted().await;
    let mut title = title.with_verifier();
    title.bench.clock.advance(Duration::from_mins(5));
    assert_eq!(end(&title.bench.work().await.unwrap()), HELD);
    assert_eq!(title.published(), 1);
    title.version = 9;
    assert_eq!(title.release(&[by("A")]).await, PUBLISHED);
}

#[tokio::test]
async fn a_hold_is_about_the_signatures_of_its_own_run() {
    let mut title = Signed::new().await;
    assert_eq!(title.release(&[by("A")]).await, "published");
    assert_eq!(title.release(&[by("B")]).await, HELD);
    assert_eq!(title.release(&[by("C")]).await, HELD);
    // Again what the first of them found: the entry is that of another run.
    assert_eq!(title.release(&[by("B")]).await, HELD);
    let engine = title.bench.engine.clone();
    let hold = engine.holds().await.unwrap().remove(0);
    let said = ("ada", "asked them");
    let decide = |verdict| engine.decide_hold(hold.run.id, verdict, said, Some(hold.about));
    decide(HoldVerdict::Refuse).await.unwrap();
    let refused = engine.held(hold.run.id).await.unwrap();
    assert!(refused.refused().is_some() && refused.about == hold.about);
    let passed = decide(HoldVerdict::Approve).await.unwrap();
    assert!(matches!(passed, Decided::Passed(_)), "{passed:?}");
    let stands = title.stands().await;
    assert!(stands.contains(&("approved", vec![by("B")])), "{stands:?}");
    assert!(stands.contains(&("held", vec![by("C")])), "{stands:?}");
}
