//! `incident connectors` and `incident test-fire`: who is told, and whether that works.

use desk::{ConnectorState, Desk};
use model::Timestamp;
use serde_json::{Value, json};

use crate::{
    cli::incident::{Connectors, TestFire},
    exit::ExitStatus,
    printer::Printer,
};

/// Shows each connector and how it fares.
pub(super) async fn list(
    arguments: &Connectors,
    desk: &Desk,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let connectors = desk.connectors().await?;
    for connector in &connectors {
        if arguments.json {
            printer.data(to_json(connector))?;
        } else {
            for line in lines(connector) {
                printer.data(line)?;
            }
        }
    }
    if connectors.is_empty() && !arguments.json {
        printer.talk("Nobody is told of incidents: no connector is configured");
    }
    Ok(ExitStatus::Done)
}

/// Tells one connector of a test.
pub(super) async fn test_fire(
    arguments: &TestFire,
    desk: &Desk,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let name = &arguments.connector;
    let ticket = desk.test_fire(name).await?;
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "connector": name,
            "ticket": ticket.as_ref().map(|ticket| &ticket.reference),
            "url": ticket.as_ref().and_then(|ticket| ticket.url.as_ref()),
        }))?;
        return Ok(ExitStatus::Done);
    }
    let place = ticket.map(|ticket| ticket.url.unwrap_or(ticket.reference));
    let place = place.map_or(String::new(), |place| format!(": {place}"));
    // A webhook is no desk: there is no incident that could end.
    let took = if desk.webhooks().any(|webhook| webhook == name) {
        "the test"
    } else {
        "the test and its end"
    };
    printer.data(format!("`{name}` took {took}{place}"))?;
    Ok(ExitStatus::Done)
}

/// In one word, whether it is told.
fn word(connector: &ConnectorState) -> &'static str {
    let health = &connector.health;
    if health.disabled_at.is_some() {
        "disabled"
    } else if !connector.configured {
        "not configured"
    } else if health.failures > 0 {
        "failing"
    } else if health.delivered_at.is_some() {
        "well"
    } else {
        "not tried"
    }
}

fn lines(connector: &ConnectorState) -> Vec<String> {
    let health = &connector.health;
    let mut lines = vec![format!(
        "{} {}, {} waiting, {} given up",
        health.connector,
        word(connector),
        health.pending,
        health.given_up
    )];
    let mut fact = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("  {name:<13} {value}")));
    };
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
    fact("delivered", at(health.delivered_at));
    let failed = health.failed_at.filter(|_| health.failures > 0);
    fact(
        "failed",
        failed.map(|at| {
            let why = health.last_error.as_deref().unwrap_or_default();
            format!("{at}, {} in a row: {why}", health.failures)
        }),
    );
    fact("rests until", at(health.resting_until));
    fact("disabled", at(health.disabled_at));
    fact("told of", Some(told_of(connector).join(", ")));
    lines
}

fn told_of(connector: &ConnectorState) -> Vec<&str> {
    let events = connector.events.iter().map(|kind| kind.as_str());
    events
        .chain(connector.topics.iter().map(String::as_str))
        .collect()
}

fn to_json(connector: &ConnectorState) -> Value {
    let health = &connector.health;
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "schema": 1,
        "connector": health.connector,
        "state": word(connector),
        "configured": connector.configured,
        "events": told_of(connector),
        "pending": health.pending,
        "given_up": health.given_up,
        "delivered_at": at(health.delivered_at),
        "failed_at": at(health.failed_at),
        "failures": health.failures,
        "last_error": health.last_error,
        "resting_until": at(health.resting_until),
        "disabled_at": at(health.disabled_at),
    })
}
