//! What is said: facts that the run recorded, and nothing else.

use std::collections::BTreeSet;

use ::evidence::KeyId;
use recipe::Member;
use serde_json::{Value as Json, json};
use store::{Run, Step};

use super::{Record, scan_facts::ScannedFacts};
use crate::{IdentityEntry, Request, Signers};

/// How recipes are carried out here, as provenance names it.
const BUILD_TYPE: &str = "urn:auto-update:autopkg-run:v1";

const SIGNATURE_STEP: &str = "CodeSignatureVerifier";
const SWITCH: &str = "DISABLE_CODE_SIGNATURE_VERIFICATION";
/// What a signature step was given to pin somebody by.
const PINS: [&str; 4] = [
    "expected_authorities",
    "expected_authority_names",
    "requirement",
    "requirements",
];

/// Everything that was recorded of a run.
pub(super) struct Facts {
    pub(super) run: Run,
    pub(super) request: Request,
    pub(super) record: Record,
    pub(super) steps: Vec<Step>,
    pub(super) media: Vec<ScannedFacts>,
    pub(super) signers: Signers,
    pub(super) identity_approval: Option<IdentityEntry>,
}

impl Facts {
    /// How the software came about: recipes in, downloads in, item out.
    ///
    /// # Source
    /// SLSA v1, "Provenance": `buildDefinition` and `runDetails`.
    pub(super) fn provenance(&self, key: KeyId) -> Json {
        let files = self.record.closure.members().iter().map(file);
        let downloads = self.record.downloads.iter().map(download);
        let finished = self.steps.iter().filter_map(|step| step.finished_at).max();
        let set: BTreeSet<&String> = self
            .request
            .variables
            .iter()
            .map(|(name, _)| name)
            .collect();
        json!({
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "title": self.run.title.as_str(),
                    "override": self.record.identifier,
                    "trigger": self.run.trigger.as_str(),
                    // Values may be secrets.
                    "variablesSetByHand": set,
                    "preprocessors": self.request.preprocessors,
                    "postprocessors": self.request.postprocessors,
                },
                "resolvedDependencies": files.chain(downloads).collect::<Vec<Json>>(),
            },
            "runDetails": {
                "builder": {
                    "id": format!("urn:auto-update:signer:{key}"),
                    "version": {"auto-update": env!("CARGO_PKG_VERSION")},
                },
                "metadata": {
                    "invocationId": self.run.id.to_string(),
                    "startedOn": self.run.started_at.map(|at| at.to_string()),
                    "finishedOn": finished.map(|at| at.to_string()),
                },
            },
        })
    }

    /// What was checked, against what, and who let what pass.
    pub(super) fn checks(&self) -> Json {
        let approval = self.identity_approval.as_ref().and_then(|entry| {
            let decision = entry.decision.as_ref()?;
            Some(json!({
                "approvedBy": decision.by,
                "reason": decision.reason,
                "at": entry.recorded_at.to_string(),
                "acceptedBefore": entry.accepted,
            }))
        });
        json!({
            "trust": {
                "approvedBy": self.record.approved_by,
                "approvedAt": self.record.approved_at.map(|at| at.to_string()),
                "trustInfo": if self.record.has_trust_info { "verified" } else { "absent" },
            },
            "signatures": self.steps.iter().filter_map(signature).collect::<Vec<Json>>(),
            "proofs": self.steps.iter().flat_map(proofs).collect::<Vec<Json>>(),
            "signers": self.signers,
            "identityApproval": approval,
            "waivers": self.request.accepted.iter().map(|class| class.as_str()).collect::<Vec<_>>(),
            "warnings": self.record.warnings,
            "steps": self.steps.iter().map(step).collect::<Vec<Json>>(),
        })
    }
}

fn file(member: &Member) -> Json {
    let mut digest = serde_json::Map::new();
    if let Some(sha256) = member.sha256 {
        digest.insert("sha256".to_owned(), json!(sha256));
    }
    if let Some(commit) = &member.commit {
        digest.insert("gitCommit".to_owned(), json!(commit));
    }
    json!({
        "name": member.name,
        "digest": digest,
        "annotations": {"role": member.role},
    })
}

fn download(download: &super::record::Downloaded) -> Json {
    let mut entry = json!({
        "name": download.name,
        "annotations": {
            "role": "download",
            "redirects": download.redirects,
            "sizeBytes": download.len_bytes,
            "new": download.is_new,
            "etag": download.etag,
            "lastModified": download.last_modified,
        },
    });
    if let Some(members) = entry.as_object_mut() {
        if let Some(url) = &download.url {
            members.insert("uri".to_owned(), json!(url));
        }
        if let Some(sha256) = download.sha256 {
            members.insert("digest".to_owned(), json!({"sha256": sha256}));
        }
    }
    entry
}

/// A step that verified code signatures, or was told not to.
fn signature(step: &Step) -> Option<Json> {
    if step.processor != SIGNATURE_STEP {
        return None;
    }
    let given = |name: &str| step.input.as_ref().and_then(|input| input.get(name));
    let pinned: serde_json::Map<String, Json> = PINS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), given(name)?.clone())))
        .collect();
    let result = match (given(SWITCH).is_some_and(is_true), step.state) {
        (true, _) => "switched-off",
        (false, store::StepState::Done) => "pass",
        (false, _) => "not-made",
    };
    Some(json!({
        "step": step.position,
        "result": result,
        "pinned": pinned,
        "said": step.messages,
    }))
}

/// Truth as Python has it, which is what the step went by.
fn is_true(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(values) => !values.is_empty(),
        Json::Object(members) => !members.is_empty(),
    }
}

/// What was held against the downloads of a step.
fn proofs(step: &Step) -> Vec<Json> {
    let checks = step.checks.as_array().map_or(&[] as &[Json], Vec::as_slice);
    let with_step = |check: &Json| {
        let mut check = check.clone();
        if let Some(members) = check.as_object_mut() {
            members.insert("step".to_owned(), json!(step.position));
        }
        check
    };
    checks.iter().map(with_step).collect()
}

fn step(step: &Step) -> Json {
    json!({
        "processor": step.processor,
        "state": step.state,
        "startedAt": step.started_at.to_string(),
        "finishedAt": step.finished_at.map(|at| at.to_string()),
    })
}
