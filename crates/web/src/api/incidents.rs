//! Incidents, and what people do about them.

use axum::extract::State;
use model::IncidentId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Incident as Stored, IncidentEvent, IncidentFilter};
use tenancy::administration::Permit;

use super::{
    answer::{Answer, Asked, Json, Named, Sent},
    gate::Calling,
    operation::{Endpoint, Method, Operation},
    paging::{Page, cursor, limit},
    problem::Problem,
    words::{At, Id, class, incident_event, incident_state, priority},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let decide = (Method::Post, Permit::Decide);
    vec![
        Operation::look("incident_list", "/incidents", "Incidents, newest first")
            .asking::<IncidentQuery>()
            .answering::<Page<Incident>>(200)
            .by(list),
        Operation::look(
            "incident_show",
            "/incidents/{incident}",
            "An incident, and what became of it",
        )
        .answering::<WholeIncident>(200)
        .by(show),
        Operation::change(
            decide,
            "incident_acknowledge",
            "/incidents/{incident}/acknowledge",
            "Takes an incident",
        )
        .answering::<Incident>(200)
        .refusing(&[409])
        .by(acknowledge),
        Operation::change(
            decide,
            "incident_note",
            "/incidents/{incident}/notes",
            "Notes something about an incident",
        )
        .taking::<Remark>()
        .answering::<Incident>(200)
        .refusing(&[409])
        .by(note),
        Operation::change(
            decide,
            "incident_resolve",
            "/incidents/{incident}/resolve",
            "Ends an incident",
        )
        .taking::<Remark>()
        .answering::<Incident>(200)
        .refusing(&[409])
        .by(resolve),
    ]
}

/// Which incidents are meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct IncidentQuery {
    /// Whether those that are over are meant, too.
    #[serde(default)]
    all: bool,
    /// The most that is to be on the page, 1 to 200; 50 if it is not said.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A kind of failure of a title, over all its repeats.
#[derive(JsonSchema, Serialize)]
struct Incident {
    /// Its id.
    id: Id,
    /// Whose title.
    scope: String,
    /// The title.
    title: String,
    /// What kind of failure.
    #[schemars(schema_with = "class")]
    class: &'static str,
    /// How urgent it is.
    #[schemars(schema_with = "priority")]
    priority: &'static str,
    /// Where it stands.
    #[schemars(schema_with = "incident_state")]
    state: &'static str,
    /// What happened the last time, for people.
    cause: String,
    /// What to do about it.
    next_step: String,
    /// The run that failed last.
    run: Option<Id>,
    /// The step of that run.
    step: Option<String>,
    /// How often it happened.
    repeats: u32,
    /// How often it came back after it was resolved.
    reopened: u32,
    /// When it happened first.
    first_seen_at: At,
    /// When it happened last.
    last_seen_at: At,
    /// When its clocks began.
    opened_at: At,
    /// Until when somebody must have taken it.
    respond_by_at: At,
    /// Until when it must be over.
    resolve_by_at: At,
    /// When somebody took it.
    acknowledged_at: Option<At>,
    /// Who took it.
    acknowledged_by: Option<String>,
    /// When it was over.
    resolved_at: Option<At>,
    /// Why it is over.
    resolution: Option<String>,
    /// The incident that it became a part of.
    merged_into: Option<Id>,
}

