//! Runs: what is in the queue, what became of it, and having titles run.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use model::{RunId, RunState, Title};
use pipeline::Stopped;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Run as Stored, RunFilter, Step as StoredStep};
use tenancy::administration::Permit;

use super::{
    ROOT,
    answer::{Answer, Asked, Json, Named, Sent},
    gate::Calling,
    operation::{Endpoint, Method, Operation},
    paging::{Page, cursor, limit},
    problem::Problem,
    words::{At, Id, class_or_null, run_state, step_state, trigger},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let run = (Method::Post, Permit::Run);
    vec![
        Operation::look("run_list", "/runs", "Runs, newest first")
            .asking::<RunQuery>()
            .answering::<Page<Run>>(200)
            .by(list),
        Operation::change(run, "run_queue", "/runs", "Puts a run into the queue")
            .taking::<NewRun>()
            .answering::<Queued>(202)
            .refusing(&[404])
            .by(queue),
        Operation::look("run_show", "/runs/{run}", "A run, and what its steps did")
            .answering::<WholeRun>(200)
            .by(show),
        Operation::change(
            run,
            "run_cancel",
            "/runs/{run}/cancel",
            "Stops a run that nobody wants any more",
        )
        .answering::<Cancelled>(200)
        .refusing(&[409])
        .by(cancel),
    ]
}

/// Which runs are meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RunQuery {
    /// Only those of this title.
    title: Option<String>,
    /// Only those in this state.
    #[schemars(schema_with = "run_state")]
    #[serde(default)]
    state: Option<String>,
    /// The most that is to be on the page, 1 to 200; 50 if it is not said.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// One execution of an override.
#[derive(JsonSchema, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "verbs call it the same in their JSON"
)]
pub(super) struct Run {
    /// Its id.
    run: Id,
    /// The title.
    title: String,
    /// What set it off.
    #[schemars(schema_with = "trigger")]
    trigger: &'static str,
    /// Where it stands.
    #[schemars(schema_with = "run_state")]
    state: &'static str,
    /// When it was asked for.
    queued_at: At,
    /// When somebody took it up.
    started_at: Option<At>,
    /// When it came to an end, or to where it waits for a person.
    finished_at: Option<At>,
    /// When it is carried on, if it has not ended.
    due_at: Option<At>,
    /// Runs of a higher number go first.
    priority: i64,
    /// The label that a worker must have.
    label: Option<String>,
    /// How often it was tried.
    tries: u32,
    /// Who has asked for its end.
    cancelled_by: Option<String>,
    /// What kind of failure it ended with.
    #[schemars(schema_with = "class_or_null")]
    class: Option<&'static str>,
    /// What happened, for people.
    cause: Option<String>,
    /// What to do about it.
    next_step: Option<String>,
    /// The incident that tells of it.
    incident: Option<Id>,
}

impl Run {
    pub(super) fn of(run: Stored) -> Self {
        let due_at = run.finished_at.is_none().then_some(At(run.due_at));
        let failure = run.failure;
        let incident = failure.as_ref().and_then(|it| it.incident);
        Self {
            run: Id::of(run.id),
            title: run.title.to_string(),
            trigger: run.trigger.as_str(),
            state: run.state.as_str(),
            queued_at: At(run.queued_at),
            started_at: run.started_at.map(At),
            finished_at: run.finished_at.map(At),
            due_at,
            priority: run.terms.priority,
            label: run.terms.label,
            tries: run.terms.tries,
            cancelled_by: run.cancelled_by,
            class: failure.as_ref().map(|it| it.class.as_str()),
            incident: incident.map(Id::of),
            next_step: failure.as_ref().map(|it| it.next_step.clone()),
            cause: failure.map(|it| it.cause),
        }
    }
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<RunQuery>,
) -> Result<Page<Run>, Problem> {
    let limit = limit(asked.limit)?;
    let state = asked.state.map(|state| state.parse::<RunState>());
    let title = asked.title.map(Title::try_from);
    let filter = RunFilter {
        before: cursor(asked.cursor.as_deref())?,
        state: state
            .transpose()
            .map_err(|error| Problem::not_understood(format!("{error}.")))?,
        title: title
            .transpose()
            .map_err(|error| Problem::not_understood(format!("{error}.")))?,
    };
    let runs = door.db.run_page(&filter, limit.saturating_add(1)).await?;
    Ok(Page::of(runs, limit, |run| run.id.to_string(), Run::of))
}

/// A run, and what its steps did.
#[derive(JsonSchema, Serialize)]
struct WholeRun {
    #[serde(flatten)]
    run: Run,
    /// Its steps, in the order they are carried out.
    steps: Vec<Step>,
}

