//! What goes on now, decisions about what waits for a person, and incidents.

use std::convert::Infallible;

use askama::Template;
use axum::{
    body::Bytes,
    extract::{FromRequestParts, Path, Query, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Redirect, Response},
};
use model::{IncidentId, RunId, Sha256};
use pipeline::{Engine, Hold};
use serde::Deserialize;
use store::{AuditOutcome, HoldVerdict, Incident, IncidentEvent, Run, StoreError};
use tenancy::administration::Deed;

use super::{
    AdministrationDoor,
    gate::{Asking, form},
    page::{self, Top},
};

/// How many of a kind the first page shows.
const FIRST: u32 = 12;

/// How many incidents are on a page.
const INCIDENTS: u32 = 100;

/// What carries runs out, where there is one.
pub(super) struct Works(pub(super) Engine);

impl FromRequestParts<AdministrationDoor> for Works {
    type Rejection = Response;

    async fn from_request_parts(
        _parts: &mut Parts,
        door: &AdministrationDoor,
    ) -> Result<Self, Response> {
        match &door.engine {
            Some(engine) => Ok(Self(engine.clone())),
            None => Err(page::nothing_here().await),
        }
    }
}

/// Whoever asks for the first page.
pub(super) struct First(bool);

impl FromRequestParts<AdministrationDoor> for First {
    type Rejection = Infallible;

    async fn from_request_parts(
        _parts: &mut Parts,
        door: &AdministrationDoor,
    ) -> Result<Self, Infallible> {
        Ok(Self(door.engine.is_some()))
    }
}

/// The first page: what is going on, or the tenants where nothing runs.
pub(super) async fn first(First(has_works): First) -> Redirect {
    Redirect::to(if has_works { "/now" } else { "/tenants" })
}

