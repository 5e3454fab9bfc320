//! How the connectors to service desks and the webhooks fare.

use axum::extract::State;
use desk::ConnectorState;
use schemars::JsonSchema;
use serde::Serialize;
use tenancy::administration::Permit;

use super::{
    answer::{Answer, Asked, Json, Named},
    gate::Calling,
    operation::{Endpoint, Method, Operation},
    paging::{Page, PageQuery},
    problem::Problem,
    words::At,
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "connector_list",
            "/connectors",
            "How the connectors to service desks and the webhooks fare, by name",
        )
        .asking::<PageQuery>()
        .answering::<Page<Connector>>(200)
        .by(list),
        Operation::change(
            (Method::Post, Permit::Decide),
            "connector_test_fire",
            "/connectors/{connector}/test-fire",
            "Tells a desk of a test incident, and of its end",
        )
        .answering::<Fired>(200)
        .refusing(&[502])
        .by(test_fire),
    ]
}

/// How a connector fares.
#[derive(JsonSchema, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "verbs call it the same in their JSON"
)]
struct Connector {
    /// Its name.
    connector: String,
    /// Whether it is configured. What waits for one that is not is kept.
    configured: bool,
    /// Which events of incidents it is told of; of a webhook, which topics.
    events: Vec<String>,
    /// When its desk last took a delivery.
    delivered_at: Option<At>,
    /// When an attempt last failed.
    failed_at: Option<At>,
    /// How many attempts have failed since the last success.
    failures: u32,
    /// What went wrong last.
    last_error: Option<String>,
    /// Until when the desk wants to be left alone.
    resting_until: Option<At>,
    /// When it was disabled, because its desk wants to hear nothing any more.
    disabled_at: Option<At>,
    /// How many deliveries wait for it.
    pending: u32,
    /// How many deliveries to it were given up.
    given_up: u32,
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Connector>, Problem> {
    let connectors = match &door.engine {
        Some(engine) => engine.desk().connectors().await?,
        None => Vec::new(),
    };
    let cursor = |state: &ConnectorState| state.health.connector.clone();
    Page::cut(connectors, &asked, cursor, told)
}

fn told(state: ConnectorState) -> Connector {
    let health = state.health;
    let events = state
        .events
        .into_iter()
        .map(|kind| kind.as_str().to_owned());
    Connector {
        connector: health.connector,
        configured: state.configured,
        events: events.chain(state.topics).collect(),
        delivered_at: health.delivered_at.map(At),
        failed_at: health.failed_at.map(At),
        failures: health.failures,
        last_error: health.last_error,
        resting_until: health.resting_until.map(At),
        disabled_at: health.disabled_at.map(At),
        pending: health.pending,
        given_up: health.given_up,
    }
}

/// That a desk took a test.
#[derive(JsonSchema, Serialize)]
struct Fired {
    /// The connector.
    connector: String,
    /// What its desk calls the ticket, if it keeps such.
    ticket: Option<String>,
    /// Where that can be seen.
    url: Option<String>,
}

async fn test_fire(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(name): Named<String>,
) -> Answer<Fired> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    let known = engine.desk().connectors().await?;
    let is_known = |it: &ConnectorState| it.configured && it.health.connector == name;
    // Of what there is not, nothing is written down: the name may be anything.
    if !known.iter().any(is_known) {
        return Err(Problem::nothing_here());
    }
    let deed = ("connector.test-fire", name.as_str(), String::new());
    let ticket = calling
        .recorded(deed, engine.desk().test_fire(&name))
        .await?;
    Ok(Json::ok(Fired {
        ticket: ticket.as_ref().map(|ticket| ticket.reference.clone()),
        url: ticket.and_then(|ticket| ticket.url),
        connector: name,
    }))
}