impl Incident {
    fn of(incident: Stored) -> Self {
        Self {
            id: Id::of(incident.id),
            scope: incident.key.scope,
            title: incident.key.title.to_string(),
            class: incident.key.class.as_str(),
            priority: incident.priority.as_str(),
            state: incident.state.as_str(),
            cause: incident.cause,
            next_step: incident.next_step,
            run: incident.run.map(Id::of),
            step: incident.step,
            repeats: incident.repeats,
            reopened: incident.reopened,
            first_seen_at: At(incident.first_seen_at),
            last_seen_at: At(incident.last_seen_at),
            opened_at: At(incident.opened_at),
            respond_by_at: At(incident.respond_by_at),
            resolve_by_at: At(incident.resolve_by_at),
            acknowledged_at: incident.acknowledged_at.map(At),
            acknowledged_by: incident.acknowledged_by,
            resolved_at: incident.resolved_at.map(At),
            resolution: incident.resolution,
            merged_into: incident.keeping.merged_into.map(Id::of),
        }
    }
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<IncidentQuery>,
) -> Result<Page<Incident>, Problem> {
    let limit = limit(asked.limit)?;
    let before = cursor(asked.cursor.as_deref())?;
    let filter = if asked.all {
        IncidentFilter::All
    } else {
        IncidentFilter::Unresolved
    };
    let more = limit.saturating_add(1);
    let incidents = door.db.incident_page(filter, before, more).await?;
    let cursor = |incident: &Stored| incident.id.to_string();
    Ok(Page::of(incidents, limit, cursor, Incident::of))
}

/// An incident, and what became of it.
#[derive(JsonSchema, Serialize)]
struct WholeIncident {
    #[serde(flatten)]
    incident: Incident,
    /// The end of the log of the run that failed last.
    excerpt: String,
    /// What happened to it, in the order it did.
    history: Vec<PastEvent>,
}

/// Something that happened to an incident.
#[derive(JsonSchema, Serialize)]
struct PastEvent {
    /// Its number.
    sequence: u32,
    /// What.
    #[schemars(schema_with = "incident_event")]
    kind: &'static str,
    /// When.
    happened_at: At,
    /// What was said.
    remark: Option<String>,
}

async fn show(
    State(door): State<AdministrationDoor>,
    Named(id): Named<IncidentId>,
) -> Answer<WholeIncident> {
    let incident = door.db.incident_find(id).await?;
    let incident = incident.ok_or_else(Problem::nothing_here)?;
    let history = door.db.incident_history(id).await?;
    let happened = |event: IncidentEvent| PastEvent {
        sequence: event.sequence,
        kind: event.kind.as_str(),
        happened_at: At(event.happened_at),
        remark: event.remark,
    };
    Ok(Json::ok(WholeIncident {
        excerpt: incident.excerpt.clone(),
        history: history.into_iter().map(happened).collect(),
        incident: Incident::of(incident),
    }))
}

async fn acknowledge(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<IncidentId>,
) -> Answer<Incident> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    let (about, who) = (id.to_string(), calling.caller.who());
    let deed = ("incident.acknowledge", about.as_str(), String::new());
    let taking = engine.desk().acknowledge(id, &who);
    let incident = calling.recorded(deed, taking).await?;
    Ok(Json::ok(Incident::of(incident)))
}

/// What is said about an incident.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Remark {
    /// What there is to say.
    #[schemars(length(min = 1))]
    text: String,
}

impl Remark {
    fn said(&self) -> Result<&str, Problem> {
        let text = self.text.trim();
        if text.is_empty() {
            return Err(Problem::not_understood("`text` says nothing."));
        }
        Ok(text)
    }
}

async fn note(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<IncidentId>,
    Sent(remark): Sent<Remark>,
) -> Answer<Incident> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    let text = remark.said()?;
    let (about, who) = (id.to_string(), calling.caller.who());
    let deed = ("incident.note", about.as_str(), door.scrubber.scrub(text));
    let noting = engine.desk().note(id, &who, text);
    let incident = calling.recorded(deed, noting).await?;
    Ok(Json::ok(Incident::of(incident)))
}

async fn resolve(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<IncidentId>,
    Sent(remark): Sent<Remark>,
) -> Answer<Incident> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    let text = remark.said()?;
    let about = id.to_string();
    let deed = (
        "incident.resolve",
        about.as_str(),
        door.scrubber.scrub(text),
    );
    let resolving = engine.desk().resolve_by_hand(id, text);
    let incident = calling.recorded(deed, resolving).await?;
    Ok(Json::ok(Incident::of(incident)))
}
