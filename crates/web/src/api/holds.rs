//! What waits for a person, and deciding it.

use axum::extract::State;
use model::{RunId, Sha256};
use pipeline::{Decided as Said, Hold as Held};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{HoldDecision, HoldVerdict};
use tenancy::administration::Permit;

use super::{
    answer::{Answer, Asked, Json, Named, Sent},
    gate::Calling,
    operation::{Endpoint, Method, Operation},
    paging::{Page, PageQuery},
    problem::Problem,
    words::{At, Id, class_or_null, sha256, verdict},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "hold_list",
            "/holds",
            "What waits for a person, oldest first",
        )
        .asking::<PageQuery>()
        .answering::<Page<Hold>>(200)
        .by(list),
        Operation::look(
            "hold_show",
            "/holds/{run}",
            "What waits for a person, and what there is to see of it",
        )
        .answering::<Hold>(200)
        .by(show),
        Operation::change(
            (Method::Post, Permit::Decide),
            "hold_decide",
            "/holds/{run}/decisions",
            "Approves or refuses what waits, of just what was shown",
        )
        .taking::<Decision>()
        .answering::<Outcome>(200)
        .refusing(&[404, 409])
        .by(decide),
    ]
}

/// A run that waits for a person.
#[derive(JsonSchema, Serialize)]
struct Hold {
    /// The run.
    run: Id,
    /// The title.
    title: String,
    /// What kind of failure it waits with.
    #[schemars(schema_with = "class_or_null")]
    class: Option<&'static str>,
    /// What happened, for people.
    cause: Option<String>,
    /// What to do about it.
    next_step: Option<String>,
    /// The incident that tells of it.
    incident: Option<Id>,
    /// Since when.
    since: Option<At>,
    /// The digest of what a decision would be about.
    #[schemars(schema_with = "sha256")]
    about: String,
    /// What there is to see: differences, both sides of a change.
    shown: Option<String>,
    /// How many must approve.
    people: u16,
    /// Who has approved what there is now.
    approved_by: Vec<String>,
    /// Who has refused it, if somebody has and nothing was said since.
    refused_by: Option<String>,
    /// Everything that was said to it.
    decisions: Vec<PastDecision>,
}

/// What somebody said to what waits.
#[derive(JsonSchema, Serialize)]
struct PastDecision {
    /// What.
    #[schemars(schema_with = "verdict")]
    verdict: &'static str,
    /// Who.
    by: String,
    /// Why.
    reason: String,
    /// The digest of what it was about.
    #[schemars(schema_with = "sha256")]
    about: String,
    /// When.
    at: At,
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Hold>, Problem> {
    let holds = match &door.engine {
        Some(engine) => engine.holds().await?,
        None => Vec::new(),
    };
    Page::cut(holds, &asked, |hold| hold.run.id.to_string(), told)
}

async fn show(State(door): State<AdministrationDoor>, Named(id): Named<RunId>) -> Answer<Hold> {
    Ok(Json::ok(told(held(&door, id).await?)))
}

/// What waits of this run.
async fn held(door: &AdministrationDoor, id: RunId) -> Result<Held, Problem> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    let waiting = door.db.hold_list().await?;
    if !waiting.iter().any(|run| run.id == id) {
        return Err(Problem::nothing_here());
    }
    Ok(engine.held(id).await?)
}

fn told(hold: Held) -> Hold {
    let failure = hold.run.failure.as_ref();
    let past = |decision: &HoldDecision| PastDecision {
        verdict: decision.verdict.as_str(),
        by: decision.by.clone(),
        reason: decision.reason.clone(),
        about: decision.about.to_string(),
        at: At(decision.at),
    };
    Hold {
        run: Id::of(hold.run.id),
        title: hold.run.title.to_string(),
        class: failure.map(|it| it.class.as_str()),
        cause: failure.map(|it| it.cause.clone()),
        next_step: failure.map(|it| it.next_step.clone()),
        incident: failure.and_then(|it| it.incident).map(Id::of),
        since: hold.run.finished_at.map(At),
        about: hold.about.to_string(),
        people: hold.people,
        approved_by: hold.approved_by().into_iter().map(str::to_owned).collect(),
        refused_by: hold.refused().map(|it| it.by.clone()),
        decisions: hold.decisions.iter().map(past).collect(),
        shown: hold.shown,
    }
}

/// What is said to what waits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// Whether it may pass.
    #[schemars(schema_with = "verdict")]
    verdict: HoldVerdict,
    /// Why.
    #[schemars(length(min = 1))]
    reason: String,
    /// `about` of the hold that was looked at: if something has changed since, nothing is decided.
    #[schemars(schema_with = "sha256")]
    about: String,
}

/// What came of it.
#[derive(JsonSchema, Serialize)]
struct Outcome {
    /// `passed`, `missing` (more people must approve) or `refused`.
    decided: &'static str,
    /// The run that will pass.
    run: Option<Id>,
    /// How many more must approve.
    missing: Option<u16>,
}

async fn decide(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<RunId>,
    Sent(decision): Sent<Decision>,
) -> Answer<Outcome> {
    held(&door, id).await?;
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    let reason = decision.reason.trim();
    if reason.is_empty() {
        return Err(Problem::not_understood("A decision needs a reason."));
    }
    let seen: Sha256 = decision
        .about
        .parse()
        .map_err(|error| Problem::not_understood(format!("`about`: {error}.")))?;
    let did = match decision.verdict {
        HoldVerdict::Approve => "hold.approve",
        HoldVerdict::Refuse => "hold.refuse",
    };
    let (about, who) = (id.to_string(), calling.caller.who());
    let deed = (did, about.as_str(), door.scrubber.scrub(reason));
    let deciding = engine.decide_hold(id, decision.verdict, (who.as_str(), reason), Some(seen));
    let (decided, run, missing) = match Box::pin(calling.recorded(deed, deciding)).await? {
        Said::Passed(run) => ("passed", Some(run), None),
        Said::Missing(people) => ("missing", None, Some(people)),
        Said::Refused => ("refused", None, None),
    };
    Ok(Json::ok(Outcome {
        decided,
        run: run.map(Id::of),
        missing,
    }))
}