#[derive(Template)]
#[template(path = "administration/now.html")]
struct Now {
    top: Top,
    /// How many runs stand where that are not over, and how many ended today in which way.
    counts: Vec<(&'static str, u64)>,
    today: Vec<(&'static str, u64)>,
    holds: Vec<Hold>,
    /// How many wait for a person besides.
    more_holds: u64,
    incidents: Vec<Incident>,
    more_incidents: u64,
    runs: Vec<Run>,
}

/// What is going on.
pub(super) async fn now(Works(engine): Works, asking: Asking) -> Response {
    let holds = match engine.holds_page(None, FIRST).await {
        Ok(holds) => holds,
        Err(failure) => return not_done(&failure.message),
    };
    let told = async {
        let db = engine.db();
        let count = db.incident_count().await?;
        let shown = u64::try_from(holds.len()).unwrap_or(u64::MAX);
        let standing = db.run_standing().await?;
        let today = db.run_tally(engine.clock().now()).await?;
        Ok::<_, StoreError>(Now {
            top: Top::of(&asking.session),
            counts: standing
                .iter()
                .map(|it| (it.state.as_str(), it.count))
                .collect(),
            today: today
                .iter()
                .map(|it| (it.state.as_str(), it.count))
                .collect(),
            more_holds: db.hold_count().await?.saturating_sub(shown),
            holds,
            incidents: db.incident_urgent(0, FIRST).await?,
            more_incidents: count.saturating_sub(u64::from(FIRST)),
            runs: db.run_list(FIRST).await?,
        })
    };
    match told.await {
        Ok(now) => page::show(&now),
        Err(error) => page::failed(&error),
    }
}

#[derive(Template)]
#[template(path = "administration/hold.html")]
struct OneHold {
    top: Top,
    hold: Hold,
}

/// What waits for a person, and what there is to see of it.
pub(super) async fn hold(Works(engine): Works, asking: Asking, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<RunId>() else {
        return page::nothing_here().await;
    };
    match engine.held(id).await {
        Ok(hold) => page::show(&OneHold {
            top: Top::of(&asking.session),
            hold,
        }),
        Err(failure) => not_done(&failure.message),
    }
}

#[derive(Deserialize)]
struct Decision {
    verdict: String,
    reason: String,
    about: String,
}

/// Writes down what somebody says to what waits, of just what they were shown.
pub(super) async fn decide(
    State(door): State<AdministrationDoor>,
    Works(engine): Works,
    asking: Asking,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let decision: Decision = match form(&body) {
        Ok(decision) => decision,
        Err(response) => return *response,
    };
    let (verdict, about): (Option<HoldVerdict>, Option<Sha256>) =
        (decision.verdict.parse().ok(), decision.about.parse().ok());
    let (Ok(run), Some(verdict), Some(about)) = (id.parse::<RunId>(), verdict, about) else {
        return not_done("The form is not filled in as it has to be");
    };
    let reason = decision.reason.trim().to_owned();
    if reason.is_empty() {
        return not_done("A decision needs a reason");
    }
    let deed = Deed {
        who: &asking.session.name,
        did: match verdict {
            HoldVerdict::Approve => "hold.approve",
            HoldVerdict::Refuse => "hold.refuse",
        },
        about: &id,
        detail: door.scrubber.scrub(&reason),
    };
    let said = (asking.session.name.as_str(), reason.as_str());
    let deciding = async {
        let decided = engine.decide_hold(run, verdict, said, Some(about)).await;
        decided.map(drop).map_err(|failure| failure.message)
    };
    recorded(&asking, &deed, deciding, "/now").await
}

#[derive(Template)]
#[template(path = "administration/incidents.html")]
struct Unresolved {
    top: Top,
    incidents: Vec<Incident>,
    /// How many there are besides, and which page is the next.
    more: u64,
    next: u32,
}

/// Which page of a list that is shown whole otherwise.
#[derive(Deserialize)]
pub(super) struct PageAsked {
    #[serde(default)]
    page: u32,
}

/// The incidents that are not over, the most urgent first.
pub(super) async fn incidents(
    Works(engine): Works,
    asking: Asking,
    Query(asked): Query<PageAsked>,
) -> Response {
    let db = engine.db();
    let told = async {
        let skipped = asked.page.saturating_mul(INCIDENTS);
        let shown = u64::from(skipped.saturating_add(INCIDENTS));
        Ok::<_, StoreError>(Unresolved {
            top: Top::of(&asking.session),
            incidents: db.incident_urgent(skipped, INCIDENTS).await?,
            more: db.incident_count().await?.saturating_sub(shown),
            next: asked.page.saturating_add(1),
        })
    };
    match told.await {
        Ok(incidents) => page::show(&incidents),
        Err(error) => page::failed(&error),
    }
}

#[derive(Template)]
#[template(path = "administration/incident.html")]
struct OneIncident {
    top: Top,
    incident: Incident,
    history: Vec<IncidentEvent>,
}

/// An incident, and what became of it.
pub(super) async fn incident(
    Works(engine): Works,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = id.parse::<IncidentId>() else {
        return page::nothing_here().await;
    };
    let told = async {
        let incident = engine.db().incident_find(id).await?;
        let history = engine.db().incident_history(id).await?;
        Ok::<_, StoreError>((incident, history))
    };
    match told.await {
        Ok((Some(incident), history)) => page::show(&OneIncident {
            top: Top::of(&asking.session),
            incident,
            history,
        }),
        Ok((None, _)) => page::nothing_here().await,
        Err(error) => page::failed(&error),
    }
}

#[derive(Deserialize)]
struct Said {
    deed: String,
    #[serde(default)]
    text: String,
}

/// Takes an incident, notes something, or ends it.
pub(super) async fn look_after(
    State(door): State<AdministrationDoor>,
    Works(engine): Works,
    asking: Asking,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let said: Said = match form(&body) {
        Ok(said) => said,
        Err(response) => return *response,
    };
    let Ok(incident) = id.parse::<IncidentId>() else {
        return page::nothing_here().await;
    };
    let text = said.text.trim();
    let did = match said.deed.as_str() {
        "acknowledge" => "incident.acknowledge",
        "note" if !text.is_empty() => "incident.note",
        "resolve" if !text.is_empty() => "incident.resolve",
        _ => return not_done("Say what there is to say about it"),
    };
    let deed = Deed {
        who: &asking.session.name,
        did,
        about: &id,
        detail: door.scrubber.scrub(text),
    };
    let who = asking.session.name.as_str();
    let desk = engine.desk();
    let doing = async {
        let done = match did {
            "incident.acknowledge" => desk.acknowledge(incident, who).await,
            "incident.note" => desk.note(incident, who, text).await,
            _ => desk.resolve_by_hand(incident, text).await,
        };
        done.map(drop).map_err(|error| error.to_string())
    };
    recorded(&asking, &deed, doing, &format!("/incidents/{incident}")).await
}

/// Has something done and writes it down before and after; then another page is shown.
pub(super) async fn recorded(
    asking: &Asking,
    deed: &Deed<'_>,
    doing: impl Future<Output = Result<(), String>>,
    then: &str,
) -> Response {
    if let Err(error) = asking.audit.note(deed, AuditOutcome::Asked, "").await {
        return page::failed(&error);
    }
    let done = doing.await;
    let (outcome, why) = match &done {
        Ok(()) => (AuditOutcome::Done, ""),
        Err(why) => (AuditOutcome::Failed, why.as_str()),
    };
    if let Err(error) = asking.audit.note(deed, outcome, why).await {
        return page::failed(&error);
    }
    match done {
        Ok(()) => Redirect::to(then).into_response(),
        Err(why) => not_done(&why),
    }
}

pub(super) fn not_done(why: &str) -> Response {
    let why = why.trim_end_matches('.');
    page::refused(
        StatusCode::CONFLICT,
        &format!("{why}. Nothing was changed."),
    )
}