/// One processor in a run.
#[derive(JsonSchema, Serialize)]
struct Step {
    /// The processor.
    processor: String,
    /// Where it stands.
    #[schemars(schema_with = "step_state")]
    state: &'static str,
    /// When it began.
    started_at: At,
    /// When it was over.
    finished_at: Option<At>,
    /// What it was given, without secrets.
    input: Option<Value>,
    /// What it made.
    output: Option<Value>,
}

async fn show(State(door): State<AdministrationDoor>, Named(id): Named<RunId>) -> Answer<WholeRun> {
    let run = door.db.run_find(id).await?;
    let run = run.ok_or_else(Problem::nothing_here)?;
    let steps = door.db.step_list(id).await?;
    let step = |step: StoredStep| Step {
        processor: step.processor,
        state: step.state.as_str(),
        started_at: At(step.started_at),
        finished_at: step.finished_at.map(At),
        input: step.input,
        output: step.output,
    };
    Ok(Json::ok(WholeRun {
        run: Run::of(run),
        steps: steps.into_iter().map(step).collect(),
    }))
}

/// What is to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRun {
    /// The override's name or identifier.
    #[serde(rename = "override")]
    #[schemars(length(min = 1, max = 255))]
    override_: String,
    /// Runs of a higher number go first, from -100 to 100; 50 if it is not said, before what is scheduled.
    #[serde(default = "soon")]
    #[schemars(range(min = -100, max = 100))]
    priority: i64,
    /// The label that a worker must have.
    #[serde(default)]
    label: Option<String>,
}

/// What somebody waits for goes before what is scheduled.
const fn soon() -> i64 {
    50
}

/// A run that is in the queue.
#[derive(JsonSchema, Serialize)]
struct Queued {
    /// The override.
    #[serde(rename = "override")]
    override_: String,
    /// The run.
    run: Id,
    /// Whether it was put there now; otherwise one of the title was not over yet.
    new: bool,
}

async fn queue(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Sent(wanted): Sent<NewRun>,
) -> Result<Response, Problem> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    // A path would name a file of the machine that this runs on.
    let title: Title = wanted
        .override_
        .parse()
        .map_err(|error| Problem::not_understood(format!("{error}.")))?;
    if !(-100..=100).contains(&wanted.priority) {
        return Err(Problem::not_understood("`priority` is -100 to 100."));
    }
    if !wanted.label.as_deref().is_none_or(pipeline::is_label) {
        let detail = "`label` has small letters, digits and `-` only.";
        return Err(Problem::not_understood(detail));
    }
    let request = pipeline::Request::named(title.as_str());
    if let Some(failure) = engine.unknown(&request).await? {
        return Err(Problem::new(StatusCode::NOT_FOUND, failure.message));
    }
    let mut new = engine.new_run(&request, model::Trigger::Manual).await?;
    new.terms.priority = wanted.priority;
    new.terms.label.clone_from(&wanted.label);
    let detail = format!("priority {}", wanted.priority);
    let queueing = door.db.run_queue(&new, engine.clock().now());
    let deed = ("run.queue", title.as_str(), detail);
    let (is_new, id) = match calling.recorded(deed, queueing).await? {
        store::Queued::New(id) => (true, id),
        store::Queued::Already(id) => (false, id),
    };
    let queued = Queued {
        override_: wanted.override_,
        run: Id::of(id),
        new: is_new,
    };
    let mut response = Json::with(StatusCode::ACCEPTED, queued).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("{ROOT}/runs/{id}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// A run that nobody wants any more.
#[derive(JsonSchema, Serialize)]
struct Cancelled {
    /// The run.
    run: Id,
    /// Whether it has ended; otherwise whoever carries it stops within half a minute.
    ended: bool,
}

async fn cancel(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<RunId>,
) -> Answer<Cancelled> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    if door.db.run_find(id).await?.is_none() {
        return Err(Problem::nothing_here());
    }
    let (about, who) = (id.to_string(), calling.caller.who());
    let stopping = async {
        match engine.stop(id, &who).await? {
            Stopped::Cancelled => Ok(true),
            Stopped::Asked => Ok(false),
            Stopped::Ended => Err(Problem::conflict("It has ended already.")),
            Stopped::Publishing => Err(Problem::conflict(
                "It is being published, and is not stopped any more.",
            )),
            Stopped::Unknown => Err(Problem::nothing_here()),
        }
    };
    let deed = ("run.cancel", about.as_str(), String::new());
    let ended = Box::pin(calling.recorded(deed, stopping)).await?;
    Ok(Json::ok(Cancelled {
        run: Id::of(id),
        ended,
    }))
}
